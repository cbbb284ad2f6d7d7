"""The shell of `decide` without Kafka: records in, changes and outputs out."""

from collections.abc import Iterable
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.contracts.actions import RuleSetRecord, encode
from headrace.contracts.topics import PARTITION_WIDE_KEY
from headrace.rules.model import Group, Ladder, RuleSet, Rung, Store
from headrace.runtime.topics import MAX_RECORD_BYTES
from services.evaluator import agent
from services.evaluator.engine.state import encode_record
from tests.services.evaluator.bench import Bench, Source
from tests.services.evaluator.service import BEGIN, STORE, Record, activation, clock, customer, order


def ladder(gold: int) -> RuleSet:
    """Silver, and Gold from so many pence."""
    rungs = (Rung(group="Silver"), Rung(group="Gold", bound="from", threshold=gold))
    return RuleSet(
        store=Store(timezone="Europe/London", currency="GBP"),
        groups=(Group(name="Gold"), Group(name="Silver")),
        group_order=(("Gold",), ("Silver",)),
        ladders=(Ladder(id="loyalty", by="customer.spend", rungs=rungs),),
    )


def one(records: Iterable[Record]) -> Record:
    return next(iter(records))


def test_apply__undecodable_and_misplaced__dead_letters_and_neighbours_unaffected() -> None:
    bench = Bench()
    bench.rules(ladder(1000), 1)
    key, value = customer(1)[1:]
    bench.feed(
        one(activation(ladder(1000), 1)),
        (0, key, b"{"),
        (0, key, b"\xff\xfe"),
        (0, b"teststore:2", value),
        (0, PARTITION_WIDE_KEY, value),
        customer(1),
    )
    assert bench.letters() == [
        ("undecodable", 1),
        ("undecodable", 2),
        ("not_applicable", 3),
        ("not_applicable", 4),
    ]
    assert [(who, group) for who, group, _ in bench.groups()] == [("teststore:1", "Silver")]


def test_apply__clock_and_activation__kept_in_the_marker() -> None:
    bench = Bench()
    bench.rules(ladder(1000), 1)
    bench.feed(one(clock(BEGIN + timedelta(days=3))), one(activation(ladder(1000), 1)))
    bench.open()
    bench.feed(customer(1))
    assert len(bench.groups()) == 1


def test_apply__pending_activations__first_each_as_of_its_marker() -> None:
    """A touched customer takes what is pending before the event; versions tell each marker's offset, then its own."""
    bench = Bench()
    bench.rules(ladder(1000), 1)
    bench.rules(ladder(90_000), 2)
    bench.feed(customer(1), order(1, 101, 5_000))
    bench.feed(one(activation(ladder(1000), 1)), one(activation(ladder(90_000), 2)), order(1, 102, 100_000, day=2))
    assert [(group, version[1]) for _, group, version in bench.groups()] == [("Gold", 2), ("Silver", 3), ("Gold", 4)]


def test_sweep__silent_customers__reached_once_with_the_markers_offset() -> None:
    bench = Bench()
    bench.rules(ladder(1000), 1)
    bench.feed(*[customer(n) for n in range(1, 8)])
    bench.feed(one(activation(ladder(1000), 1)))
    bench.sweep(budget=2)
    found = sorted((who, group, version[:2]) for who, group, version in bench.groups())
    assert found == [(f"teststore:{n}", "Silver", [1, 7]) for n in range(1, 8)]
    bench.open()
    bench.sweep()
    assert len(bench.groups()) == 7, "a restart must not sweep anyone twice"


def test_sweep__customers_seen_first_in_the_marker_s_own_epoch__are_reached() -> None:
    """They are in no closed state yet when the activation comes."""
    bench = Bench()
    bench.rules(ladder(1000), 1)
    bench.feed(customer(1), one(activation(ladder(1000), 1)), customer(2))
    bench.sweep()
    assert [(who, group, version[1]) for who, group, version in bench.groups()] == [
        ("teststore:2", "Silver", 2),
        ("teststore:1", "Silver", 1),
    ]


@pytest.mark.parametrize("touched_first", [True, False])
def test_sweep__before_or_after_an_event__same_groups(*, touched_first: bool) -> None:
    bench = Bench()
    bench.rules(ladder(1000), 1)
    bench.feed(customer(1), customer(2))
    bench.feed(one(activation(ladder(1000), 1)))
    if not touched_first:
        bench.sweep()
    bench.feed(order(1, 101, 5_000))
    bench.sweep()
    last = {who: group for who, group, _ in bench.groups()}
    assert last == {"teststore:1": "Gold", "teststore:2": "Silver"}


def test_activation__take_over__moves_who_is_in_a_group_that_is_not_ours_also_after_a_restart() -> None:
    bench = Bench()
    for version in (1, 2):
        bench.rules(ladder(1000), version)
    bench.feed(one(activation(ladder(1000), 1)), customer(1, group="Press"), customer(2, group="Press"))
    assert bench.groups() == []
    bench.feed(one(activation(ladder(1000), 2, take_over=True)), order(1, 101, 5_000))
    bench.open()
    bench.sweep()
    bench.feed(customer(3, group="Press"))
    assert [(who, group) for who, group, _ in bench.groups()] == [
        ("teststore:1", "Silver"),
        ("teststore:1", "Gold"),
        ("teststore:2", "Silver"),
    ]


