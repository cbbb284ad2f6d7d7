"""The extremes of the orders that are on pages, kept so that an event need not read the pages.

A few of each are known: as long as one is left, it is the true one, whatever was taken away.
"""

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from headrace.segmentation import pages as paging
from headrace.segmentation.state import Cold
from headrace.segmentation.totals import Contribution


class _Ordered(Protocol):
    def __lt__(self, other: Any, /) -> bool: ...
    def __gt__(self, other: Any, /) -> bool: ...


T = TypeVar("T", bound=_Ordered)


def put(cold: Cold, part: Contribution) -> Cold:
    """With one more order."""
    orders, counted = cold.orders, cold.counted
    newest = _put(cold.newest, part.newest, orders, highest=True)
    if not part.counted:
        return Cold(orders + 1, counted, cold.largest, cold.first, cold.last, newest)
    return Cold(
        orders + 1,
        counted + 1,
        _put(cold.largest, part.amount, counted, highest=True),
        _put(cold.first, part.created_at, counted, highest=False),
        _put(cold.last, part.created_at, counted, highest=True),
        newest,
    )


def change(cold: Cold, old: Contribution, new: Contribution) -> Cold | None:
    """With one of its orders changed. None: the last known extreme went, so all orders must be looked at."""
    if old == new:
        return cold
    after = _take(put(cold, new), old)
    known = after.newest and (not after.counted or (after.largest and after.first and after.last))
    return after if known else None


def cold_of(parts: Iterable[Contribution]) -> Cold:
    """Of all these orders."""
    cold = Cold()
    for part in parts:
        cold = put(cold, part)
    return cold


def _take(cold: Cold, part: Contribution) -> Cold:
    orders, counted, newest = cold.orders - 1, cold.counted, _without(cold.newest, part.newest)
    if not part.counted:
        return Cold(orders, counted, cold.largest, cold.first, cold.last, newest)
    return Cold(
        orders,
        counted - 1,
        _without(cold.largest, part.amount),
        _without(cold.first, part.created_at),
        _without(cold.last, part.created_at),
        newest,
    )


def _put(best: tuple[T, ...], value: T, among: int, *, highest: bool) -> tuple[T, ...]:
    """The best of `among` values and one more. What is worse than the worst known may have unknown betters."""
    if len(best) < among and (value < best[-1] if highest else value > best[-1]):
        return best
    return tuple(sorted((*best, value), reverse=highest)[: paging.LIMITS.extremes])


def _without(best: tuple[T, ...], value: T) -> tuple[T, ...]:
    if value not in best:
        return best
    at = best.index(value)
    return (*best[:at], *best[at + 1 :])
