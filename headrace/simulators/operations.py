"""What happens in the simulated store by people's hands: the operations of `POST /_sim/orders`.

Applied in order, each at its date; vendor limits do not hold here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from headrace.simulators.bigcommerce.dates import parse_date
from headrace.simulators.people import Refused
from headrace.simulators.trade import money
from headrace.simulators.world import World

_PLAIN: Final = ("email", "first_name", "last_name", "company", "phone", "notes")


class OperationRefused(Exception):
    """An operation does not make sense; those before it are applied."""


@dataclass(slots=True)
class Made:
    """Ids of what was made, by id or name as text."""

    applied: int = 0
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    refunds: list[int] = field(default_factory=list)
    carts: list[str] = field(default_factory=list)


Operation = Callable[[World, Mapping[str, Any], Made], None]


def apply_operation(world: World, entry: Mapping[str, Any], made: Made) -> None:
    """One operation; the date moves to its `at` first. Raises OperationRefused."""
    try:
        if entry.get("at"):
            world.clock.advance_to(parse_date(str(entry["at"])))
        name = entry.get("op")
        operation = _OPERATIONS.get(str(name))
        if operation is None:
            raise Refused(f"unknown op {name!r}; known: {', '.join(_OPERATIONS)}")
        operation(world, entry, made)
        made.applied += 1
    except (Refused, KeyError, TypeError, ValueError) as error:
        raise OperationRefused(f"{entry.get('op')}: {type(error).__name__}: {error}") from error


def _create_customer(world: World, entry: Mapping[str, Any], made: Made) -> None:
    given = entry["customer"]
    fields: dict[str, Any] = {name: str(given[name]) for name in _PLAIN if given.get(name)}
    fields["group_id"] = world.people.group_named(given.get("group") or "")
    fields["addresses"] = given.get("addresses") or ()
    fields |= _declared(given)
    customer_id = given.get("id")
    row = world.people.create_customer(fields, customer_id=None if customer_id is None else int(customer_id))
    _consent(world, row.email, given, row.first_name, row.last_name)
    made.customers[str(row.id)] = {"addresses": [address.id for address in row.addresses]}


def _update_customer(world: World, entry: Mapping[str, Any], made: Made) -> None:
    given = entry.get("customer", entry)
    customer_id = int(given.get("id") or entry["customer_id"])
    changes: dict[str, Any] = {name: str(given[name] or "") for name in _PLAIN if name in given}
    changes |= _declared(given)
    if "group" in given:
        changes["group_id"] = world.people.group_named(given["group"] or "")
    world.people.update_customer(customer_id, changes)
    if "addresses" in given:
        world.people.set_addresses(customer_id, tuple(world.people.new_address(each) for each in given["addresses"]))
    row = world.people.customers.now(customer_id)
    if row is not None:
        _consent(world, row.email, given, row.first_name, row.last_name)


def _declared(given: Mapping[str, Any]) -> dict[str, Any]:
    """Form fields by name, and store credit as an amount."""
    found: dict[str, Any] = {}
    if "form_fields" in given:
        found["form_fields"] = tuple((str(name), str(value)) for name, value in given["form_fields"].items())
    if "store_credit" in given:
        found["store_credit"] = money(given["store_credit"])
    return found


def _abandon_cart(world: World, entry: Mapping[str, Any], made: Made) -> None:
    cart = world.carts.abandon(entry["cart"])
    made.carts.append(cart.id)


def _convert_cart(world: World, entry: Mapping[str, Any], made: Made) -> None:
    order = world.carts.convert(str(entry["cart_id"]), entry["order"])
    made.orders[str(order.id)] = {"lines": [line.id for line in order.lines]}


def _delete_customer(world: World, entry: Mapping[str, Any], made: Made) -> None:
    if not world.people.delete_customer(int(entry["customer_id"])):
        raise Refused(f"no customer {entry['customer_id']}")


def _create_subscriber(world: World, entry: Mapping[str, Any], made: Made) -> None:
    given = entry.get("subscriber") or entry
    _consent(world, str(given["email"]), {"subscribed": True, **given}, given.get("first_name"), given.get("last_name"))


def _consent(world: World, email: str, given: Mapping[str, Any], first: str | None, last: str | None) -> None:
    subscribed = given.get("subscribed")
    if subscribed is None or (not subscribed and world.people.subscriber_by_email(email) is None):
        return
    consents = (*(("marketing_newsletter",) if subscribed else ()), *map(str, given.get("consents") or ()))
    world.people.subscribe(email, consents, first_name=first or "", last_name=last or "")


def _create_group(world: World, entry: Mapping[str, Any], made: Made) -> None:
    given = entry.get("group") or entry
    name, is_default = (given, False) if isinstance(given, str) else (given["name"], bool(given.get("is_default")))
    made.groups[name] = world.people.create_group(name, is_default=is_default).id


def _fail_discounts(world: World, entry: Mapping[str, Any], made: Made) -> None:
    world.people.failing_discounts = int(entry.get("times", 1))


def _create_category(world: World, entry: Mapping[str, Any], made: Made) -> None:
    world.trade.catalogue.category(str(entry["name"]))


def _create_price_list(world: World, entry: Mapping[str, Any], made: Made) -> None:
    world.price_lists.create(str(entry["name"]))


def _create_order(world: World, entry: Mapping[str, Any], made: Made) -> None:
    given = entry["order"]
    created = given.get("date_created") or entry.get("at")
    order = world.trade.create_order(given, created=None if created is None else _date(created))
    made.orders[str(order.id)] = {"lines": [line.id for line in order.lines]}


def _set_order_status(world: World, entry: Mapping[str, Any], made: Made) -> None:
    world.trade.set_status(int(entry["order_id"]), int(entry["status_id"]))


def _create_refund(world: World, entry: Mapping[str, Any], made: Made) -> None:
    made.refunds.append(world.trade.refund(int(entry["order_id"]), entry).id)


def _archive_order(world: World, entry: Mapping[str, Any], made: Made) -> None:
    world.trade.archive(int(entry["order_id"]))


def _move_order(world: World, entry: Mapping[str, Any], made: Made) -> None:
    world.trade.move(int(entry["order_id"]), int(entry["customer_id"]))


def _set_member_status(world: World, entry: Mapping[str, Any], made: Made) -> None:
    world.audience.set_status(str(entry["email"]), str(entry["status"]))


def _unsubscribe_at_klaviyo(world: World, entry: Mapping[str, Any], made: Made) -> None:
    """With `list`, the name of one, from that list only."""
    named = entry.get("list")
    list_id = next((each.id for each in world.klaviyo.lists.values() if each.name == named), None)
    if named and list_id is None:
        raise Refused(f"no Klaviyo list {named}")
    world.klaviyo.unsubscribe(str(entry["email"]), list_id)


def _suppress_at_klaviyo(world: World, entry: Mapping[str, Any], made: Made) -> None:
    world.klaviyo.suppress(str(entry["email"]), str(entry.get("reason", "USER_SUPPRESSED")))


def _subscribe_at_klaviyo(world: World, entry: Mapping[str, Any], made: Made) -> None:
    world.klaviyo.subscribe(str(entry["email"]))


def _suppress_at_sendgrid(world: World, entry: Mapping[str, Any], made: Made) -> None:
    world.suppressed.add(str(entry["email"]).strip().lower())


def _create_mail_template(world: World, entry: Mapping[str, Any], made: Made) -> None:
    """At SendGrid; without `id` it gets one."""
    world.mail_templates[str(entry.get("id") or f"d-{len(world.mail_templates) + 1:032x}")] = str(entry["name"])


def _use_coupon(world: World, entry: Mapping[str, Any], made: Made) -> None:
    world.coupons.use(str(entry["code"]), int(entry.get("customer_id") or 0))


def _date(value: object) -> datetime:
    return parse_date(str(value))


_OPERATIONS: Final[dict[str, Operation]] = {
    "customer.create": _create_customer,
    "customer.update": _update_customer,
    "customer.delete": _delete_customer,
    "subscriber.create": _create_subscriber,
    "group.create": _create_group,
    "group.discount_fails": _fail_discounts,
    "category.create": _create_category,
    "price_list.create": _create_price_list,
    "order.create": _create_order,
    "order.status": _set_order_status,
    "order.archive": _archive_order,
    "order.move": _move_order,
    "refund.create": _create_refund,
    "cart.abandon": _abandon_cart,
    "cart.convert": _convert_cart,
    "member.status": _set_member_status,
    "klaviyo.subscribe": _subscribe_at_klaviyo,
    "klaviyo.unsubscribe": _unsubscribe_at_klaviyo,
    "klaviyo.suppress": _suppress_at_klaviyo,
    "sendgrid.suppress": _suppress_at_sendgrid,
    "sendgrid.template": _create_mail_template,
    "coupon.use": _use_coupon,
}