def test_activation__unknown_changed_or_unreadable__refused_and_the_last_good_stays() -> None:
    bench = Bench()
    bench.rules(ladder(1000), 1)
    bench.sets.take(b"no record")
    bench.sets.take(encode(RuleSetRecord(store=STORE, version=3, hash="x", document=msgspec.Raw(b'{"odd":1}'))))
    bench.feed(
        one(activation(ladder(1000), 1)),
        one(activation(ladder(2000), 2)),  # not in the rules topic
        one(activation(ladder(3000), 3)),  # cannot be read
        customer(1),
    )
    bench.rules(ladder(4000), 4)
    bench.feed(one(activation(ladder(5000), 4)))  # another hash than announced
    assert bench.letters() == [("rules_refused", 1), ("rules_refused", 2), ("rules_refused", 4)]
    assert [group for _, group, _ in bench.groups()] == ["Silver"]


def test_activation__seen_again__nothing_happens() -> None:
    bench = Bench()
    bench.rules(ladder(1000), 1)
    bench.feed(one(activation(ladder(1000), 1)), customer(1), one(activation(ladder(1000), 1)))
    bench.sweep()
    assert len(bench.groups()) == 1
    assert bench.letters() == []


def test_close__state_too_large__event_set_aside_and_state_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.feed(customer(1))
    before = bench.partition.get(b"teststore:1")
    assert before is not None
    monkeypatch.setattr(agent, "MAX_RECORD_BYTES", 1_000)
    bench.feed(order(1, 101, 5_000, brand="B" * 1_000), customer(2))
    assert bench.letters() == [("oversized", 1)]
    assert bench.partition.get(b"teststore:1") == before
    assert bench.partition.get(b"teststore:2") is not None


def test_close__number_no_state_can_hold__event_set_aside_and_neighbours_kept() -> None:
    bench = Bench()
    bench.feed(customer(1), order(2, 102, 2**70), customer(3))
    assert bench.letters() == [("undecodable", 1)]
    largest = 2**53 - 1
    bench.feed(*(order(1, number, largest) for number in range(2_100)), customer(4))
    assert {reason for reason, _ in bench.letters()[1:]} == {"failed"}
    assert bench.partition.get(b"teststore:4") is not None


def test_close__time_no_state_can_hold__event_set_aside() -> None:
    bench = Bench()
    odd = [
        (partition, key, value.replace(b"2026-01-05T09:00:00Z", b"9999-12-31T23:59:59-12:00"))
        for partition, key, value in (one(clock(BEGIN)), customer(1))
    ]
    bench.feed(*odd, customer(2))
    assert bench.letters() == [("not_applicable", 0), ("failed", 1)]


async def test_prepare__nested_without_end__neither_raises_nor_stops() -> None:
    bench = Bench()
    value = one(clock(BEGIN))[2][:-1] + b',"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    await bench.fold.prepare([Source(0, PARTITION_WIDE_KEY, value)])
    bench.feed((0, PARTITION_WIDE_KEY, value), (0, b"teststore:1", value))
    assert bench.letters() == [("undecodable", 0), ("undecodable", 1)]


@pytest.mark.parametrize("subject", ["teststore", ":1", "teststore:", "teststore:1#order:1"])
def test_apply__subject_names_no_customer__not_applicable(subject: str) -> None:
    bench = Bench()
    value = customer(1)[2].replace(b'"subject":"teststore:1"', f'"subject":"{subject}"'.encode())
    bench.feed((0, subject.encode(), value))
    assert bench.letters() == [("not_applicable", 0)]


def test_max_record_bytes__what_the_topics_take__is_larger() -> None:
    """Else the broker refuses the whole transaction, again and again."""
    assert agent.MAX_RECORD_BYTES < MAX_RECORD_BYTES


def test_apply__state_damaged__event_set_aside_state_kept() -> None:
    bench = Bench()
    bench.partition.update({b"teststore:1": encode_record(0, b"\x01rubbish")})
    bench.feed(customer(1), customer(2))
    assert bench.letters() == [("state_unreadable", 0)]
    assert bench.partition.get(b"teststore:2") is not None


LOG: tuple[Record, ...] = (
    customer(1),
    order(1, 101, 5_000),
    one(clock(BEGIN + timedelta(days=1))),
    customer(2),
    one(activation(ladder(1000), 1)),
    customer(3),
    order(2, 102, 900),
    one(activation(ladder(5_000), 2)),
    one(clock(BEGIN + timedelta(days=2))),
    order(3, 103, 7_000, day=2),
    customer(2, day=3, group="Silver"),
    one(activation(ladder(9_000), 3)),
    customer(4),
    order(1, 104, 5_000, day=4),
)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from(["on", "sweep", "restart", "slice"])), max_size=14))
def test_fold__any_epochs_sweeps_and_restarts__same_state_and_same_last_words(steps: list[tuple[int, str]]) -> None:
    """When an epoch closes, how far a sweep has come and where a worker restarts must not show in anything."""
    assert outcome(steps) == outcome([(1, "on")] * len(LOG))


def outcome(steps: list[tuple[int, str]]) -> tuple[dict[bytes, bytes], dict[str, tuple[str | None, list[int]]]]:
    bench = Bench()
    for version, gold in enumerate((1000, 5_000, 9_000), 1):
        bench.rules(ladder(gold), version)
    at = 0
    for size, then in [*steps, (len(LOG), "on")]:
        if at < len(LOG):
            bench.feed(*LOG[at : at + size])
            at += size
        if then == "restart":
            bench.open()
        elif then == "slice":
            bench.fold.sweep(1)
            bench.close()
        elif then == "sweep":
            bench.sweep()
    bench.sweep()
    states = {key: value for key, value in bench.partition.records.items() if key != PARTITION_WIDE_KEY}
    return states, {who: (group, version) for who, group, version in bench.groups()}
