"""An order that became another customer's: taken out as if it had never been, with a mark against late snapshots.

Whose it is now is decided by ingest; what a snapshot of it brings is in `absorb.py`.
"""

from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from headrace.segmentation.codec import encode_lines
from headrace.segmentation.ledger import NEVER, was_taken_out
from headrace.segmentation.orders import OrderChange, every_order, find, keep, sum_up
from headrace.segmentation.pages import NOTHING_WRITTEN, Overlay, Pages, Written
from headrace.segmentation.state import Entry, State
from headrace.segmentation.totals import Summing, contribution

_UNSUMMED: Final = "?"


class Removed(Struct, frozen=True):
    """The state without the order, and the pages written. `emptied`: a guest who has no orders any more."""

    state: State
    emptied: bool
    pages: Written = NOTHING_WRITTEN


def remove_order(
    state: State, order_id: str, revision: str, summing: Summing, pages: Pages, now: datetime | None
) -> Removed | None:
    """The state without this order; None where a newer snapshot says that it is here, or it is out already.

    Everything is added up anew, for this is rare. A guest is known by orders alone: without any there is no profile.
    """
    before = find(state, order_id, pages)
    if before is not None and (revision < before.revision or (revision == before.revision and was_taken_out(before))):
        return None
    mark = _mark(revision)
    old = None if before is None else contribution(before, summing.spend)
    kept = keep(state, OrderChange(order_id, mark, old, contribution(mark, summing.spend)), pages, summing.spend)
    seen = Overlay(pages, kept.pages)
    after = sum_up(replace(state, ledger=kept.ledger, cold=kept.cold, summed=_UNSUMMED), summing, seen, now)
    emptied = state.guest and all(was_taken_out(entry) for _, entry in every_order(after, seen))
    if emptied and after.profile is not None:
        return Removed(replace(after, profile=None), emptied=True, pages=kept.pages)
    return Removed(after, emptied=False, pages=kept.pages)


def _mark(revision: str) -> Entry:
    """What stays of the order: its revision, so that an older snapshot that comes late does not bring it back."""
    return Entry(revision, "incomplete", NEVER, 0, 0, 0, 0, encode_lines(()), archived=True)
