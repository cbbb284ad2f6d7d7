"""The gate: consent, age, quiet hours and caps at their edges."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.consumer.effects import Contact
from headrace.consumer.effects.gate import Later, Never, look, quiet_until
from headrace.contracts.effects import Cap, Quiet
from tests.headrace.consumer.effects.made import NOW, REACHABLE, an_effect

NIGHT = Quiet(start="21:00", end="08:00", zone="America/New_York")
NOON = Quiet(start="12:00", end="13:30", zone="Asia/Kolkata")
ZONES = ("America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia", "UTC")


def at(zone: str, text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def test_look__everything_allows_it__goes() -> None:
    assert look(an_effect(), REACHABLE, now=NOW) == "go"


@pytest.mark.parametrize(
    ("contact", "reason"),
    [
        (None, "no_contact"),
        (Contact(email="a@example.com", subscribed=False), "consent_withdrawn"),
        (Contact(email="a@example.com", subscribed=None), "consent_withdrawn"),
        (Contact(email="a@example.com", subscribed=True, deleted=True), "customer_gone"),
    ],
)
def test_look__marketing_without_consent__is_never_sent(contact: Contact | None, reason: str) -> None:
    assert look(an_effect(), contact, now=NOW) == Never("cancelled", reason)  # type: ignore[arg-type]  # one of them


@pytest.mark.parametrize("kind", ["notify_staff", "webhook", "export_row", "do", "stop_sequence"])
def test_look__service_effect__needs_no_consent_but_a_customer_who_is_there(kind: str) -> None:
    assert look(an_effect(kind=kind), Contact(subscribed=False), now=NOW) == "go"
    assert look(an_effect(kind=kind), None, now=NOW) == "go"
    assert look(an_effect(kind=kind), Contact(deleted=True), now=NOW) == Never("cancelled", "customer_gone")


@pytest.mark.parametrize(("before_s", "goes"), [(1, True), (0, False), (-1, False)])
def test_look__age__ends_with_the_moment_itself(before_s: int, goes: bool) -> None:
    effect = an_effect(expires_at=NOW + timedelta(seconds=before_s))
    assert look(effect, REACHABLE, now=NOW) == ("go" if goes else Never("expired", "too_old"))


@pytest.mark.parametrize(
    ("quiet", "local", "until"),
    [
        (NIGHT, "2026-03-02T20:59:59", None),
        (NIGHT, "2026-03-02T21:00:00", "2026-03-03T08:00:00"),
        (NIGHT, "2026-03-02T23:59:59.999999", "2026-03-03T08:00:00"),
        (NIGHT, "2026-03-03T00:00:00", "2026-03-03T08:00:00"),
        (NIGHT, "2026-03-03T07:59:59", "2026-03-03T08:00:00"),
        (NIGHT, "2026-03-03T08:00:00", None),
        (NIGHT, "2026-03-07T22:00:00", "2026-03-08T08:00:00"),  # the night in which an hour is missing
        (NIGHT, "2026-10-31T22:00:00", "2026-11-01T08:00:00"),  # the night in which an hour comes twice
        (NOON, "2026-03-02T11:59:59", None),
        (NOON, "2026-03-02T12:00:00", "2026-03-02T13:30:00"),
        (NOON, "2026-03-02T13:29:59", "2026-03-02T13:30:00"),
        (NOON, "2026-03-02T13:30:00", None),
    ],
)
def test_quiet_until__edges__by_the_customers_clock(quiet: Quiet, local: str, until: str | None) -> None:
    wanted = None if until is None else at(quiet.zone, until)
    assert quiet_until(quiet, at(quiet.zone, local)) == wanted


@pytest.mark.parametrize(
    ("end", "wanted"), [("02:30", "2026-03-08T07:30:00+00:00"), ("03:00", "2026-03-08T07:00:00+00:00")]
)
def test_quiet_until__an_end_that_the_day_leaves_out__is_an_hour_later(end: str, wanted: str) -> None:
    quiet = Quiet(start="21:00", end=end, zone="America/New_York")
    assert quiet_until(quiet, at(quiet.zone, "2026-03-08T01:59:59")) == datetime.fromisoformat(wanted)


@given(
    st.sampled_from(ZONES),
    st.integers(0, 366 * 24 * 3600).map(lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)),
    st.integers(0, 1439),
    st.integers(1, 1439),
)
def test_quiet_until__law__it_ends_later_and_is_over_then(zone: str, now: datetime, start: int, length: int) -> None:
    end = (start + length) % 1440
    quiet = Quiet(start=f"{start // 60:02}:{start % 60:02}", end=f"{end // 60:02}:{end % 60:02}", zone=zone)
    until = quiet_until(quiet, now)
    if until is not None:
        assert now < until <= now + timedelta(days=1, hours=1)
        following = quiet_until(quiet, until)
        assert following is None or following <= until + timedelta(hours=1)  # an end within the hour that comes twice


def test_look__quiet_hours__hold_marketing_back_and_nothing_else() -> None:
    night = at("America/New_York", "2026-03-02T22:00:00")
    mail = an_effect(quiet=NIGHT, expires_at=night + timedelta(days=1))
    assert look(mail, REACHABLE, now=night) == Later(at("America/New_York", "2026-03-03T08:00:00"), "quiet_hours")
    note = an_effect(kind="notify_staff", quiet=NIGHT, expires_at=night + timedelta(days=1))
    assert look(note, REACHABLE, now=night) == "go"


@pytest.mark.parametrize(
    ("ago_s", "wanted_s"),
    [([0], None), ([0, 10], 590), ([0, 599], 1), ([0, 600], None), ([0, 1, 2], 599), ([700, 800, 900], None)],
)
def test_look__cap__the_window_is_open_at_its_far_end(ago_s: list[int], wanted_s: int | None) -> None:
    effect = an_effect(cap=Cap(at_most=2, per_s=600))
    sent = [NOW - timedelta(seconds=seconds) for seconds in ago_s]
    wanted = "go" if wanted_s is None else Later(NOW + timedelta(seconds=wanted_s), "frequency_cap")
    assert look(effect, REACHABLE, now=NOW, sent=sent) == wanted


@given(st.lists(st.integers(0, 2000), max_size=12), st.integers(1, 4), st.integers(1, 1000))
def test_look__cap__law__whoever_waits_is_free_then_and_not_before(ago: list[int], at_most: int, per_s: int) -> None:
    effect = an_effect(cap=Cap(at_most=at_most, per_s=per_s))
    sent = [NOW - timedelta(seconds=seconds) for seconds in ago]
    answer = look(effect, REACHABLE, now=NOW, sent=sent)
    if isinstance(answer, Later):
        assert look(effect, REACHABLE, now=answer.until, sent=sent) == "go"
        assert look(effect, REACHABLE, now=answer.until - timedelta(microseconds=1), sent=sent) != "go"
    else:
        assert sum(at > NOW - timedelta(seconds=per_s) for at in sent) < at_most
