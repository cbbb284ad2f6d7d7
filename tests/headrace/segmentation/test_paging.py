"""The law of pages: where an order lies shows in no decision, action, membership, explanation or history."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from headrace.contracts.events import (
    AttributeSet,
    CustomerDeleted,
    CustomerSnapshot,
    Event,
    OrderLine,
    OrderSnapshot,
    decode_event,
    encode_event,
)
from headrace.rules.model import AddAttribute, Duration, Each, Leaf, Rule, Segment, Spend, Trigger
from headrace.segmentation import pages as paging
from headrace.segmentation.codec import decode_entry, decode_state, encode_state, page_content
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.decide import Context, Decision, activate, decide
from headrace.segmentation.explain import explain
from headrace.segmentation.history import read_history
from headrace.segmentation.orders import oldest_first
from headrace.segmentation.pages import HISTORY, ORDER, Limits
from headrace.segmentation.state import Entry, State
from headrace.segmentation.totals import Sums, contribution
from headrace.segmentation.wake import wake
from tests.headrace.segmentation.test_properties import LATCHED, START, TRACKED, customers, leaf, orders

NEVER = Limits(ledger_bytes=2**40, order_bytes=2**40, changes=65_535)
TINY = Limits(ledger_bytes=400, ledger_kept_bytes=300, order_bytes=150, changes=4, changes_a_page=2, extremes=2)
ONLY_PAGES = Limits(ledger_bytes=0, ledger_kept_bytes=0, order_bytes=0, changes=1, changes_a_page=1, extremes=1)
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

APPLE, DEAR = leaf("brand", "is", "apple"), leaf("quantity", "above", 2)


def purchased(quantifier: Any, of: Leaf, operator: str | None = None, operand: int | None = None) -> Each:
    return Each(field="customer.purchased", quantifier=quantifier, of=of, operator=operator, operand=operand)


COUNTING = replace(
    TRACKED,
    spend=Spend(count_statuses=("completed", "refunded", "pending"), amount="subtotal", refunds="ignore"),
    segments=(
        *TRACKED.segments,
        Segment(id="no-apples", who=purchased("none", APPLE), attributes={"fruit": ("none",)}),
        Segment(id="all-many", who=purchased("all", DEAR), attributes={"size": ("many",)}),
        Segment(id="three-apples", who=purchased("count", APPLE, "from", 3), attributes={"fruit": ("apples",)}),
        Segment(
            id="silent",
            who=Leaf(field="customer.last_order_at", operator="older_than", operand=Duration(count=36, unit="hour")),
            attributes={"silent": ("yes",)},
        ),
        Segment(
            id="new",
            who=Leaf(field="customer.first_order_at", operator="within_last", operand=Duration(count=60, unit="hour")),
            group="French",
        ),
    ),
    rules=(
        *LATCHED.rules,
        Rule(
            id="many-apples",
            when=Trigger(name="order.placed"),
            if_=purchased("count", APPLE, "from", 2),
            then=(AddAttribute(values={"interests": ("many apples",)}),),
            past="apply",
        ),
        Rule(
            id="third",
            when=Trigger(name="order.placed"),
            if_=leaf("customer.orders", "is", 3),
            then=(AddAttribute(values={"orders": ("third",)}),),
            past="apply",
        ),
    ),
)
RULES = tuple(map(compile_rules, (TRACKED, LATCHED, COUNTING)))


@dataclass(frozen=True)
class Activated:
    rules: int


@dataclass(frozen=True)
class Passed:
    hours: int


Step = Event | Activated | Passed


@dataclass
class Core:
    """One customer, kept as bytes between two steps, with its pages in a dict."""

    limits: Limits
    body: bytes | None = None
    stored: dict[str, bytes] = field(default_factory=dict)
    versions: list[Any] = field(default_factory=list)
    rules: CompiledRules | None = None
    version: int = 0
    offset: int = -1
    mark: int = -1
    hours: int = 0

    def read(self, name: str) -> bytes | None:
        return self.stored.get(name)

    def orders(self) -> Iterable[str]:
        return [name for name in self.stored if name.startswith(ORDER)]

    @property
    def state(self) -> State:
        return State("shop:7") if self.body is None else decode_state(self.body)

    def take(self, step: Step) -> list[Decision]:
        """Time first, as the shell does; then what happened."""
        with limited(self.limits):
            self.offset += 1
            if isinstance(step, Passed):
                self.hours += step.hours
            decisions = [self._wake()] if self.rules is not None and self.body is not None else []
            if isinstance(step, Activated):
                self.rules, self.version = RULES[step.rules], self.version + 1
                decisions.append(self._keep(activate(self.state, self.rules, self._now(), "a", pages=self)))
            elif isinstance(step, Event):
                known = None if self.body is None else self.state
                decisions.append(self._keep(decide(known, step, self.rules, self._now(), pages=self)))
            return decisions

    def _now(self, offset: int | None = None) -> Context:
        return Context(1, self.offset if offset is None else offset, START + timedelta(hours=self.hours), self.version)

    def _wake(self) -> Decision:
        assert self.rules is not None
        return self._keep(wake(self.state, self.rules, self._now(self.mark)), self.mark)

    def _keep(self, decision: Decision, mark: int | None = None) -> Decision:
        if self.body is None or decision.state != self.state:
            self.mark = self.offset if mark is None else mark
        self.body = encode_state(decision.state)
        for name, page in decision.pages.items():
            if page is None:
                del self.stored[name]
            else:
                self.stored[name] = page
        self.versions += [action.version for action in decision.actions]
        return decision


@contextmanager
def limited(limits: Limits) -> Iterator[None]:
    with patch.object(paging, "LIMITS", limits):
        yield


def happened(data: Any, kind: str, number: int, revision: str | None = None) -> Event:
    encoded = encode_event(
        data,
        type=kind,
        id=f"{kind}:{number}",
        store="shop",
        subject="shop:7",
        time=START,
        origin="live",
        revision=revision,
    )
    return decode_event(encoded)


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    """Orders are new, edited, refunded, archived, late; in between whatever else a customer meets."""
    found: list[Step] = [happened(draw(customers()), "customer.snapshot", 0, "r00000")]
    for number in range(1, draw(st.integers(2, 25))):
        kind = draw(st.sampled_from(["order"] * 7 + ["late", "customer", "set", "rules", "time"]))
        revision = f"r{number if kind != 'late' else draw(st.integers(0, number)):05d}"
        match kind:
            case "order" | "late":
                order = draw(orders(str(draw(st.integers(1, 9)))))
                made = order.created_at + timedelta(hours=draw(st.sampled_from([0, 0, 0, -30, 30])))
                order = replace(order, created_at=made, total=order.total % 7 * 300, subtotal=order.total % 7 * 300)
                found.append(happened(order, "order.snapshot", number, revision))
            case "customer":
                found.append(happened(draw(customers()), "customer.snapshot", number, revision))
            case "set":
                values = draw(st.sampled_from([(), ("apple",), ("pear", "apple")]))
                found.append(happened(AttributeSet(name="interests", values=values), "attribute.set", number))
            case "rules":
                found.append(Activated(draw(st.integers(0, 2))))
            case "time":
                found.append(Passed(draw(st.integers(1, 40))))
    if draw(st.integers(0, 9)) == 0:
        found.append(happened(CustomerDeleted(customer_id="7"), "customer.deleted", 99))
    return found


def seen(core: Core, decisions: list[Decision]) -> dict[str, Any]:
    """All of a customer that anybody can see."""
    state = core.state
    return {
        "decisions": [(one.actions, one.trace, one.wake_at) for one in decisions],
        "state": replace(state, ledger={}, cold=State("").cold, history=b"", history_pages=0),
        "orders": list(oldest_first(state, core)),
        "history": list(read_history(state, core)),
        "explained": None if core.rules is None or state.deleted else explain(state, core.rules),
    }


@MANY
@given(steps(), st.sampled_from([TINY, ONLY_PAGES]))
def test_decide__with_pages__nothing_shows_where_orders_lie(happening: list[Step], limits: Limits) -> None:
    paged, whole = Core(limits), Core(NEVER)
    for step in happening:
        assert seen(paged, paged.take(step)) == seen(whole, whole.take(step))
    assert whole.stored == {}
    assert paged.versions == sorted(set(paged.versions)), "versions strictly grow"


@MANY
@given(steps(), st.sampled_from([TINY, ONLY_PAGES]))
def test_decide__with_pages__the_ledger_stays_small_and_every_order_has_one_place(
    happening: list[Step], limits: Limits
) -> None:
    core = Core(limits)
    for step in happening:
        core.take(step)
        state = core.state
        paged = {name.removeprefix(ORDER) for name in core.orders()}
        assert sum(len(name) + len(body) for name, body in state.ledger.items()) <= limits.ledger_bytes
        assert all(len(body) <= limits.order_bytes for body in state.ledger.values())
        assert not paged & state.ledger.keys()
        assert state.cold.orders == len(paged)
        assert state.history_pages == sum(name.startswith(HISTORY) for name in core.stored)
    if core.state.deleted:
        assert core.stored == {}


@MANY
@given(steps(), st.sampled_from([TINY, ONLY_PAGES]))
def test_decide__with_pages__accumulators_are_those_of_all_orders(happening: list[Step], limits: Limits) -> None:
    core = Core(limits)
    for step in happening:
        core.take(step)
        if core.rules is None or core.state.deleted:
            continue
        sums = Sums(core.rules.summing)
        for entry in oldest_first(core.state, core):
            sums.add(entry)
        assert (core.state.totals, core.state.purchased) == (sums.totals, sums.purchased)
        assert_extremes(core, [decode_entry(page_content(core.stored[name])) for name in core.orders()])


def assert_extremes(core: Core, entries: list[Entry]) -> None:
    """Each list begins as the sorted values of all cold orders do, and is empty only if they are."""
    assert core.rules is not None
    parts = [contribution(entry, core.rules.spend) for entry in entries]
    counted, cold = [part for part in parts if part.counted], core.state.cold
    assert cold.counted == len(counted)
    for known, values, highest in (
        (cold.largest, [part.amount for part in counted], True),
        (cold.first, [part.created_at for part in counted], False),
        (cold.last, [part.created_at for part in counted], True),
        (cold.newest, [part.newest for part in parts], True),
    ):
        expected = sorted(values, reverse=highest)
        assert list(known) == expected[: len(known)]
        assert bool(known) is bool(values)


class Counting:
    """Pages that count what is read of them; none may be listed."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.reads: list[str] = []
        self.bytes = 0

    def read(self, name: str) -> bytes | None:
        page = self._core.read(name)
        self.reads.append(name)
        self.bytes += len(page or b"")
        return page

    def orders(self) -> Iterable[str]:
        raise AssertionError("an event must not look for all pages")


