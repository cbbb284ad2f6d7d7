"""Customers of the reference's random rules and histories, to whom a told change can be made to happen by events.

Written apart from the search: an order is told anew as it was last told, not as the state would have it.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args

from msgspec.structs import replace

from headrace.contracts.events import (
    AttributeSet,
    CustomerSnapshot,
    CustomEvent,
    Envelope,
    Event,
    EventData,
    OrderLine,
    OrderSnapshot,
    OrderStatus,
    Refund,
)
from headrace.rules.model import Leaf, Only
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.conditions.window import named
from headrace.segmentation.explaining.lens import Lens
from headrace.segmentation.explaining.seen import ChangeSeen
from headrace.segmentation.facts import folded
from headrace.segmentation.group_claims import wanted_group
from headrace.segmentation.pages import LIMITS
from headrace.segmentation.state import State
from tests.reference.cases import Case, case_of, loaded
from tests.reference.core import SMALL, Core
from tests.reference.making.history import Activated, Clock


@dataclass
class Played:
    """A customer who is known and not deleted, under rules, at a time."""

    case: Case
    core: Core
    rules: CompiledRules

    @property
    def state(self) -> State:
        state = self.core.state
        assert state is not None
        return state


def played(seed: str, number: int) -> Played | None:
    """The case of this number played to its end; None where there is nobody to explain."""
    case = case_of(seed, number)
    core, rules = Core(SMALL if case.small else LIMITS, lazy=False), None
    for record in case.records:
        match record:
            case Clock(now=now):
                core.clock(now)
            case Activated(number=version, send_effects=effects, take_over=taken):
                pair = loaded(case.written[version])
                assert pair is not None
                rules = pair[1]
                core.activate(rules, send_effects=effects, take_over=taken)
            case Event():
                core.event(record)
    state = core.state
    if state is None or state.deleted or rules is None or not state.rules_version or core.now is None:
        return None
    return Played(case, core, rules)


def done(one: Played, change: ChangeSeen, less: int, at: datetime) -> Core | None:
    """The customer after the change, `less` units left away, at a moment; None: not known here how that is done."""
    core = deepcopy(one.core)
    core.clock(at)
    happening = _happening(one, change, less, at)
    for number, (kind, data, revision) in enumerate(happening or ()):
        core.event(_event(one, kind, data, revision, at, number))
    return None if happening is None else core


def moved(one: Played, core: Core, change: ChangeSeen) -> bool | None:
    """Whether it has; None: a rule leaves nothing behind by which one could tell."""
    before, after = one.state, core.state
    assert after is not None
    kind, _, name = change.entry.partition(":")
    if kind == "rule" and change.to == name:
        sent = core.effects[len(one.core.effects) :]
        fired = name in after.claims.latched or any(effect[1] == change.entry for effect in sent)
        return True if fired else None
    if kind == "segment" and change.to == name:
        return (name in before.standing.segments) is not (name in after.standing.segments)
    wanted, names = wanted_group(after, one.rules), one.rules.names
    told = wanted if names is None else names.to_rules(wanted)
    return (told == change.to) is (change.moves != "leaves")


def on_ladder(one: Played, core: Core, ladder: str) -> bool:
    """Whether the rung is another."""
    after = core.state
    assert after is not None
    return one.state.standing.rungs.get(ladder) != after.standing.rungs.get(ladder)


Told = list[tuple[str, EventData, str | None]]


def _happening(one: Played, change: ChangeSeen, less: int, at: datetime) -> Told | None:
    by = change.by["amount_minor"] if isinstance(change.by, dict) and "amount_minor" in change.by else change.by
    name = change.fact.partition(" (")[0]
    if isinstance(by, bool):
        return [] if less else _customer(one, name, by, at)
    if isinstance(by, int):
        return _numbers(one, change.fact, by - less if by > 0 else by + less, at)
    if isinstance(by, dict) and ("add" in by or "remove" in by):
        attribute = name.removeprefix("customer.attributes.")
        held = [value for value in one.state.claims.manual.get(attribute, ()) if folded(value) != by.get("remove")]
        values = (*held, by["add"]) if "add" in by else tuple(held)
        return [] if less else [("attribute.set", AttributeSet(name=attribute, values=values), None)]
    return None


def _numbers(one: Played, fact: str, by: int, at: datetime) -> Told | None:
    only = _only(one, fact)
    refused = len(list(_counted(one))) != one.state.totals.orders
    if refused and (by < 0 or fact == "customer.refunds"):
        return None  # an order was told anew in another currency than the rules', and is not known as it was told last
    match fact.partition(" (")[0], by:
        case "customer.spend" | "order.value", _ if by >= 0:
            return [_order(one, "new", by, 1, only, at)]
        case "customer.spend", _:
            return _refund(one, -by, at)
        case "customer.refunds", _:
            return _refund(one, by, at)
        case "customer.orders", _ if by >= 0:
            return [_order(one, f"new{number}", 0, 1, only, at) for number in range(by)]
        case "customer.orders", _:
            newest = sorted(_counted(one), key=lambda each: (each[1].created_at, each[1].order_id))[by:]
            return [("order.snapshot", replace(order, status="cancelled"), f"{stamp}~") for stamp, order in newest]
        case "customer.items" | "order.items", _ if by >= 0:
            return [_order(one, "new", 0, by, only, at)] if by else []
        case "customer.visits", _:
            return [("custom.visit", CustomEvent(), None)] * by
        case _:
            return None


def _only(one: Played, fact: str) -> Only:
    tests = (test for test in Lens(one.rules).tests if isinstance(test, Leaf) and named(test) == fact)
    return next((test.only for test in tests if test.only is not None), Only())


def _order(
    one: Played, name: str, value: int, units: int, only: Only, at: datetime
) -> tuple[str, OrderSnapshot, str | None]:
    wanted = one.rules.rule_set.spend.count_statuses
    placed = [status for status in get_args(OrderStatus) if status in wanted and status != "incomplete"]
    line = OrderLine(
        id="1",
        product_id="".join(only.product[:1]),
        quantity=units,
        price=value,
        total=value,
        brand="".join(only.brand[:1]),
        categories=only.category[:1],
    )
    order = OrderSnapshot(
        order_id=name,
        status="completed" if "completed" in placed else placed[0],
        created_at=at,
        modified_at=at,
        currency=one.rules.rule_set.store.currency,
        total=value,
        subtotal=value,
        total_excluding_tax=value,
        lines=(line,),
        channel_id=next(iter(only.channel), None),
    )
    return "order.snapshot", order, "r"


def _refund(one: Played, amount: int, at: datetime) -> Told:
    if not amount:
        return []
    stamp, order = max(_counted(one), key=lambda each: (_left(each[1]), each[1].order_id))
    refund = Refund(id="~what-if", created_at=at, amount=amount)
    return [("order.snapshot", replace(order, refunds=(*order.refunds, refund)), f"{stamp}~")]


def _left(order: OrderSnapshot) -> int:
    return order.total - sum(refund.amount for refund in order.refunds)


def _counted(one: Played) -> Iterator[tuple[str, OrderSnapshot]]:
    """Each order that counts, as it was last told, with its revision."""
    newest: dict[str, tuple[str, OrderSnapshot]] = {}
    for record in one.case.records:
        if isinstance(record, Event) and isinstance(record.data, OrderSnapshot):
            stamp = record.envelope.headracerevision or ""
            held = newest.get(record.data.order_id)
            if record.envelope.subject == one.state.key and (held is None or stamp > held[0]):
                # One in another currency is known from before the rules; told anew it would be refused.
                order = replace(record.data, currency=one.rules.rule_set.store.currency)
                newest[order.order_id] = (stamp, order)
    wanted = one.rules.rule_set.spend.count_statuses
    yield from (each for each in newest.values() if each[1].status in wanted and not each[1].archived)


def _customer(one: Played, name: str, given: bool, at: datetime) -> Told | None:
    snapshots = [
        (record.envelope.headracerevision or "", record.data)
        for record in one.case.records
        if isinstance(record, Event) and isinstance(record.data, CustomerSnapshot)
    ]
    if name != "customer.subscribed" or not snapshots:
        return None
    stamp, newest = max(snapshots, key=lambda each: each[0])
    return [("customer.snapshot", replace(newest, subscribed=given, modified_at=at), f"{stamp}~")]


def _event(one: Played, kind: str, data: EventData, revision: str | None, at: datetime, number: int) -> Event:
    envelope = Envelope(
        id=f"what-if:{number}",
        source="/",
        type=kind,
        subject=one.state.key,
        time=at,
        headraceorigin="live",
        specversion="1.0",
        headracerevision=revision,
    )
    return Event(envelope, data)


MOMENT = timedelta(microseconds=1)
