"""The demo's ladder by hand: a grace's last moment, one rung at a time, recovery."""

from datetime import UTC, datetime, timedelta

import pytest

from headrace.demo.rungs import Counted, Loyalty, Rhythm, rung_of

FELL = datetime(2010, 1, 5, 15, tzinfo=UTC)
END = datetime(2010, 3, 7, tzinfo=UTC)  # the 61st day after
SECOND_END = datetime(2010, 5, 6, 23, tzinfo=UTC)  # midnight in London, where summer has begun


@pytest.mark.parametrize(
    ("minor", "rung"), [(0, 0), (99_999, 0), (100_000, 1), (500_000, 1), (500_001, 2), (900_000, 2)]
)
def test_rung_of__spend__gold_from_platinum_above(minor: int, rung: int) -> None:
    assert rung_of(minor) == rung


def order(minor: int, at: datetime = FELL) -> Counted:
    return Counted(at, minor, minor > 0)


def fallen() -> Loyalty:
    climber = Loyalty()
    climber.ordered("1", order(600_000), FELL)
    climber.ordered("1", order(0), FELL)
    return climber


@pytest.mark.parametrize(
    ("clock", "rung"),
    [(FELL, 2), (END.replace(day=6, hour=23), 2), (END, 1), (SECOND_END.replace(hour=22), 1), (SECOND_END, 0)],
)
def test_loyalty__below_its_rung__one_down_at_the_end_of_each_grace(clock: datetime, rung: int) -> None:
    climber = fallen()
    climber.pass_time(clock)
    assert climber.rung == rung


def test_loyalty__recovers_in_time__the_next_grace_begins_anew() -> None:
    climber = fallen()
    climber.ordered("2", order(500_001), END.replace(day=6))
    assert (climber.rung, climber.below_since) == (2, None)
    climber.ordered("2", order(100_000), END)
    assert (climber.rung, climber.below_since) == (2, END)
    climber.pass_time(SECOND_END)
    assert (climber.rung, climber.below_since) == (1, None)


def test_loyalty__before_the_first_clock__nothing_runs_down() -> None:
    climber = Loyalty()
    climber.ordered("1", order(600_000), None)
    climber.ordered("1", order(0), None)
    assert (climber.rung, climber.below_since) == (2, None)


@pytest.mark.parametrize(
    ("days", "rung"),
    # From the 31st day on no order is within thirty days: a grace of 30 days, one down, and again.
    [(0, 2), (30, 2), (31, 2), (61, 2), (62, 1), (92, 1), (93, 0), (200, 0)],
)
def test_rhythm__nothing_but_time__one_down_after_each_grace(days: int, rung: int) -> None:
    climber = Rhythm()
    climber.ordered("1", order(1), FELL)
    climber.ordered("2", order(1), FELL)
    climber.pass_time(FELL + timedelta(days=days))
    assert climber.rung == rung


def test_rhythm__order_that_does_not_count__is_none() -> None:
    climber = Rhythm()
    climber.ordered("1", order(0), FELL)
    assert climber.rung == 0


def test_rhythm__ordered_before_the_first_clock__runs_down_as_if_it_had_been_there() -> None:
    """A store that is connected with its past: its orders stand in the log before any clock."""
    climber = Rhythm()
    climber.ordered("1", order(100), None)
    climber.pass_time(FELL + timedelta(days=40))
    assert (climber.rung, climber.below_since) == (1, datetime(2010, 2, 5, tzinfo=UTC))
    climber.pass_time(FELL + timedelta(days=90))
    assert climber.rung == 0
