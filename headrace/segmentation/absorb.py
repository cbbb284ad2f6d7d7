"""An event taken into the facts: the state after it, which parts changed, and what it triggered.

No rule is asked here; an event that brings nothing new leaves nothing behind.
"""

from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from headrace.contracts.events import (
    AttributeSet,
    CartEvent,
    CustomerPinned,
    CustomerSnapshot,
    CustomerUnpinned,
    CustomEvent,
    Envelope,
    Event,
    OrderRemoved,
    OrderSnapshot,
    RefundRequested,
)
from headrace.segmentation.claims import set_by_hand
from headrace.segmentation.codec import decode_lines
from headrace.segmentation.ledger import Applied, apply_order, lines_of
from headrace.segmentation.orders import OrderChange, extremes, find, keep
from headrace.segmentation.pages import Pages, Written
from headrace.segmentation.pins import PIN, pin_of
from headrace.segmentation.profile import guest_profile, profile_of
from headrace.segmentation.removal import Removed, remove_order
from headrace.segmentation.state import Entry, Line, Purchased, Series, State
from headrace.segmentation.totals import Contribution, Summing, contribution, ordered, step_purchased, step_totals
from headrace.segmentation.triggers import Happened, Occurrence, customer_triggers, order_triggers
from headrace.segmentation.visits import VISIT, visited
from headrace.segmentation.windows import step_windows

RECENT: Final = 64
"""How many ids of events that are not snapshots are remembered against repeats."""
PROFILE: Final = frozenset({"profile"})
LEDGER: Final = frozenset({"ledger"})
BOTH: Final = PROFILE | LEDGER
NOTHING: Final[frozenset[str]] = frozenset()
VISITS: Final = frozenset({"visits"})


