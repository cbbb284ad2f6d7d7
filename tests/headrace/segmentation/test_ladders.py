"""Rungs and their boundaries, and how a rung is kept that the number has left."""

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.model import Duration, Ladder, Rung
from headrace.segmentation.ladders import Rungs, compile_rungs, explain, grace_ends, kept_rung, rung_of, step_to
from headrace.segmentation.state import Standing

SILVER, GOLD, PLATINUM = 0, 1, 2
RUNGS = (
    Rung(group="Silver"),
    Rung(group="Gold", bound="from", threshold=100000),
    Rung(group="Platinum", bound="above", threshold=500000),
)
LADDER = Ladder(id="loyalty", by="customer.spend", rungs=RUNGS)
DAYS = Duration(count=30, unit="day")
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
Demote = Literal["direct", "one_step", "never"]


def ladder(demote: Demote = "direct", grace: Duration | None = None, zone: str = "Europe/London") -> Rungs:
    return compile_rungs(Ladder(id="loyalty", by="customer.spend", rungs=RUNGS, demote=demote, grace=grace), zone)


def on(number: int, since: datetime = NOON) -> Standing:
    return Standing(rungs={"loyalty": number}, since={"ladder:loyalty": since})


@pytest.mark.parametrize(
    ("value", "rung"),
    [(None, 0), (0, 0), (99999, 0), (100000, 1), (100001, 1), (499999, 1), (500000, 1), (500001, 2), (10**12, 2)],
)
def test_rung_of__value__highest_bound_met(value: int | None, rung: int) -> None:
    assert rung_of(LADDER, value) == rung


