"""After failures in a row nobody calls for a while; then one call tries."""

from headrace.platforms.breaker import Breaker


def _fail(breaker: Breaker, now: float) -> float | None:
    assert breaker.wait(now) == 0
    return breaker.failed(breaker.begin(), now)


def _opened() -> Breaker:
    breaker = Breaker(after=3, rest_s=2.0, longest_rest_s=6.0)
    assert [_fail(breaker, 0.0) for _ in range(3)] == [None, None, 2.0]
    return breaker


def test_breaker__fewer_failures_or_a_success_between__stays_closed() -> None:
    breaker = Breaker(after=3)
    for _ in range(5):
        assert [_fail(breaker, 0.0) for _ in range(2)] == [None, None]
        assert not breaker.succeeded(breaker.begin())
    assert breaker.wait(0.0) == 0


def test_breaker__open__asks_to_wait_then_lets_one_call_try() -> None:
    breaker = _opened()
    assert breaker.wait(0.5) == 1.5
    assert breaker.wait(2.0) == 0
    breaker.begin()
    assert breaker.wait(2.0) > 0, "one call tries, not all"


def test_breaker__the_try_fails__rests_twice_as_long_up_to_the_longest() -> None:
    breaker = _opened()
    assert [_fail(breaker, at) for at in (2.0, 6.0, 12.0)] == [4.0, 6.0, 6.0]


def test_breaker__the_try_succeeds__closes_and_forgets() -> None:
    breaker = _opened()
    assert breaker.succeeded(breaker.begin())
    assert breaker.wait(2.0) == 0
    assert [_fail(breaker, 3.0) for _ in range(3)] == [None, None, 2.0]


def test_breaker__calls_that_went_out_before_it_opened__do_not_prolong_the_rest() -> None:
    breaker = Breaker(after=2, rest_s=2.0)
    calls = [breaker.begin() for _ in range(4)]
    assert [breaker.failed(call, 0.1 * call) for call in calls] == [None, 2.0, None, None]
    assert 0 < breaker.wait(0.5) < 2.0


def test_breaker__the_try_is_given_up__the_next_call_tries() -> None:
    breaker = _opened()
    call = breaker.begin()
    breaker.abandoned(call)
    assert breaker.wait(2.0) == 0