class NotApplicable(Exception):  # reads as the fact it states
    """An event that decodes but cannot be applied to a customer: one word, then a detail without personal data."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Absorbed(Struct, frozen=True):
    """`changed`: which of profile, ledger (what the orders add up to), labels did. `pages`: those written."""

    state: State
    changed: frozenset[str]
    occurrences: tuple[Occurrence, ...] = ()
    pages: Written = {}


def absorb(
    state: State,
    event: Event,
    summing: Summing,
    currency: str | None,
    *,
    pages: Pages,
    now: datetime | None = None,
    triggers: frozenset[str] | None = None,
) -> Absorbed | str:
    """What the event brought, or the word for why it brought nothing. Raises `NotApplicable`.

    The state's accumulators are those of `summing`; what has left its window by `now` is dropped. `triggers`: those of
    orders that are looked for; None: all.
    """
    match event.data:
        case OrderSnapshot() as order:
            _check_currency("order", order.currency, currency)
            return _order(state, order, _revision(event.envelope), summing, pages, now, triggers)
        case CustomerSnapshot() as customer:
            return _customer(state, customer, _revision(event.envelope))
        case OrderRemoved(order_id=order_id):
            return _removed(remove_order(state, order_id, _revision(event.envelope), summing, pages, now))
        case AttributeSet() as wanted:
            claims = set_by_hand(state.claims, wanted.name, wanted.values)
            return _once(state, event.envelope.id, replace(state, claims=claims), frozenset({"labels"}))
        case CustomerPinned() | CustomerUnpinned() as said:
            pin = pin_of(said, event.envelope.time) if isinstance(said, CustomerPinned) else None
            return _once(state, event.envelope.id, replace(state, pin=pin), frozenset({PIN}))
        case CartEvent() as cart:
            _check_currency("cart", cart.currency, currency)
            return _happened(state, event, cart, lines=lines_of(cart.lines))
        case RefundRequested() as asked:
            order_asked = find(state, asked.order_id, pages)
            lines = () if order_asked is None else decode_lines(order_asked.lines)
            return _happened(state, event, asked, order=order_asked, lines=lines)
        case CustomEvent() as own if event.envelope.type == VISIT:
            visits = visited(state.visits, event.envelope.time, summing.zone, now)
            return _happened(replace(state, visits=visits), event, own, changed=VISITS)
        case CustomEvent() as own:
            return _happened(state, event, own)
        case _:
            raise NotApplicable("not_about_a_customer", event.envelope.type)


def _check_currency(what: str, found: str, currency: str | None) -> None:
    if currency is not None and found != currency:
        raise NotApplicable("wrong_currency", f"{what} in {found}, the rules are in {currency}")


def _order(
    state: State,
    order: OrderSnapshot,
    revision: str,
    summing: Summing,
    pages: Pages,
    now: datetime | None,
    triggers: frozenset[str] | None,
) -> Absorbed | str:
    spend, before = summing.spend, find(state, order.order_id, pages)
    applied = apply_order(before, order, revision)
    if applied is None:
        return "stale"
    old = None if before is None else contribution(before, spend)
    new = contribution(applied.after, spend)
    kept = keep(state, OrderChange(order.order_id, applied.after, old, new), pages, spend)
    profile = guest_profile(state.profile, order, revision) if state.guest else state.profile
    after = replace(
        state,
        profile=profile,
        ledger=kept.ledger,
        cold=kept.cold,
        totals=step_totals(state.totals, old, new, lambda: extremes(kept, spend)),
        purchased=_purchased(state.purchased, applied, old, new, summing),
        windows=_windows(state.windows, applied, old, new, summing, now),
    )
    changed = NOTHING if _adds_up_the_same(state, after) else LEDGER
    if profile is not state.profile:
        changed |= PROFILE
    return Absorbed(after, changed, tuple(order_triggers(applied, order, triggers)), kept.pages)


def _adds_up_the_same(before: State, after: State) -> bool:
    """An order went from one status to another, and all that conditions read of the orders is as it was."""
    return after.totals is before.totals and after.purchased is before.purchased and after.windows is before.windows


def _windows(
    known: tuple[Series, ...],
    applied: Applied,
    old: Contribution | None,
    new: Contribution,
    summing: Summing,
    now: datetime | None,
) -> tuple[Series, ...]:
    if not summing.windows:
        return known
    before = None if applied.before is None or old is None else ordered(applied.before, old)
    return step_windows(known, summing.windows, before, ordered(applied.after, new, applied.lines), now)


def _purchased(
    known: Purchased, applied: Applied, old: Contribution | None, new: Contribution, summing: Summing
) -> Purchased:
    if not summing.tests:
        return known
    before = applied.before if old is not None and old.counted else None
    if before is None and not new.counted:
        return known
    if before is not None and new.counted and before.lines == applied.after.lines:
        return known
    gone = () if before is None else decode_lines(before.lines)
    return step_purchased(known, gone, applied.lines if new.counted else (), summing)


def _removed(removed: Removed | None) -> Absorbed | str:
    if removed is None:
        return "stale"
    return Absorbed(removed.state, BOTH if removed.emptied else LEDGER, pages=removed.pages)


def _customer(state: State, customer: CustomerSnapshot, revision: str) -> Absorbed | str:
    before = state.profile
    if before is not None and revision <= before.revision:
        return "stale"
    after = profile_of(customer, revision)
    return Absorbed(replace(state, profile=after), PROFILE, customer_triggers(before, after))


def _happened(
    state: State,
    event: Event,
    what: Happened,
    *,
    order: Entry | None = None,
    lines: tuple[Line, ...] = (),
    changed: frozenset[str] = NOTHING,
) -> Absorbed | str:
    """An event that is no snapshot, and that rules may wait for; a visit is counted besides."""
    envelope = event.envelope
    occurrence = Occurrence(envelope.type, envelope.time, order, lines, cause=envelope.id, event=what)
    return _once(state, envelope.id, state, changed, (occurrence,))


def _once(
    before: State, id: str, after: State, changed: frozenset[str], occurrences: tuple[Occurrence, ...] = ()
) -> Absorbed | str:
    if id in before.recent:
        return "repeated"
    return Absorbed(replace(after, recent=(*before.recent, id)[-RECENT:]), changed, occurrences)


def _revision(envelope: Envelope) -> str:
    if not envelope.headracerevision:
        raise NotApplicable("no_revision", "a snapshot without a revision cannot be ordered")
    return envelope.headracerevision
