"""A customer's history as it may reach us: new, edited, refunded, late and repeated; clocks and rule sets between."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

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
    Event,
    EventData,
    OrderLine,
    OrderPersonal,
    OrderRemoved,
    OrderSnapshot,
    Origin,
    Refund,
    RefundLine,
    RefundRequested,
    StatusChange,
    decode_event,
    encode_event,
)
from tests.reference.making.words import (
    AMOUNTS,
    ATTRIBUTES,
    BIRTHDAYS,
    CHANNELS,
    COMPANIES,
    CONSENTS,
    CURRENCY,
    EMAILS,
    FIRST_NAMES,
    FORMS,
    GROUPS,
    PAYLOADS,
    PHONES,
    PLACES,
    PRODUCTS,
    STATUSES,
    VALUES,
    VIP,
    some,
)

STARTS = ("2026-03-27T10:00", "2026-10-23T22:30", "2026-04-03T13:00", "2024-02-27T23:59:59", "2025-12-30T18:00")
"""Shortly before clocks change, before a leap day, before a year ends."""
GAPS = (
    *(timedelta(0),) * 3, timedelta(seconds=1), timedelta(hours=1), timedelta(hours=12), timedelta(hours=36),
    *(timedelta(days=1),) * 3, timedelta(days=2), timedelta(days=3), timedelta(days=30), timedelta(days=31),
    timedelta(days=91), timedelta(days=400),
)  # fmt: skip
NUDGES = (timedelta(0), timedelta(0), timedelta(microseconds=-1), timedelta(seconds=1))


@dataclass(frozen=True)
class Clock:
    """The store's time as its feed tells it."""

    now: datetime


@dataclass(frozen=True)
class Activated:
    """A rule set takes effect: its number in the case."""

    number: int
    send_effects: tuple[str, ...] = ()
    take_over: bool = False


ORIGINS: tuple[Origin, ...] = ("live",) * 7 + ("reconcile", "reconcile", "backfill", "import")
Record = Clock | Activated | Event
KINDS = (
    *("order",) * 8, *("again",) * 2, *("customer",) * 3, *("clock",) * 13, *("refund",) * 2, "late", "set", "set",
    "visit", "visit", "pin", "pin", "unpin", "store", "cart", "asked", "deleted", "removed",
)  # fmt: skip