def stand(rungs: Rungs, standing: Standing, value: int | None, now: datetime | None) -> Standing:
    return step_to(rungs, standing, rung_of(rungs.ladder, value), now)


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_rung_of__more__is_never_lower(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert rung_of(LADDER, low) <= rung_of(LADDER, high)


@pytest.mark.parametrize("demote", ["direct", "one_step", "never"])
@pytest.mark.parametrize(("value", "rung"), [(99999, SILVER), (100000, GOLD), (500000, GOLD), (500001, PLATINUM)])
def test_stand__first_time__on_the_rung_of_the_number(demote: Demote, value: int, rung: int) -> None:
    found = stand(ladder(demote, DAYS), Standing(), value, NOON)
    assert (found.rungs, found.since, found.below) == ({"loyalty": rung}, {"ladder:loyalty": NOON}, {})


@pytest.mark.parametrize(("value", "rung"), [(99999, SILVER), (100000, GOLD), (100001, GOLD)])
def test_stand__no_grace__at_once_at_the_bound(value: int, rung: int) -> None:
    assert stand(ladder(), on(PLATINUM), value, NOON).rungs == {"loyalty": rung}


@pytest.mark.parametrize(
    ("demote", "value", "rung"),
    [
        ("direct", 500001, PLATINUM),
        ("direct", 500000, GOLD),
        ("direct", 99999, SILVER),
        ("one_step", 500001, PLATINUM),
        ("one_step", 500000, GOLD),
        ("one_step", 99999, GOLD),
        ("never", 500000, PLATINUM),
        ("never", 0, PLATINUM),
    ],
)
def test_stand__when_the_grace_has_ended__by_how_the_ladder_demotes(demote: Demote, value: int, rung: int) -> None:
    rungs = ladder(demote, DAYS)
    waiting = stand(rungs, on(PLATINUM), value, NOON)
    assert waiting.rungs == {"loyalty": PLATINUM}
    ended = grace_ends(rungs, waiting) or NOON + timedelta(days=400)
    assert stand(rungs, waiting, value, ended).rungs == {"loyalty": rung}


@pytest.mark.parametrize(
    ("grace", "zone", "began", "ends"),
    [
        (Duration(count=36, unit="hour"), "Europe/London", "2026-03-28T20:00+00:00", "2026-03-30T08:00+00:00"),
        (Duration(count=1, unit="day"), "UTC", "2026-01-05T00:00+00:00", "2026-01-07T00:00+00:00"),
        (Duration(count=1, unit="day"), "UTC", "2026-01-05T23:59:59+00:00", "2026-01-07T00:00+00:00"),
        (Duration(count=1, unit="day"), "Europe/London", "2026-03-28T12:00+00:00", "2026-03-29T23:00+00:00"),
        (Duration(count=1, unit="day"), "America/New_York", "2026-10-31T12:00+00:00", "2026-11-02T05:00+00:00"),
        (Duration(count=30, unit="day"), "Asia/Kathmandu", "2024-02-01T00:00+00:00", "2024-03-02T18:15+00:00"),
    ],
)
def test_stand__edge_of_the_grace__kept_up_to_the_last_moment(
    grace: Duration, zone: str, began: str, ends: str
) -> None:
    rungs, edge = ladder("direct", grace, zone), datetime.fromisoformat(ends)
    waiting = stand(rungs, on(GOLD), 0, datetime.fromisoformat(began))
    assert grace_ends(rungs, waiting) == edge
    for moment, rung in ((edge - timedelta(microseconds=1), GOLD), (edge, SILVER), (edge + timedelta(days=9), SILVER)):
        assert stand(rungs, waiting, 0, moment).rungs == {"loyalty": rung}


def test_stand__number_recovers__the_grace_begins_anew() -> None:
    rungs = ladder("direct", DAYS)
    waiting = stand(rungs, on(GOLD), 99999, NOON)
    back = stand(rungs, waiting, 100000, NOON + timedelta(days=20))
    assert back.below == {}
    again = stand(rungs, back, 99999, NOON + timedelta(days=25))
    assert stand(rungs, again, 99999, NOON + timedelta(days=40)).rungs == {"loyalty": GOLD}
    assert again.since == {"ladder:loyalty": NOON}


def test_stand__number_moves_between_lower_rungs__the_grace_goes_on() -> None:
    rungs = ladder("one_step", DAYS)
    waiting = stand(rungs, on(PLATINUM), 0, NOON)
    assert stand(rungs, waiting, 200000, NOON + timedelta(days=20)) is waiting


def test_stand__one_step__a_full_grace_on_every_rung() -> None:
    rungs = ladder("one_step", DAYS)
    waiting = stand(rungs, on(PLATINUM), 0, NOON)
    first = grace_ends(rungs, waiting)
    assert first == datetime(2026, 2, 5, tzinfo=UTC)
    gold = stand(rungs, waiting, 0, first)
    assert (gold.rungs, gold.since, gold.below) == ({"loyalty": GOLD}, {"ladder:loyalty": first}, {"loyalty": first})
    second = grace_ends(rungs, gold)
    assert second == datetime(2026, 3, 8, tzinfo=UTC)
    silver = stand(rungs, gold, 0, second)
    assert (silver.rungs, silver.below) == ({"loyalty": SILVER}, {})


def test_stand__above_a_grace_that_runs__up_at_once() -> None:
    rungs = ladder("one_step", DAYS)
    waiting = stand(rungs, on(GOLD), 0, NOON)
    found = stand(rungs, waiting, 500001, NOON + timedelta(days=1))
    assert (found.rungs, found.below) == ({"loyalty": PLATINUM}, {})


def test_stand__clock_not_known_yet__a_granted_rung_stays() -> None:
    rungs = ladder("direct", DAYS)
    known = Standing(rungs={"loyalty": GOLD})
    assert stand(rungs, known, 0, None) is known
    assert stand(ladder(), known, 0, None).rungs == {"loyalty": SILVER}


@pytest.mark.parametrize(
    ("number", "name", "kept"), [(1, "Gold", 1), (2, "Gold", 1), (9, "Diamond", 2), (9, None, 2), (1, None, 1)]
)
def test_kept_rung__other_rungs_came_or_went__the_one_of_that_name(number: int, name: str | None, kept: int) -> None:
    assert kept_rung(ladder("never"), number, name) == kept


steps = st.lists(
    st.tuples(st.integers(0, 60 * 24), st.sampled_from([0, 99999, 100000, 100001, 499999, 500000, 500001, 900000])),
    min_size=1,
    max_size=30,
)
demotes = st.sampled_from(["direct", "one_step", "never"])
graces = st.sampled_from([None, Duration(count=36, unit="hour"), Duration(count=1, unit="day"), DAYS])


@given(steps, demotes, graces)
def test_stand__any_course__exactly_one_rung_up_at_once_down_as_said(
    course: list[tuple[int, int]], demote: Demote, grace: Duration | None
) -> None:
    rungs, standing, now = ladder(demote, grace), Standing(), NOON
    for hours, value in course:
        now += timedelta(hours=hours)
        before = standing.rungs.get("loyalty")
        below = standing.below.get("loyalty")
        standing = stand(rungs, standing, value, now)
        (after,) = standing.rungs.values()
        wanted = rung_of(LADDER, value)
        assert after >= wanted
        if before is None or wanted > before:
            assert after == wanted
        if wanted == after:
            assert standing.below == {}
        if before is not None and after < before:
            assert demote != "never"
            if grace is not None:
                assert below is not None
                assert rungs.grace is not None
                assert (edge := rungs.grace(below)) is not None
                assert edge <= now
                assert demote == "direct" or after == before - 1
        if demote == "direct" and grace is None:
            assert after == wanted
        assert set(standing.below) == ({"loyalty"} if rungs.grace is not None and after > wanted else set())
        assert stand(rungs, standing, value, now) is standing


@pytest.mark.parametrize(
    ("rungs", "value", "words"),
    [
        (ladder(), 100000, "rung 2, Gold, by customer.spend"),
        (ladder("direct", DAYS), 500001, "rung 2, Gold, by customer.spend"),
        (ladder("never"), 0, "rung 2, Gold, by customer.spend; the number is on rung 1, kept"),
        (
            ladder("direct", DAYS),
            99999,
            "rung 2, Gold, by customer.spend; the number is on rung 1, kept until 2026-02-05 00:00",
        ),
    ],
)
def test_explain__rung__with_what_keeps_it(rungs: Rungs, value: int, words: str) -> None:
    standing = on(GOLD)
    below = {"loyalty": NOON} if rungs.grace is not None else {}
    assert explain(rungs, Standing(rungs=standing.rungs, below=below), value, "Europe/London") == words
