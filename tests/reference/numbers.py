"""Numbers of a customer: sums over the orders that stand there, added up anew each time, and how long ago things were.

A number in a window is that of the orders made (refunds given, visits paid) within it.
"""

from collections.abc import Callable
from datetime import date, datetime
from functools import partial

from headrace.contracts.events import CartEvent, OrderLine, OrderSnapshot
from headrace.rules.model import Only, RuleSet, Window, fold
from tests.reference import facts as read
from tests.reference import timeline
from tests.reference.scene import Scene

SHARE = "customer.channel_share."
NUMBER_FIELDS = frozenset(
    {
        "customer.spend",
        "customer.orders",
        "customer.items",
        "customer.refunds",
        "customer.visits",
        "customer.average_order",
        "customer.largest_order",
        "customer.spend_before",
        "customer.account_age",
        "customer.days_since_last_order",
        "customer.age",
        "customer.store_credit",
        "order.value",
        "order.items",
        "order.backordered",
        "cart.value",
        "cart.items",
    }
)


def number_of(field: str, scene: Scene, window: Window | None = None, only: Only | None = None) -> int | None:
    """The value; None = unset."""
    if field.startswith("cart."):
        return _of_cart(field, scene)
    if field.startswith(SHARE):
        return _share(field.removeprefix(SHARE), scene)
    if field == "customer.store_credit":
        return scene.facts.customer.store_credit if scene.facts.customer else None
    if field.startswith("order."):
        order = scene.happening.order if scene.happening else None
        return None if order is None else _of_order(field, order, scene)
    if field in ("customer.account_age", "customer.days_since_last_order", "customer.age"):
        return _age(field, scene)
    if field == "customer.spend_before":
        return None if scene.before is None else number_of("customer.spend", scene.before)
    if field in ("customer.average_order", "customer.largest_order"):
        return _of_one_order(field, scene)
    return _sum(field, scene, window or Window(), only or Only())


def _of_order(field: str, order: OrderSnapshot, scene: Scene) -> int:
    match field:
        case "order.value":
            return read.value_of(order, scene.rules.spend)
        case "order.items":
            return read.units_of(order)
        case "order.backordered":
            return sum(line.backordered for line in order.lines)
    raise AssertionError(field)


def _of_cart(field: str, scene: Scene) -> int | None:
    cart = scene.happening.data if scene.happening else None
    if not isinstance(cart, CartEvent):
        return None
    return cart.total if field == "cart.value" else sum(line.quantity for line in cart.lines)


def _share(name: str, scene: Scene) -> int | None:
    """Whole percent of the counted orders, rounded down."""
    orders = read.counted(scene.orders, scene.rules.spend)
    through = [order for order in orders if order.channel_id in channel_ids(name, scene.rules)]
    return 100 * len(through) // len(orders) if orders else None


def channel_ids(name: str, rules: RuleSet) -> tuple[int, ...]:
    """The store's ids of a channel, which is written by its name or by its id."""
    return rules.channels[name] if name in rules.channels else (int(name),)


def _of_one_order(field: str, scene: Scene) -> int | None:
    spend = scene.rules.spend
    amounts = [read.kept_of(one, spend) for one in read.counted(scene.orders, spend)]
    if not amounts:
        return None
    return max(amounts) if field == "customer.largest_order" else _half_up(sum(amounts), len(amounts))


def _half_up(total: int, count: int) -> int:
    whole, rest = divmod(total, count)
    return whole + (2 * rest >= count)


# -- sums ------------------------------------------------------------------------------------------------------------
def _sum(field: str, scene: Scene, window: Window, only: Only) -> int:
    within: Callable[[datetime], bool] = partial(is_within, window=window, now=scene.now, zone=scene.zone)
    if field == "customer.visits":
        return sum(within(at) for at in read.visits(scene.facts))
    orders = [order for order in scene.orders.values() if _passes(order, only)]
    if field == "customer.refunds":
        refunds = read.refunds_of({order.order_id: order for order in orders})
        return sum(refund.amount for refund in refunds if within(refund.created_at))
    spend, by_line = scene.rules.spend, bool(only.brand or only.category or only.product)
    made = [order for order in orders if read.counts(order, spend) and within(order.created_at)]
    lines = [line for order in made for line in order.lines if _is_one_of(line, only)]
    match field:
        case "customer.orders":
            return len(made)
        case "customer.spend":
            return sum(line.total for line in lines) if by_line else sum(read.kept_of(one, spend) for one in made)
        case "customer.items":
            return sum(line.quantity for line in lines) if by_line else sum(read.kept_units(one, spend) for one in made)
    raise AssertionError(field)


def _passes(order: OrderSnapshot, only: Only) -> bool:
    if only.channel and order.channel_id not in only.channel:
        return False
    return not (only.brand or only.category or only.product) or any(_is_one_of(line, only) for line in order.lines)


def _is_one_of(line: OrderLine, only: Only) -> bool:
    return (
        (not only.brand or fold(line.brand) in only.brand)
        and (not only.product or fold(line.product_id) in only.product)
        and (not only.category or any(fold(category) in only.category for category in line.categories))
    )


def is_within(at: datetime, *, window: Window, now: datetime | None, zone: str) -> bool:
    """Without a clock nothing has passed yet, and no month or year is the current one."""
    day = timeline.local_day(at, zone)
    if window.span is not None:
        return now is None or not timeline.is_older(at, now, window.span, zone)
    if window.this is not None:
        today = None if now is None else timeline.local_day(now, zone)
        return today is not None and _period(day, window.this) == _period(today, window.this)
    first, last = window.first, window.last
    return (first is None or day >= date.fromisoformat(first)) and (last is None or day <= date.fromisoformat(last))


def _period(day: date, unit: str) -> tuple[int, ...]:
    return (day.year, day.month) if unit == "month" else (day.year,)


# -- how long ago ----------------------------------------------------------------------------------------------------
def _age(field: str, scene: Scene) -> int | None:
    match field:
        case "customer.account_age":
            at = read.account_made(scene.facts)
        case "customer.days_since_last_order":
            at = read.last_order_at(scene.orders, scene.rules.spend)
        case _:
            return _years(scene)
    if at is None:
        return None
    return 0 if scene.now is None else max(0, (_today(scene) - timeline.local_day(at, scene.zone)).days)


def _years(scene: Scene) -> int | None:
    born = read.person(scene.facts).birthday
    if born is None:
        return None
    return 0 if scene.now is None else max(0, timeline.whole_years(date.fromisoformat(born), _today(scene)))


def _today(scene: Scene) -> date:
    assert scene.now is not None
    return timeline.local_day(scene.now, scene.zone)