def bought(number: int, revision: int, total: int = 900) -> Event:
    made = START + timedelta(minutes=number)
    order = OrderSnapshot(
        order_id=str(number),
        status="completed",
        created_at=made,
        modified_at=made,
        currency="GBP",
        total=total,
        subtotal=total,
        total_excluding_tax=total,
        lines=tuple(
            OrderLine(id=f"{n}", product_id="p", quantity=n, price=1, total=n, brand="Apple") for n in range(9)
        ),
    )
    return happened(order, "order.snapshot", revision, f"r{revision:05d}")


@pytest.mark.parametrize(
    ("number", "total", "reads"),
    [(5_000, 900, 1), (7, 400, 1), (7, 9_000, 1), (1_998, 1, 0)],
    ids=["new", "cold edited", "cold becomes the largest", "hot edited"],
)
def test_decide__thousands_of_orders__an_event_reads_one_page_at_most(number: int, total: int, reads: int) -> None:
    core = large()
    pages, before = Counting(core), core.state
    event = bought(number, 9_000, total)
    decision = decide(before, event, core.rules, Context(1, 9_000, START, 1), pages=pages)
    assert len(encode_state(before)) < 12_000
    assert before.cold.orders > 1_900
    assert len(pages.reads) == reads
    assert pages.bytes + sum(len(page or b"") for page in decision.pages.values()) < 2_000
    assert len(decision.pages) <= 1
    assert decision.state.totals.spend - before.totals.spend == total - (0 if number == 5_000 else 900)


