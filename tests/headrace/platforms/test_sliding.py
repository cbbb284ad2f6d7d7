"""Never more calls in a window than the vendor allows, wherever in its flight a call is counted."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.platforms.sliding import Both, SlidingWindow
from headrace.simulators.sliding import Sliding

STEPS = st.lists(st.tuples(st.floats(0, 30), st.floats(0, 20), st.floats(0, 1)), max_size=120)


@given(limit=st.integers(1, 8), steps=STEPS)
def test_sliding_window__any_calls__the_vendor_refuses_none(
    limit: int, steps: list[tuple[float, float, float]]
) -> None:
    ours, vendor, now = SlidingWindow(limit, 60.0), Sliding(limit, 60.0), 0.0
    arrivals, flying = list[float](), list[tuple[float, int]]()
    for pause, flight, where in steps:
        now += pause
        for ends, ticket in sorted(flying):
            if ends <= now:
                ours.give_back(ticket, ends)
        flying = [(ends, ticket) for ends, ticket in flying if ends > now]
        answer = ours.take(now)
        if isinstance(answer, int):
            arrivals.append(now + flight * where)
            flying.append((now + flight, answer))
        else:
            assert answer > 0
    assert all(vendor.take(at) is None for at in sorted(arrivals))


def test_sliding_window__full__waits_until_the_oldest_is_out() -> None:
    window = SlidingWindow(2, 60.0)
    for at in (0.0, 10.0):
        ticket = window.take(at)
        assert isinstance(ticket, int)
        window.give_back(ticket, at + 1)
    wait = window.take(20.0)
    assert isinstance(wait, float)
    assert 41 <= wait <= 42
    assert isinstance(window.take(20.0 + wait), int)


def test_sliding_window__blocked__lets_nothing_out() -> None:
    window = SlidingWindow(5, 60.0)
    window.block(30.0)
    assert window.take(10.0) == 20.0
    assert isinstance(window.take(30.0), int)


def test_both__one_is_full__no_place_is_taken_in_the_other() -> None:
    wide = SlidingWindow(2, 60.0)
    both = Both(SlidingWindow(1, 60.0), wide)
    ticket = both.take(0.0)
    assert isinstance(ticket, int)
    assert isinstance(both.take(0.0), float)
    other = wide.take(0.0)
    assert isinstance(other, int), "the narrow one was full, and took no place in the wide one"
    both.cancel(ticket)
    last = wide.take(0.0)
    assert isinstance(last, int)
    assert isinstance(both.take(0.0), float), "the wide one is full"
    wide.cancel(last)
    assert isinstance(both.take(0.0), int), "and the narrow one took no place then"


def test_both__answered__counts_in_both_and_a_block_is_for_the_narrow_one() -> None:
    wide = SlidingWindow(2, 60.0)
    both = Both(SlidingWindow(1, 60.0), wide)
    ticket = both.take(0.0)
    assert isinstance(ticket, int)
    both.give_back(ticket, 1.0)
    wait = both.take(2.0)
    assert isinstance(wait, float)
    assert 59 <= wait <= 60
    both.block(200.0)
    assert isinstance(both.take(100.0), float)
    assert isinstance(wide.take(100.0), int)
    assert both.pace(0.0) == 0.0
