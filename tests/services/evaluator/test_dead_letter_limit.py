"""The dead-letter limit as a value: held against a count of the whole list, however the list is cut."""

from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.evaluator.dead_letter_limit import NONE, DeadLetterLimit, Failures

LIMIT = DeadLetterLimit(letters=6, window=20, run=4, per_customer=2)
Log = Sequence[bytes | None]
"""The key of each record that fails, None for one that is applied."""

keys = st.sampled_from([b"s:1", b"s:2", b"s:3", b"s:4", b"s:5"])
logs = st.lists(st.one_of(st.none(), st.none(), keys), max_size=120)


def fold(log: Log, failures: Failures = NONE, limit: DeadLetterLimit = LIMIT) -> Failures:
    for key in log:
        failures = failures.passed(1, limit) if key is None else failures.failed(key, limit)
    return failures


def counted_again(log: Log, limit: DeadLetterLimit) -> tuple[int, int]:
    """(failures in the window, the run at its end), by looking at the whole list each time."""
    counted: list[bytes | None] = []
    for key in log:
        held = Counter(counted[max(0, len(counted) + 1 - limit.window) :])
        if key is None or held[key] < limit.per_customer:
            counted.append(key)
    run = 0
    for key in reversed(counted):
        if key is None:
            break
        run += 1
    return sum(key is not None for key in counted[-limit.window :]), run


@given(logs)
def test_failures__any_log__as_counted_over_the_whole_list(log: Log) -> None:
    failures = fold(log)
    assert (len(failures.recent), failures.run) == counted_again(log, LIMIT)


@given(logs, st.lists(st.integers(0, 120), max_size=6))
def test_failures__cut_anywhere_and_kept_between__the_same_value(log: Log, cuts: list[int]) -> None:
    """Chunks, epochs and restarts: applied records are counted in bulk, the value is written and read back."""
    failures = NONE
    start = 0
    for end in [*sorted(cuts), len(log)]:
        passed = 0
        for key in log[start:end]:
            if key is None:
                passed += 1
                continue
            failures = failures.passed(passed, LIMIT).failed(key, LIMIT)
            passed = 0
        failures = failures.passed(passed, LIMIT)
        failures = msgspec.msgpack.decode(msgspec.msgpack.encode(failures), type=Failures)
        start = max(start, end)
    assert failures == fold(log)


@given(st.integers(0, 5_000))
def test_failures__one_customer_fails_for_ever__never_exceeded(events: int) -> None:
    assert fold([b"s:1"] * events).exceeded(LIMIT) == ""
    assert len(fold([b"s:1"] * events).recent) <= LIMIT.per_customer


@given(st.lists(keys, min_size=1, max_size=5, unique=True), st.integers(10, 50))
def test_failures__enough_customers_fail_at_every_record__exceeded_unless_too_few(
    who: list[bytes], rounds: int
) -> None:
    """`run / per_customer` customers are enough, fewer are not."""
    failures = fold(who * rounds)
    assert bool(failures.exceeded(LIMIT)) == (len(who) * LIMIT.per_customer >= LIMIT.run)


@given(logs)
def test_failures__what_the_value_holds__is_bounded(log: Log) -> None:
    assert len(fold(log).recent) <= LIMIT.window


def test_failures__a_window_of_applied_records__forgotten_without_a_trace() -> None:
    assert fold([b"s:1", *[None] * LIMIT.window]) is NONE


@pytest.mark.parametrize(
    ("log", "why"),
    [
        ([b"s:1", b"s:2", b"s:3", b"s:4"], "4 in a row"),
        ([b"s:1", b"s:2", None, b"s:3", b"s:4"], ""),
        ([b"s:1", b"s:1", b"s:1", b"s:1", b"s:2", b"s:3"], "4 in a row"),  # the third and fourth of s:1 do not count
        ([b"s:1", b"s:2", b"s:3", None, b"s:1", b"s:2", b"s:3"], "6 of the last 7 records"),
        ([b"s:1", b"s:2", b"s:3", *[None] * 18, b"s:1", b"s:2", b"s:3"], ""),
    ],
)
def test_exceeded__by_run_or_by_window__says_which(log: Log, why: str) -> None:
    assert fold(log).exceeded(LIMIT) == why


def test_exceeded__switched_off__never() -> None:
    off = DeadLetterLimit(letters=0, run=0)
    assert fold([f"s:{n}".encode() for n in range(2_000)], limit=off).exceeded(off) == ""
