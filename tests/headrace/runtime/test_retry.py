"""Retry decisions: growing, jittered, never undercutting the other side, bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.runtime.retry import GiveUp, RetryAt, RetryPolicy, decide_retry

POLICY = RetryPolicy(first_delay_s=1.0, max_delay_s=8.0, deadline_s=60.0, jitter=0.5)


@pytest.mark.parametrize(("attempt", "delay"), [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 8.0), (5000, 8.0)])
def test_decide_retry__no_luck_involved__doubles_up_to_the_largest(attempt: int, delay: float) -> None:
    assert decide_retry(POLICY, attempt, 0.0, random=lambda: 0.0) == RetryAt(delay)


def test_decide_retry__jitter__takes_off_its_share() -> None:
    assert decide_retry(POLICY, 3, 0.0, random=lambda: 1.0) == RetryAt(2.0)


def test_decide_retry__asked_to_wait_longer__waits_longer() -> None:
    assert decide_retry(POLICY, 1, 0.0, retry_after_s=30.0) == RetryAt(30.0)


def test_decide_retry__asked_beyond_the_deadline__gives_up() -> None:
    assert decide_retry(POLICY, 1, 31.0, retry_after_s=30.0) == GiveUp(31.0)


@given(
    attempt=st.integers(1, 200),
    elapsed=st.floats(0, 100),
    asked=st.none() | st.floats(0, 100),
    luck=st.floats(0, 1, exclude_max=True),
)
def test_decide_retry__any_case__within_its_bounds(
    attempt: int, elapsed: float, asked: float | None, luck: float
) -> None:
    decision = decide_retry(POLICY, attempt, elapsed, retry_after_s=asked, random=lambda: luck)

    if isinstance(decision, RetryAt):
        assert decision.delay_s >= max(0.5, asked or 0)
        assert elapsed + decision.delay_s <= POLICY.deadline_s
        assert decision.delay_s <= max(POLICY.max_delay_s, asked or 0)
