"""An event taken into the facts: the state after it, which parts changed, and what it triggered.

No rule is asked here; an event that brings nothing new leaves nothing behind.
"""

from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from headrace.contracts.events import (
    AttributeSet,
    CustomerSnapshot,
    CustomEvent,
    Envelope,
    Event,
    OrderSnapshot,
)
from headrace.segmentation.claims import set_by_hand
from headrace.segmentation.ledger import CountedSpend, apply_order, step_totals
from headrace.segmentation.profile import guest_profile, profile_of
from headrace.segmentation.state import State
from headrace.segmentation.triggers import Occurrence, customer_triggers, order_triggers

RECENT: Final = 64
"""How many ids of events that are not snapshots are remembered against repeats."""
PROFILE: Final = frozenset({"profile"})
LEDGER: Final = frozenset({"ledger"})
BOTH: Final = PROFILE | LEDGER
NOTHING: Final[frozenset[str]] = frozenset()


class NotApplicable(Exception):  # reads as the fact it states
    """An event that decodes but cannot be applied to a customer: one word, then a detail without personal data."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Absorbed:
    """`changed`: which of profile, ledger, labels did."""

    state: State
    changed: frozenset[str]
    occurrences: tuple[Occurrence, ...] = ()


def absorb(state: State, event: Event, spend: CountedSpend, currency: str | None) -> Absorbed | str:
    """What the event brought, or the word for why it brought nothing. Raises `NotApplicable`."""
    match event.data:
        case OrderSnapshot() as order:
            return _order(state, order, _revision(event.envelope), spend, currency)
        case CustomerSnapshot() as customer:
            return _customer(state, customer, _revision(event.envelope))
        case AttributeSet() as wanted:
            claims = set_by_hand(state.claims, wanted.name, wanted.values)
            return _once(state, event.envelope.id, replace(state, claims=claims), frozenset({"labels"}))
        case CustomEvent():
            return _once(state, event.envelope.id, state, NOTHING)
        case _:
            raise NotApplicable("not_about_a_customer", event.envelope.type)


def _order(
    state: State, order: OrderSnapshot, revision: str, spend: CountedSpend, currency: str | None
) -> Absorbed | str:
    if currency is not None and order.currency != currency:
        raise NotApplicable("wrong_currency", f"order in {order.currency}, the rules are in {currency}")
    applied = apply_order(state.ledger.get(order.order_id), order, revision)
    if applied is None:
        return "stale"
    # A copy of the whole ledger per event: fine for thousands of orders, paged by the engine beyond.
    ledger = {**state.ledger, order.order_id: applied.after}
    totals = step_totals(state.totals, applied, ledger, spend)
    profile = guest_profile(state.profile, order, revision) if state.guest else state.profile
    return Absorbed(
        replace(state, ledger=ledger, totals=totals, profile=profile),
        LEDGER if profile is state.profile else BOTH,
        order_triggers(applied, order),
    )


def _customer(state: State, customer: CustomerSnapshot, revision: str) -> Absorbed | str:
    before = state.profile
    if before is not None and revision <= before.revision:
        return "stale"
    after = profile_of(customer, revision)
    return Absorbed(replace(state, profile=after), PROFILE, customer_triggers(before, after))


def _once(before: State, id: str, after: State, changed: frozenset[str]) -> Absorbed | str:
    if id in before.recent:
        return "repeated"
    return Absorbed(replace(after, recent=(*before.recent, id)[-RECENT:]), changed)


def _revision(envelope: Envelope) -> str:
    if not envelope.headracerevision:
        raise NotApplicable("no_revision", "a snapshot without a revision cannot be ordered")
    return envelope.headracerevision
