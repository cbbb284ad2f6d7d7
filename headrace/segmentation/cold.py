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
    return _step(cold, None, part)


def change(cold: Cold, old: Contribution, new: Contribution) -> Cold | None:
    """With one of its orders changed. None: the last known extreme went, so all orders must be looked at."""
    if old == new:
        return cold
    after = _step(cold, old, new)
    known = after.newest and (not after.counted or (after.largest and after.first and after.last))
    return after if known else None


def cold_of(parts: Iterable[Contribution]) -> Cold:
    """Of all these orders."""
    cold = Cold()
    for part in parts:
        cold = put(cold, part)
    return cold


def _step(cold: Cold, old: Contribution | None, new: Contribution) -> Cold:
    counted = cold.counted
    out, into = old if old is not None and old.counted else None, new if new.counted else None
    amount_out, made_out = (None, None) if out is None else (out.amount, out.created_at)
    amount_into, made_into = (None, None) if into is None else (into.amount, into.created_at)
    return Cold(
        cold.orders + (old is None),
        counted + (into is not None) - (out is not None),
        _swap(cold.largest, amount_out, amount_into, counted, highest=True),
        _swap(cold.first, made_out, made_into, counted, highest=False),
        _swap(cold.last, made_out, made_into, counted, highest=True),
        _swap(cold.newest, None if old is None else old.newest, new.newest, cold.orders, highest=True),
    )


def _swap(best: tuple[T, ...], out: T | None, into: T | None, among: int, *, highest: bool) -> tuple[T, ...]:
    """The best of `among` values after one came and one went. What is worse than the worst known is not known."""
    if out == into:
        return best
    if out is None and best and len(best) < among and (into < best[-1] if highest else into > best[-1]):
        return best
    known = list(best)
    if into is not None and (len(best) == among or not (into < best[-1] if highest else into > best[-1])):
        known.append(into)
        known.sort(reverse=highest)
    if out is not None and out in known:
        known.remove(out)
    return tuple(known[: paging.LIMITS.extremes])
