"""The workload: the same bytes each time, and the state that every system must come to."""

import io
import json
from itertools import islice

from benchmarks.engine.marks import Marks
from benchmarks.engine.systems import count_in_json, count_in_ours
from benchmarks.engine.workload import (
    ORDERS_KEPT,
    State,
    decode_order,
    encode_state,
    fold,
    paced_records,
    records,
)
from services.evaluator.engine.state import encode_record


def test_records__twice__are_the_same_and_about_207_bytes() -> None:
    first = list(records(100, 7))
    assert first == list(records(100, 7))
    assert len({record.key for record in first}) == 7
    assert all(200 <= len(record.value) <= 210 for record in first)


def test_records__every_customer__all_are_there_and_the_rest_is_drawn() -> None:
    found = list(records(30, 20, every_customer=True))
    assert len({record.key for record in found[:20]}) == 20
    assert found[20:] == list(records(30, 20))[20:]


def test_paced_records__every_tenth__carries_the_time_it_is_meant_for() -> None:
    found = [decode_order(record.value) for record in paced_records(25, 5, rate=1_000, begin_ns=5_000_000_000)]
    assert [order.t for order in found if order.t] == [5_000_000_000, 5_010_000_000, 5_020_000_000]
    assert [number for number, order in enumerate(found) if order.t] == [0, 10, 20]


def test_fold__more_orders_than_are_kept__counts_all_keeps_the_last() -> None:
    state = State()
    orders = [decode_order(record.value) for record in islice(records(30, 1), 25)]
    for order in orders:
        fold(state, order)
    kept = json.loads(encode_state(state))
    assert (kept["n"], kept["last"]) == (25, orders[-1].ts)
    assert [order for order, _ in kept["o"]] == [order.order_id for order in orders[-ORDERS_KEPT:]]


def test_count__in_ours__skips_the_mark_and_the_partitions_record() -> None:
    body = encode_state(State(n=3))
    assert count_in_json(b"c1", body) == 3
    assert count_in_ours(b"c1", encode_record(7, body)) == 3
    assert count_in_ours(b"~", encode_record(7, b"")) is None


def test_marks__chunks__say_first_and_half_once() -> None:
    output = io.StringIO()
    marks = Marks(10, output)
    for _ in range(3):
        marks.folding(4)
    assert marks.complete
    assert marks.completing(4)
    marks.folding(4)
    assert not marks.completing(4)
    marks.say("last", 12)
    said = [json.loads(line) for line in output.getvalue().splitlines()]
    assert [(each["mark"], each["events"]) for each in said] == [("first", 0), ("half", 8), ("last", 12)]