class History:
    """Draws one customer's records."""

    def __init__(self, random: Random, *, zone: str, rule_sets: int, sources: Sequence[str] = ()) -> None:
        self._sources = list(sources)
        self._random = random
        self._zone = ZoneInfo(zone)
        self._rule_sets = rule_sets
        self.guest = random.random() < 0.1
        self.key = "shop:guest-7" if self.guest else "shop:7"
        self._clocks = random.random() < 0.9
        """Else no clock ever comes: time stands."""
        self._now = datetime.fromisoformat(random.choice(STARTS)).replace(tzinfo=UTC)
        self._times = [self._now]
        self._orders: dict[str, OrderSnapshot] = {}
        self._customer: dict[str, Any] = {"created_at": self._now - random.choice(GAPS), "group": ""}
        self._revision = 10
        self._events: list[Event] = []

    def records(self) -> list[Record]:
        """The whole history."""
        random = self._random
        records: list[Record] = [Clock(self._now)] if self._clocks else []
        length = random.randint(2, 16)
        activations = sorted(random.randrange(length) for _ in range(self._rule_sets))
        if random.random() < 0.5:
            activations[0] = 0
        for step in range(length):
            records += [self._activated(number) for number, at in enumerate(activations) if at == step]
            records.append(self._record())
        return records

    def _activated(self, number: int) -> Activated:
        random = self._random
        named = some(random, self._sources, 1, 4) if random.random() < 0.3 else []
        return Activated(number, tuple(named), take_over=random.random() < 0.15)

    def _record(self) -> Record:
        random = self._random
        kind = random.choice(KINDS)
        if kind == "clock" and self._clocks:
            return self._clock()
        if kind == "again" and self._events:
            return random.choice(self._events)
        if kind == "refund" and self._orders:
            return self._snapshot(self._refunded(random.choice(list(self._orders.values()))), late=False)
        if kind == "customer" and not self.guest:
            return self._snapshot(self._account(), late=random.random() < 0.1)
        if kind == "store" and "email" in self._customer:
            self._customer["group"] = self._group(("", *GROUPS))  # by us, or by somebody else
            return self._snapshot(self._told(), late=False)
        return self._other(kind) or self._snapshot(self._order(), late=kind == "late")

    def _other(self, kind: str) -> Event | None:
        """What is no snapshot; a deletion is rare."""
        random = self._random
        match kind:
            case "deleted" if random.random() < 0.5:
                return self._happened(CustomerDeleted(customer_id="7"), "customer.deleted")
            case "removed" if not self.guest:  # of a guest only all at once, which is tested by itself
                number = self._random.randint(max(1, self._revision - 3), self._revision + 1)
                self._revision = max(self._revision, number)
                return self._happened(OrderRemoved(order_id=random.choice("123")), "order.removed", f"r{number:05d}")
            case "set":
                wanted = AttributeSet(name=random.choice(ATTRIBUTES), values=tuple(some(random, VALUES, 0, 2)))
                return self._happened(wanted, "attribute.set")
            case "pin":
                until = self._moment() + random.choice(GAPS) if random.random() < 0.6 else None
                pinned = CustomerPinned(group=random.choice((*GROUPS, "", "Elsewhere")), reason="test", until=until)
                return self._happened(pinned, "customer.pinned")
            case "unpin":
                return self._happened(CustomerUnpinned(), "customer.unpinned")
            case "visit":
                return self._happened(CustomEvent(payload=random.choice(PAYLOADS)), "custom.visit", time=self._moment())
            case "cart":
                cart = CartEvent(cart_id="c", currency=CURRENCY, total=random.choice(AMOUNTS), lines=self._lines())
                return self._happened(cart, random.choice(("cart.abandoned", "cart.converted")))
            case "asked":
                asked = RefundRequested(order_id=random.choice("123"), reason=random.choice(("", "too Late", "broken")))
                return self._happened(asked, "refund.requested")
        return None

    # -- time --------------------------------------------------------------------------------------------------------
    def _clock(self) -> Clock:
        """Some time later, or just when a whole day or a span after some fact ends."""
        random = self._random
        base = random.choice((self._now, self._now, *self._times[-4:]))
        now = base + random.choice(GAPS)
        if random.random() < 0.5:
            day = now.astimezone(self._zone).date() + timedelta(days=random.choice((0, 1, 1, 2)))
            now = datetime(day.year, day.month, day.day, tzinfo=self._zone).astimezone(UTC)
        now += random.choice(NUDGES)
        self._now = max(self._now, now)
        return Clock(now)

    def _moment(self) -> datetime:
        """When something happened: mostly now, also earlier, and sometimes ahead of the clock."""
        random = self._random
        roll = random.random()
        gap = random.choice(GAPS)
        at = self._now if roll < 0.5 else self._now - gap if roll < 0.9 else self._now + gap
        at = at.replace(microsecond=0)  # a store tells whole seconds
        self._times.append(at)
        return at

    # -- events ------------------------------------------------------------------------------------------------------
    def _snapshot(self, data: CustomerSnapshot | OrderSnapshot, *, late: bool) -> Event:
        self._revision += 1
        number = self._random.randint(1, self._revision) if late else self._revision
        kind = "order.snapshot" if isinstance(data, OrderSnapshot) else "customer.snapshot"
        return self._happened(data, kind, f"r{number:05d}", data.modified_at)

    def _happened(self, data: EventData, kind: str, revision: str | None = None, time: datetime | None = None) -> Event:
        number = len(self._events) + 1
        encoded = encode_event(
            data,
            type=kind,
            id=f"e{number}",
            store="shop",
            subject=self.key,
            time=time or self._now.replace(microsecond=0),
            origin=self._random.choice(ORIGINS),
            revision=revision,
        )
        self._events.append(decode_event(encoded))
        return self._events[-1]

    def _account(self) -> CustomerSnapshot:
        random = self._random
        known = self._customer
        fresh: dict[str, Any] = {
            "email": random.choice(EMAILS),
            "company": random.choice(COMPANIES),
            "first_name": random.choice(FIRST_NAMES),
            "phone": random.choice(PHONES),
            "birthday": random.choice(BIRTHDAYS),
            "form": random.choice(FORMS),
            "consents": random.choice(CONSENTS),
            "store_credit": random.choice((None, *AMOUNTS)),
            "subscribed": random.choice((True, True, False, None)),
            "addresses": tuple(Address(**place) for place in some(random, PLACES, 0, 2)),
            "group": self._group(("", "", *GROUPS, "Elsewhere")),
        }
        changed = fresh if "email" not in known else {name: fresh[name] for name in some(random, list(fresh), 0, 2)}
        known |= changed
        return self._told()

    def _group(self, names: Sequence[str]) -> str:
        name = self._random.choice(names)
        return VIP.format(name) if name and self._random.random() < 0.15 else name

    def _told(self) -> CustomerSnapshot:
        known = self._customer
        return CustomerSnapshot(
            customer_id="7",
            created_at=known["created_at"],
            modified_at=self._moment(),
            group=known["group"],
            email_domain=(known["email"] or "").partition("@")[2],
            company=known["company"],
            subscribed=known["subscribed"],
            addresses=known["addresses"],
            store_credit=known["store_credit"],
            consents=known["consents"],
            personal=CustomerPersonal(
                **{name: known[name] for name in ("email", "first_name", "phone", "birthday", "form")}
            ),
        )

    def _order(self) -> OrderSnapshot:
        random = self._random
        known = self._orders.get(random.choice("123"))
        if known is None or random.random() < 0.2:
            return self._keep(self._new_order())
        changes: dict[str, Any] = {"modified_at": self._now}
        for what in some(random, ["status", "status", "amounts", "lines", "archived", "created"], 1, 2):
            match what:
                case "status":
                    changes["status"] = random.choice(STATUSES)
                    if random.random() < 0.3:
                        told = StatusChange(previous=random.choice(STATUSES), new=random.choice(STATUSES))
                        changes["status_change"] = told
                case "amounts":
                    changes |= self._amounts()
                case "lines":
                    changes["lines"] = self._lines()
                case "archived":
                    changes["archived"] = random.random() < 0.5
                case "created":
                    changes["created_at"] = self._moment()
        return self._keep(replace(known, **{"status_change": None} | changes))

    def _keep(self, order: OrderSnapshot) -> OrderSnapshot:
        self._orders[order.order_id] = order
        return order

    def _new_order(self) -> OrderSnapshot:
        random = self._random
        email = random.choice(EMAILS)
        known = random.random() < 0.9
        return OrderSnapshot(
            order_id=random.choice("123"),
            status=random.choice(STATUSES),
            created_at=self._moment(),
            modified_at=self._now,
            currency=CURRENCY if random.random() < 0.98 else "EUR",
            lines=self._lines(),
            channel_id=random.choice(CHANNELS),
            personal=OrderPersonal(email=email, first_name="Ann") if known else None,
            **self._amounts(),
        )

    def _amounts(self) -> dict[str, Any]:
        random = self._random
        total = random.choice(AMOUNTS)
        return {
            "total": total,
            "subtotal": random.choice((total, total // 2)),
            "total_excluding_tax": total - total // 5,
        }

    def _lines(self) -> tuple[OrderLine, ...]:
        random = self._random
        lines = []
        for number in sorted(some(random, [1, 2, 3], 0, 3)):
            product: dict[str, Any] = dict(random.choice(PRODUCTS))
            price, quantity = random.choice(AMOUNTS), random.choice((1, 1, 2, 3))
            product |= {"price": price, "quantity": quantity, "total": price * quantity}
            lines.append(OrderLine(id=str(number), backordered=random.choice((0, 0, 0, 1)), **product))
        return tuple(lines)

    def _refunded(self, order: OrderSnapshot) -> OrderSnapshot:
        random = self._random
        refunds = list(order.refunds)
        if refunds and random.random() < 0.2:
            refunds.remove(random.choice(refunds))
        else:
            taken = RefundLine(line_id="1", quantity=random.choice((0, 1, 2)), amount=0)
            refund = Refund(
                id=random.choice("abc"), created_at=self._moment(), amount=random.choice(AMOUNTS), lines=(taken,)
            )
            refunds = [*(known for known in refunds if known.id != refund.id), refund]
        random.shuffle(refunds)
        status = random.choice((order.status, "partially_refunded", "refunded"))
        return self._keep(
            replace(order, refunds=tuple(refunds), status=status, modified_at=self._now, status_change=None)
        )
