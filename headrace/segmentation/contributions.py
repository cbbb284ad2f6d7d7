"""What one order adds to a windowed aggregate, by the declared spend and the filters.

With a filter on lines, spend and items are those of the lines that meet it (as ordered: what was refunded is of the
order, not of a line), orders and refunds those of orders with such a line.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Final

from headrace.rules.model import Only
from headrace.segmentation.facts import catalogue_folded
from headrace.segmentation.state import Line
from headrace.segmentation.windows import Amount, Bucket, Left, Ordered, WindowSum

_PRODUCT: Final = attrgetter("product_id")
_REFUNDS: Final = "customer.refunds"


def window_sum(field: str, only: Only | None, bucket: Bucket, left: Left | None) -> WindowSum:
    """The sum of a field in a window. Raises ValueError for a field that has no windows."""
    only = only or Only()
    amount = _of_channels(_amount(field, only), only)
    return WindowSum(amount, field == _REFUNDS, bucket, left)


def _amount(field: str, only: Only) -> Amount:
    line = _line_test(only)
    match field:
        case "customer.spend":
            return attrgetter("amount") if line is None else _of_lines(line, attrgetter("total"))
        case "customer.items":
            return attrgetter("units") if line is None else _of_lines(line, attrgetter("quantity"))
        case "customer.orders" | "customer.refunds":
            return _one if line is None else _with_line(line, only)
    raise ValueError(f"no window on {field!r}")


def _one(order: Ordered) -> int:
    return 1


def _of_lines(line: Callable[[Line], bool], amount: Callable[[Line], int]) -> Amount:
    return lambda one: sum([amount(found) for found in one.opened() if line(found)])


def _with_line(line: Callable[[Line], bool], only: Only) -> Amount:
    """1 for an order with such a line."""
    if only.brand or only.category:
        return lambda one: 1 if any(map(line, one.opened())) else 0
    products = frozenset(only.product)
    return lambda one: 0 if products.isdisjoint(map(_PRODUCT, one.opened())) else 1


def _of_channels(amount: Amount, only: Only) -> Amount:
    if not only.channel:
        return amount
    channels = frozenset(only.channel)
    return lambda one: amount(one) if one.entry.channel in channels else 0


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
