"""Whatever calls take and wherever within its flight each is counted, no window at the vendor is overrun."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.platforms.klaviyo import Limit, Pace

STEP = st.tuples(
    st.floats(0, 3),  # how long nobody wants to call
    st.floats(0, 4),  # how long the call takes
    st.floats(0, 1),  # when, within that, it is counted
)


@settings(max_examples=300)
@given(
    limit=st.builds(Limit, st.integers(1, 6), st.integers(1, 30)),
    steps=st.lists(STEP, min_size=1, max_size=120),
    hurried=st.booleans(),
)
def test_pace__any_calls__no_second_and_no_minute_holds_more_than_the_limit(
    limit: Limit, steps: list[tuple[float, float, float]], hurried: bool
) -> None:
    pace, now, counted, flying = Pace(limit), 0.0, list[float](), list[tuple[float, int]]()
    for idle_s, takes_s, where in steps:
        now += 0.0 if hurried else idle_s
        while not isinstance(answer := pace.take(now), int):
            assert answer > 0
            ends = min((end for end, _ in flying), default=now + answer)
            now = min(now + answer, max(ends, now)) if flying else now + answer
            for end, ticket in sorted(flying):
                if end <= now:
                    pace.give_back(ticket, end)
            flying = [(end, ticket) for end, ticket in flying if end > now]
        counted.append(now + takes_s * where)
        flying.append((now + takes_s, answer))
    counted.sort()
    for calls, length_s in ((limit.burst, 1.0), (limit.steady, 60.0)):
        for first, beyond in zip(counted, counted[calls:], strict=False):
            assert beyond - first >= length_s


@pytest.mark.parametrize("limit", [Limit(75, 750), Limit(10, 150), Limit(3, 60), Limit(1, 15)])
def test_pace__quick_answers__uses_nearly_all_and_never_waits_long(limit: Limit) -> None:
    pace, now, calls, longest = Pace(limit), 0.0, 0, 0.0
    while now < 600:
        answer = pace.take(now)
        if isinstance(answer, int):
            pace.give_back(answer, now)
            calls += 1
        else:
            longest, now = max(longest, answer), now + answer
    assert calls >= 0.97 * limit.steady * 10
    assert longest <= max(1.1, 60 / limit.steady * limit.burst) + 0.1


def test_pace__told_to_wait__waits() -> None:
    pace = Pace(Limit(10, 100))
    pace.block(5.0)
    assert pace.take(1.0) == 4.0
    assert pace.take(5.0) == 1


def test_pace__call_that_did_not_go_out__takes_no_place() -> None:
    pace = Pace(Limit(2, 60))
    for _ in range(100):
        ticket = pace.take(0.0)
        assert isinstance(ticket, int)
        pace.cancel(ticket)


@pytest.mark.parametrize(("share", "expected"), [(1, Limit(75, 750)), (0.5, Limit(37, 375)), (0.001, Limit(1, 1))])
def test_share__part_of_a_limit__is_one_call_at_least(share: float, expected: Limit) -> None:
    assert Limit(75, 750).share(share) == expected
