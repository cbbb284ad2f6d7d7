"""What could happen to a customer next, put through the very doors that decide: orders, refunds, time, words of hers.

Nothing here is kept; why anybody asks is in `headrace.segmentation.smallest_change`.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from msgspec.structs import replace

from headrace.contracts.events import (
    ATTRIBUTE_SET,
    CUSTOMER_SNAPSHOT,
    ORDER_SNAPSHOT,
    AttributeSet,
    CustomEvent,
    Envelope,
    Event,
    EventData,
    OrderLine,
    OrderSnapshot,
    OrderStatus,
    Refund,
)
from headrace.rules.model import Only
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.decide import Context, Decision, decide
from headrace.segmentation.explaining.again import customer_again, order_again
from headrace.segmentation.ledger import counts
from headrace.segmentation.orders import every_order
from headrace.segmentation.pages import Overlay, Pages
from headrace.segmentation.state import Entry, State
from headrace.segmentation.wake import wake

_OFFSET: Final = 2**52
_NAME: Final = "~what-if"
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Subject:
    """A customer as settled at `now` under these rules. `fired`: the sources of the rules that fired to get there."""

    state: State
    rules: CompiledRules
    now: datetime | None
    pages: Pages
    fired: frozenset[str] = frozenset()


def passed(subject: Subject, until: datetime) -> Subject:
    """Nothing happens until then."""
    decision = wake(subject.state, subject.rules, _at(subject, until))
    return dataclasses.replace(_after(subject, decision), now=until)


def ordered(subject: Subject, *, value: int = 0, units: int = 1, only: Only | None = None, count: int = 1) -> Subject:
    """So many more orders now, each of one line of this value, as `only` asks for it. Itself where none can count."""
    status = _counted_status(subject)
    if status is None:
        return subject
    for number in range(count):
        subject = _told(subject, _order(subject, f"{_NAME}-{number}", status, value, units, only), ORDER_SNAPSHOT, "~")
    return subject


def refunded(subject: Subject, amount: int) -> Subject:
    """So much is given back now, of the largest order. Itself where no order is as large."""
    found = [(entry.total - _given_back(entry), name, entry) for name, entry in _counted(subject)]
    left, name, entry = max(found, default=(0, "", None), key=lambda one: one[:2])
    if entry is None or left < amount:
        return subject
    refund = Refund(id=_NAME, created_at=_moment(subject), amount=amount)
    order = order_again(name, entry, _moment(subject), subject.rules.rule_set.store.currency)
    return _told(subject, replace(order, refunds=(*order.refunds, refund)), ORDER_SNAPSHOT, f"{entry.revision}~")


def cancelled(subject: Subject, count: int) -> Subject:
    """So many orders, the newest first, are cancelled. Itself where there are not as many."""
    newest = sorted(_counted(subject), key=lambda one: (one[1].created_at, one[0]), reverse=True)[:count]
    if len(newest) < count:
        return subject
    for name, entry in newest:
        order = order_again(name, entry, _moment(subject), subject.rules.rule_set.store.currency)
        subject = _told(subject, replace(order, status="cancelled"), ORDER_SNAPSHOT, f"{entry.revision}~")
    return subject


def labelled(subject: Subject, name: str, values: Sequence[str]) -> Subject:
    """The values of an attribute that were set by hand are these."""
    return _told(subject, AttributeSet(name=name, values=tuple(values)), ATTRIBUTE_SET, None)


def visited(subject: Subject, count: int) -> Subject:
    """So many more visits now."""
    for number in range(count):
        subject = _told(subject, CustomEvent(), "custom.visit", None, number)
    return subject


def known(subject: Subject, **fields: Any) -> Subject:
    """The store says this of the customer: fields of the snapshot. Itself for a guest, of whom it says nothing."""
    profile = subject.state.profile
    if profile is None or profile.group is None:
        return subject
    again = customer_again(subject.state.key, profile, _moment(subject))
    return _told(subject, replace(again, **fields), CUSTOMER_SNAPSHOT, f"{profile.revision}~")


def _at(subject: Subject, now: datetime | None) -> Context:
    """Where the customer stands, at another time."""
    return Context(1, _OFFSET, now, subject.state.rules_version)


def _told(subject: Subject, data: EventData, kind: str, revision: str | None, number: int = 0) -> Subject:
    envelope = Envelope(
        id=f"{_NAME}:{kind}:{len(subject.state.recent)}:{number}",
        source="/",
        type=kind,
        subject=subject.state.key,
        time=_moment(subject),
        headraceorigin="live",
        specversion="1.0",
        headracerevision=revision,
    )
    context = _at(subject, subject.now)
    decision = decide(subject.state, Event(envelope, data), subject.rules, context, pages=subject.pages)
    return _after(subject, decision)


def _after(subject: Subject, decision: Decision) -> Subject:
    fired = {verdict.source for verdict in decision.trace.verdicts if verdict.outcome == "fired"}
    pages = Overlay(subject.pages, decision.pages) if decision.pages else subject.pages
    return dataclasses.replace(subject, state=decision.state, pages=pages, fired=subject.fired | fired)


def _moment(subject: Subject) -> datetime:
    """Now; before the store's first clock when the newest order was made."""
    return subject.now or subject.state.totals.newest or _BEGINNING


def _counted_status(subject: Subject) -> OrderStatus | None:
    wanted = subject.rules.rule_set.spend.count_statuses
    placed = [status for status in wanted if status != "incomplete"]
    return "completed" if "completed" in placed else next(iter(placed), None)


def _order(
    subject: Subject, name: str, status: OrderStatus, value: int, units: int, only: Only | None
) -> OrderSnapshot:
    at, wanted = _moment(subject), only or Only()
    line = OrderLine(
        id="1",
        product_id=_first(wanted.product),
        quantity=units,
        price=value // units if units else 0,
        total=value,
        brand=_first(wanted.brand),
        categories=wanted.category[:1],
    )
    return OrderSnapshot(
        order_id=name,
        status=status,
        created_at=at,
        modified_at=at,
        currency=subject.rules.rule_set.store.currency,
        total=value,
        subtotal=value,
        total_excluding_tax=value,
        lines=(line,),
        channel_id=next(iter(wanted.channel), None),
    )


def _first(texts: Sequence[str]) -> str:
    return texts[0] if texts else ""


def _counted(subject: Subject) -> Iterable[tuple[str, Entry]]:
    spend = subject.rules.spend
    return [(name, entry) for name, entry in every_order(subject.state, subject.pages) if counts(entry, spend)]


def _given_back(entry: Entry) -> int:
    return sum(refund.amount for refund in entry.refunds)
