"""A shop with one customer: steps of a case become the events that ingest would have published for them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec.structs import replace

from headrace.contracts import events
from headrace.contracts.events import (
    Address,
    AttributeSet,
    CartEvent,
    CustomerDeleted,
    CustomerPersonal,
    CustomerPinned,
    CustomerSnapshot,
    CustomerUnpinned,
    CustomEvent,
    EventData,
    OrderLine,
    OrderSnapshot,
    Refund,
    RefundLine,
    RefundRequested,
    StatusChange,
    revision,
)
from headrace.golden.model import Step, World
from headrace.rules.findings import Place, Refused, quoted
from headrace.rules.group_names import GroupNames

CUSTOMER_ID: Final = "7"
Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Published:
    """An event before it is encoded; `revision` of snapshots only."""

    type: str
    data: EventData
    revision: str | None = None


@dataclass(slots=True)
class Shop:
    """What the shop knows of the customer and the orders so far; `steps` numbers the reads, so revisions grow."""

    world: World
    opened: datetime
    orders: dict[str, OrderSnapshot] = field(default_factory=dict)
    customer: Fields = field(default_factory=dict)
    steps: int = 0

    def publish(self, step: Step, now: datetime, *, group: str | None, names: GroupNames | None = None) -> Published:
        """The event of one step at `now`; `group`: what we last told the shop to put the customer into, if anything.

        `names`: by which a step means the shop's groups.

        Raises `Refused` for a step that cannot happen.
        """
        self.steps += 1
        fields = step.fields
        match step.kind:
            case "customer":
                if names is not None and "group" in fields:
                    fields = fields | {"group": names.to_store(fields["group"])}
                return self._snapshot(events.CUSTOMER_SNAPSHOT, self._customer(fields, now, group), now)
            case "order":
                return self._snapshot(events.ORDER_SNAPSHOT, self._order(fields, now), now)
            case "refund":
                return self._snapshot(events.ORDER_SNAPSHOT, self._refund(fields, now, step.place), now)
            case "status":
                known = self._known(fields["order"], step.place)
                return self._snapshot(events.ORDER_SNAPSHOT, self._kept(known, now, status=fields["to"]), now)
            case "event":
                return Published(fields["type"], CustomEvent(payload=fields["payload"]))
            case "cart":
                return self._cart(fields)
            case "attribute":
                return Published(events.ATTRIBUTE_SET, AttributeSet(**fields))
            case _:
                return self._other(step)

    def _other(self, step: Step) -> Published:
        fields = step.fields
        match step.kind:
            case "refund_requested":
                self._known(fields["order"], step.place)
                data = RefundRequested(order_id=fields["order"], reason=fields.get("reason", ""))
                return Published(events.REFUND_REQUESTED, data)
            case "pin":
                pinned = CustomerPinned(**({"reason": "by hand"} | fields))
                return Published(events.CUSTOMER_PINNED, pinned)
            case "unpin":
                return Published(events.CUSTOMER_UNPINNED, CustomerUnpinned(**fields))
            case _:
                assert step.kind == "deleted", step.kind
                return Published(events.CUSTOMER_DELETED, CustomerDeleted(customer_id=CUSTOMER_ID))

    def _snapshot(self, type_: str, data: CustomerSnapshot | OrderSnapshot, now: datetime) -> Published:
        return Published(type_, data, revision(now, now + timedelta(milliseconds=self.steps)))

    def _customer(self, fields: Fields, now: datetime, group: str | None) -> CustomerSnapshot:
        self.customer |= ({} if group is None else {"group": group}) | fields
        known = self.customer
        email: str | None = known.get("email")
        birthday = known.get("birthday")
        return CustomerSnapshot(
            customer_id=CUSTOMER_ID,
            created_at=known.setdefault("created", min(self.opened, now)),
            modified_at=now,
            group=known.get("group", ""),
            email_domain=(email or "").rpartition("@")[2].lower(),
            company=known.get("company", ""),
            subscribed=known.get("subscribed"),
            addresses=tuple(map(_address, known.get("addresses", ()))),
            channel_ids=known.get("channels", ()),
            store_credit=known.get("store_credit"),
            consents=known.get("consents", {}),
            personal=CustomerPersonal(
                email=email,
                first_name=known.get("first_name"),
                last_name=known.get("last_name"),
                phone=known.get("phone"),
                birthday=None if birthday is None else birthday.isoformat(),
                form={name.lower(): said for name, said in known.get("form", {}).items()},
            ),
        )

    def _known(self, order_id: str, place: Place) -> OrderSnapshot:
        known = self.orders.get(order_id)
        if known is None:
            made = ", ".join(self.orders) or "none"
            raise Refused(
                "case_impossible",
                place,
                f"there is no order {quoted(order_id)} before this step (orders so far: {made})",
                f"put {{order: {{id: {order_id}, ...}}}} before it",
            )
        return known

    def _kept(self, order: OrderSnapshot, now: datetime, **changes: Any) -> OrderSnapshot:
        changed: OrderSnapshot = replace(order, **{"status_change": None, "modified_at": now, **changes})
        self.orders[order.order_id] = changed
        return changed

    def _order(self, fields: Fields, now: datetime) -> OrderSnapshot:
        order_id = fields["id"]
        known = self.orders.get(order_id) or OrderSnapshot(
            order_id=order_id,
            status="completed",
            created_at=fields.get("created", now),
            modified_at=now,
            currency=self.world.currency,
            total=0,
            subtotal=0,
            total_excluding_tax=0,
        )
        changes: Fields = {
            key: fields[key] for key in ("status", "archived", "shipping", "store_credit") if key in fields
        }
        lines = _lines(order_id, known, fields)
        total = fields.get("value", sum(line.total for line in lines) if "lines" in fields else known.total)
        changes |= {"lines": lines, "total": total, "subtotal": total, "total_excluding_tax": total}
        if "channel" in fields:
            changes["channel_id"] = fields["channel"]
        if "ship_to" in fields:
            changes["shipping_addresses"] = tuple(map(_address, fields["ship_to"]))
        if "told" in fields:
            before, after = fields["told"]
            changes["status_change"] = StatusChange(previous=before, new=after)
        return self._kept(known, now, **changes)

    def _refund(self, fields: Fields, now: datetime, place: Place) -> OrderSnapshot:
        known = self._known(fields["order"], place)
        refund = Refund(
            id=f"{known.order_id}-{len(known.refunds)}",
            created_at=now,
            amount=fields["amount"],
            lines=_taken_back(known, fields.get("items", 0)),
        )
        return self._kept(known, now, refunds=(*known.refunds, refund), status=fields.get("status", known.status))

    def _cart(self, fields: Fields) -> Published:
        kind = "abandoned" if "abandoned" in fields else "converted"
        cart_id = fields.get("id", "1")
        data = CartEvent(
            cart_id=cart_id,
            currency=self.world.currency,
            total=fields[kind],
            lines=tuple(_line(cart_id, n, line) for n, line in enumerate(fields.get("lines", ()), start=1)),
        )
        return Published(events.CART_ABANDONED if kind == "abandoned" else events.CART_CONVERTED, data)


def _address(fields: Fields) -> Address:
    named = dict(fields)
    return Address(postcode=named.pop("zip", ""), **named)


def _lines(order_id: str, known: OrderSnapshot, fields: Fields) -> tuple[OrderLine, ...]:
    """Those that are written; where none ever were, one line that amounts to the order."""
    if "lines" in fields:
        return tuple(_line(order_id, number, line) for number, line in enumerate(fields["lines"], start=1))
    made_up = not known.lines or (len(known.lines) == 1 and known.lines[0].product_id == _MADE_UP)
    if not made_up:
        return known.lines
    units = fields.get("items", known.lines[0].quantity if known.lines else 1)
    total = fields.get("value", known.total)
    return (
        OrderLine(
            id=f"{order_id}-1", product_id=_MADE_UP, quantity=units, price=total // units if units else 0, total=total
        ),
    )


_MADE_UP: Final = "0"


def _line(order_id: str, number: int, fields: Fields) -> OrderLine:
    named: Fields = {"price": 100, "quantity": 1} | fields
    return OrderLine(
        id=f"{order_id}-{number}",
        product_id=named.pop("product", str(number)),
        categories=named.pop("category", ()),
        total=named["price"] * named["quantity"],
        **named,
    )


def _taken_back(order: OrderSnapshot, units: int) -> tuple[RefundLine, ...]:
    """So many units, of the first lines first."""
    found: list[RefundLine] = []
    for line in order.lines:
        taken = min(units, line.quantity)
        units -= taken
        if taken:
            found.append(RefundLine(line_id=line.id, quantity=taken, amount=0))
    return tuple(found)