@cache
def large() -> Core:
    core = Core(Limits())
    core.rules, core.version = RULES[2], 1
    state = State("shop:7")
    for number in range(2_000):
        decision = decide(state, bought(number, number), core.rules, Context(1, number, START, 1), pages=core)
        state = decision.state
        core.stored.update({name: page for name, page in decision.pages.items() if page is not None})
    core.body = encode_state(state)
    return core


def test_decide__memberships_change__history_tells_what_when_and_why() -> None:
    core = Core(TINY)
    snapshot = CustomerSnapshot(customer_id="7", created_at=START, modified_at=START, group="")
    core.take(happened(snapshot, "customer.snapshot", 0, "r0"))
    for step in (Activated(0), bought(1, 1, 9_000), Passed(5), bought(1, 2, 100), Activated(1)):
        core.take(step)
    told = [(one.kind, one.name, one.entered, one.offset) for one in read_history(core.state, core)]
    assert told == [
        ("rung", "loyalty:1", True, 1),
        ("group", "Silver", True, 1),
        *(("segment", name, True, 2) for name in ("apple", "big", "frequent", "top-and-frequent")),
        ("rung", "loyalty:3", True, 2),
        ("group", "Platinum", True, 2),
        *(("segment", name, False, 4) for name in ("big", "frequent", "top-and-frequent")),
        ("rung", "loyalty:1", True, 4),
        ("group", "Apple", True, 4),
        ("claim", "product", True, 5),
    ]
    last = list(read_history(core.state, core))[-2:]
    assert [(one.at, one.cause) for one in last] == [
        (START + timedelta(hours=5), "order.snapshot:2"),
        (START + timedelta(hours=5), "activation:a"),
    ]
