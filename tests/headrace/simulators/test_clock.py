"""The one clock."""

from datetime import timedelta

import pytest

from headrace.simulators.clock import StoreClock
from tests.headrace.simulators.harness import START, Hands


def test_clock__runs__at_its_speed(hands: Hands) -> None:
    clock = StoreClock(START, speed=60, monotonic=hands)
    hands.real = 2
    assert clock.elapsed() == 120
    assert clock.date() == START + timedelta(seconds=120)
    assert clock.real_seconds(30) == 0.5


def test_clock__advanced__jumps_the_date_only(clock: StoreClock, hands: Hands) -> None:
    hands.real = 5
    assert clock.advance_to(START + timedelta(days=3)) == START + timedelta(days=3)
    assert clock.elapsed() == 5


def test_clock__advanced_to_the_past__stays(clock: StoreClock, hands: Hands) -> None:
    hands.real = 5
    assert clock.advance_to(START) == START + timedelta(seconds=5)


def test_clock__speed_changed__nothing_jumps(clock: StoreClock, hands: Hands) -> None:
    hands.real = 10
    clock.set_speed(100)
    assert clock.elapsed() == 10
    hands.real = 11
    assert clock.elapsed() == 110


def test_clock__speed_zero__is_refused(clock: StoreClock) -> None:
    with pytest.raises(ValueError, match="speed"):
        clock.set_speed(0)
