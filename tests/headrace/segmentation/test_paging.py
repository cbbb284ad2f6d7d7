"""The law of pages: where an order lies shows in no decision, action, membership, explanation or history."""

from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from headrace.contracts.events import CustomerSnapshot
from headrace.segmentation.codec import decode_entry, encode_state, page_content
from headrace.segmentation.decide import Context, Decision, decide
from headrace.segmentation.explain import explain
from headrace.segmentation.history import read_history
from headrace.segmentation.orders import oldest_first
from headrace.segmentation.pages import HISTORY, ORDER, Limits
from headrace.segmentation.state import Entry, State
from headrace.segmentation.totals import Sums, contribution
from tests.headrace.segmentation.aggregates import pruned
from tests.headrace.segmentation.paged import (
    NEVER,
    ONLY_PAGES,
    RULES,
    TINY,
    Activated,
    Core,
    Passed,
    Step,
    bought,
    happened,
    steps,
)
from tests.headrace.segmentation.test_properties import START

MANY = settings(max_examples=150)


def seen(core: Core, decisions: list[Decision]) -> dict[str, Any]:
    """All of a customer that anybody can see."""
    state = core.state
    return {
        "decisions": [(one.actions, one.trace, one.wake_at) for one in decisions],
        "state": replace(state, ledger={}, cold=State("").cold, history=b"", history_pages=0),
        "orders": list(oldest_first(state, core)),
        "history": list(read_history(state, core)),
        "explained": None
        if core.rules is None or state.deleted
        else explain(state, core.rules, pages=core, search=False),
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
        sums, now = Sums(core.rules.summing), START + timedelta(hours=core.hours)
        for _, entry in oldest_first(core.state, core):
            sums.add(entry)
        assert (core.state.totals, core.state.purchased) == (sums.totals, sums.purchased)
        for known, anew, one in zip(core.state.windows, sums.windows, core.rules.summing.windows, strict=True):
            assert pruned(known, one, now) == pruned(anew, one, now)
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
