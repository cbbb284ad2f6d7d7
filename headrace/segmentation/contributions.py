"""What one order adds to a windowed aggregate: when, and how much, by the declared spend and the filters.

With a filter on lines, spend and items are those of the lines that meet it (as ordered: what was refunded is of the
order, not of a line), orders and refunds those of orders with such a line.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from operator import attrgetter
from typing import Final

from headrace.rules.model import Only
from headrace.segmentation.facts import catalogue_folded
from headrace.segmentation.state import Line
from headrace.segmentation.windows import Ordered, Parts

_PRODUCT: Final = attrgetter("product_id")
Amounts = Callable[[Ordered], Collection[tuple[datetime, int]]]


def parts_of(field: str, only: Only | None, bucket: Callable[[datetime], int | None]) -> Callable[[Ordered], Parts]:
    """What an order adds to which buckets. Raises ValueError for a field that has no windows."""
    amounts = _of_channels(_amounts(field, only or Only()), only or Only())

    def parts(one: Ordered) -> Parts:
        found = amounts(one)
        if not found:
            return ()
        return tuple([(at, amount) for made, amount in found if amount and (at := bucket(made)) is not None])

    return parts


def _amounts(field: str, only: Only) -> Amounts:
    line = _line_test(only)
    match field:
        case "customer.spend":
            return _counted(lambda one: one.amount) if line is None else _of_lines(line, lambda found: found.total)
        case "customer.items":
            return _counted(lambda one: one.units) if line is None else _of_lines(line, lambda found: found.quantity)
        case "customer.orders":
            return _with_line(_counted(lambda one: 1), line, only)
        case "customer.refunds":
            return _with_line(_refunds, line, only)
    raise ValueError(f"no window on {field!r}")


def _counted(amount: Callable[[Ordered], int]) -> Amounts:
    return lambda one: ((one.entry.created_at, amount(one)),) if one.counted else ()


def _refunds(one: Ordered) -> Collection[tuple[datetime, int]]:
    refunds = one.entry.refunds
    return [(refund.created_at, refund.amount) for refund in refunds] if refunds and not one.entry.archived else ()


def _of_lines(line: Callable[[Line], bool], amount: Callable[[Line], int]) -> Amounts:
    return _counted(lambda one: sum([amount(found) for found in one.lines if line(found)]))


def _with_line(amounts: Amounts, line: Callable[[Line], bool] | None, only: Only) -> Amounts:
    if line is None:
        return amounts
    products = None if only.brand or only.category else frozenset(only.product)

    def of_orders_with_one(one: Ordered) -> Collection[tuple[datetime, int]]:
        found = amounts(one)
        if not found or products is None:
            return found if found and any(map(line, one.lines)) else ()
        return () if products.isdisjoint(map(_PRODUCT, one.lines)) else found

    return of_orders_with_one


def _of_channels(amounts: Amounts, only: Only) -> Amounts:
    if not only.channel:
        return amounts
    channels = frozenset(only.channel)
    return lambda one: amounts(one) if one.entry.channel in channels else ()


def _line_test(only: Only) -> Callable[[Line], bool] | None:
    """A line must meet every filter; None: there is none on lines."""
    if not (only.brand or only.category or only.product):
        return None
    brands, categories, products = frozenset(only.brand), frozenset(only.category), frozenset(only.product)
    if not (brands or categories):
        return lambda line: line.product_id in products
    return lambda line: (
        (not brands or catalogue_folded(line.brand) in brands)
        and (not categories or not categories.isdisjoint(map(catalogue_folded, line.categories)))
        and (not products or line.product_id in products)
    )
