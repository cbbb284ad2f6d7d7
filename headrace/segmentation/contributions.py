"""What one order adds to a windowed aggregate: when, and how much, by the declared spend and the filters.

With a filter on lines, spend and items are those of the lines that meet it (as ordered: what was refunded is of the
order, not of a line), orders and refunds those of orders with such a line.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from headrace.rules.model import Only
from headrace.segmentation.codec import decode_lines
from headrace.segmentation.facts import catalogue_folded
from headrace.segmentation.ledger import CountedSpend, counts
from headrace.segmentation.state import Entry, Line
from headrace.segmentation.totals import contribution
from headrace.segmentation.windows import Parts

Amounts = Callable[[Entry], Iterable[tuple[datetime, int]]]


def parts_of(
    field: str, only: Only | None, bucket: Callable[[datetime], int | None], spend: CountedSpend
) -> Callable[[Entry], Parts]:
    """What an order adds to which buckets. Raises ValueError for a field that has no windows."""
    amounts = _amounts(field, only or Only(), spend)

    def parts(entry: Entry) -> Parts:
        found = [(bucket(at), amount) for at, amount in amounts(entry) if amount]
        return tuple([(at, amount) for at, amount in found if at is not None])

    return parts


def _amounts(field: str, only: Only, spend: CountedSpend) -> Amounts:
    line = _line_test(only)
    match field:
        case "customer.spend":
            amounts = _counted(spend, lambda entry: contribution(entry, spend).amount)
            return _of_orders(amounts if line is None else _of_lines(spend, line, lambda found: found.total), only)
        case "customer.items":
            amounts = _counted(spend, lambda entry: contribution(entry, spend).units)
            return _of_orders(amounts if line is None else _of_lines(spend, line, lambda found: found.quantity), only)
        case "customer.orders":
            return _of_orders(_with_line(_counted(spend, lambda entry: 1), line), only)
        case "customer.refunds":
            return _of_orders(_with_line(_refunds, line), only)
    raise ValueError(f"no window on {field!r}")


def _counted(spend: CountedSpend, amount: Callable[[Entry], int]) -> Amounts:
    return lambda entry: ((entry.created_at, amount(entry)),) if counts(entry, spend) else ()


def _refunds(entry: Entry) -> Iterable[tuple[datetime, int]]:
    return () if entry.archived else [(refund.created_at, refund.amount) for refund in entry.refunds]


def _of_lines(spend: CountedSpend, line: Callable[[Line], bool], amount: Callable[[Line], int]) -> Amounts:
    return _counted(spend, lambda entry: sum(amount(found) for found in decode_lines(entry.lines) if line(found)))


def _with_line(amounts: Amounts, line: Callable[[Line], bool] | None) -> Amounts:
    if line is None:
        return amounts
    return lambda entry: amounts(entry) if any(map(line, decode_lines(entry.lines))) else ()


def _of_orders(amounts: Amounts, only: Only) -> Amounts:
    if not only.channel:
        return amounts
    channels = frozenset(only.channel)
    return lambda entry: amounts(entry) if entry.channel in channels else ()


def _line_test(only: Only) -> Callable[[Line], bool] | None:
    """A line must meet every filter; None: there is none on lines."""
    if not (only.brand or only.category or only.product):
        return None
    brands, categories, products = frozenset(only.brand), frozenset(only.category), frozenset(only.product)
    return lambda line: (
        (not brands or catalogue_folded(line.brand) in brands)
        and (not categories or not categories.isdisjoint(map(catalogue_folded, line.categories)))
        and (not products or line.product_id in products)
    )
