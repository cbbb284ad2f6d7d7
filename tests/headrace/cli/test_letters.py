"""Dead letters and what became of them, as the topic's records tell it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.cli.letter_parcels import with_copies
from headrace.cli.letter_text import describe
from headrace.cli.letters import CLAIM_HOLDS, LEFT_OUT, Filter, Letter, named, not_sendable, read_letters
from headrace.cli.output import CliError
from headrace.contracts.actions import DeadLetter, DeadLetterMark, encode

TOPIC = "headrace.dead-letters"


@dataclass
class Row:
    """A record of the topic; a second passes between two."""

    offset: int
    value: bytes | None
    partition: int = 0
    key: bytes | None = b"s:1"

    @property
    def timestamp(self) -> int:
        return 1_000 * self.offset


def letter(**fields: Any) -> bytes:
    given = {"reason": "failed", "detail": "KeyError", "service": "evaluator", "topic": "headrace.events"}
    place = {"partition": 0, "offset": 7, "key": b"s:1", "value": b"{}"}
    return encode(DeadLetter(**{**given, **place, **fields}))


def mark(became: Any, number: int = 0, **fields: Any) -> bytes:
    return encode(DeadLetterMark(letter=number, became=became, **fields))


def topic(*values: bytes | None) -> list[Letter]:
    return read_letters(Row(offset, value) for offset, value in enumerate(values))


def states(*values: bytes | None) -> list[str]:
    return [one.state for one in topic(*values)]


SENT: dict[str, Any] = {"topic": "headrace.events", "partition": 0, "offset": 90}


@pytest.mark.parametrize(
    ("marks", "state"),
    [
        ([], "open"),
        ([mark("resending")], "resending"),
        ([mark("resending"), mark("resent", **SENT)], "resent"),
        ([mark("resending"), mark("resending", attempt=2)], "resending"),
        ([mark("dropped", reason="a test")], "dropped"),
        ([mark("dropped", reason="a test"), mark("resending")], "resending"),
        ([mark("resending"), mark("dropped", reason="a test")], "resending"),
        ([mark("superseded", **SENT)], "superseded"),
        ([mark("resent", **SENT), mark("resending"), mark("dropped", reason="late")], "resent"),
        ([mark("resent", 5, **SENT)], "open"),
    ],
)
def test_read_letters__marks_behind_a_letter__tell_its_state(marks: list[bytes], state: str) -> None:
    assert states(letter(), *marks) == [state]


def test_read_letters__two_who_would_send_it__the_first_counts() -> None:
    (one,) = topic(letter(), mark("resending"), mark("resending"))
    assert (one.claims, one.claim) == (1, 1)
    (one,) = topic(letter(), mark("resending"), mark("resending", attempt=2), mark("resending", attempt=2))
    assert (one.claims, one.claim) == (2, 2)


@given(st.lists(st.tuples(st.sampled_from(["resending", "resent", "superseded", "dropped"]), st.integers(1, 4))))
def test_read_letters__any_marks__one_claim_an_attempt_and_the_end_is_the_end(marks: list[tuple[str, int]]) -> None:
    rows = [letter(), *(mark(became, attempt=attempt) for became, attempt in marks)]
    seen = [topic(*rows[:end])[0] for end in range(1, len(rows) + 1)]
    claims = [one.claim for one in seen]
    assert [one.claims for one in seen] == sorted(one.claims for one in seen)
    assert len(set(claims)) == seen[-1].claims + 1
    ends = [one.state for one in seen if one.state in ("resent", "superseded")]
    assert len(set(ends)) <= 1


def test_read_letters__partitions__marks_are_of_their_own() -> None:
    rows = [Row(0, letter()), Row(0, letter(), partition=1), Row(1, mark("dropped", reason="a test"), partition=1)]
    assert {one.id: one.state for one in read_letters(rows)} == {"0:0": "open", "1:0": "dropped"}


@pytest.mark.parametrize("value", [None, b"", b"garbage", b"{}", b'{"letter":"x"}', b"[" * 5000, b"\xff"])
def test_read_letters__what_is_neither__is_a_letter_that_can_only_be_dropped(value: bytes | None) -> None:
    (one,) = topic(value)
    assert (one.reason, one.state) == ("unreadable", "open")
    assert "only `drop`" in not_sendable(one, prefix="headrace.", now=one.at)
    assert describe(one)["detail"] == "the dead letter itself cannot be read"
    assert topic(value, mark("dropped", reason="rubbish"))[0].state == "dropped"


def test_read_letters__mark_of_a_newer_release__is_passed_over() -> None:
    assert states(letter(), b'{"letter":0,"became":"forwarded","to":"x"}') == ["open"]


def test_read_letters__set_aside_again__knows_how_often_it_was_sent() -> None:
    again = [letter(offset=90), mark("resending", 2), mark("resent", 2, **{**SENT, "offset": 95}), letter(offset=95)]
    found = topic(letter(), mark("resent", **SENT), *again)
    assert [(one.id, one.resends) for one in found] == [("0:0", 0), ("0:2", 1), ("0:5", 2)]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, ""),
        ({"topic": "headrace.actions.group"}, ""),
        ({"topic": "headrace.notices", "partition": -1, "offset": -1}, ""),
        ({"topic": "other.events"}, "came from other.events, where nothing can be put back"),
        ({"topic": "headrace.rules"}, "came from headrace.rules, where nothing can be put back"),
        ({"value": None}, "has no value: there is nothing to send"),
        ({"value": None, "detail": f"too much {LEFT_OUT}"}, ""),
    ],
)
def test_not_sendable__open_letters__by_what_they_hold(fields: dict[str, Any], why: str) -> None:
    (one,) = topic(letter(**fields))
    assert not_sendable(one, prefix="headrace.", now=one.at) == why


def test_not_sendable__begun_by_somebody__waits_until_nobody_can_be_at_it() -> None:
    (one,) = topic(letter(), mark("resending"))
    assert one.state_at is not None
    assert "is being sent again" in not_sendable(one, prefix="headrace.", now=one.state_at + timedelta(seconds=1))
    assert not_sendable(one, prefix="headrace.", now=one.state_at + CLAIM_HOLDS) == ""


def test_not_sendable__dealt_with__says_how() -> None:
    (sent,) = topic(letter(), mark("resent", **SENT))
    assert not_sendable(sent, prefix="headrace.", now=sent.at) == (
        "was sent again already: headrace.events partition 0 offset 90"
    )
    (dropped,) = topic(letter(), mark("dropped", reason="a mistake"))
    assert not_sendable(dropped, prefix="headrace.", now=dropped.at) == "", "one may think better of it"


@pytest.mark.parametrize("given", ["0:0", f"{TOPIC}:0:0", "00:00"])
def test_named__any_way_to_write_it__finds_the_letter_once(given: str) -> None:
    assert [one.id for one in named(topic(letter()), [given, "0:0"], TOPIC)] == ["0:0"]


@pytest.mark.parametrize(
    ("given", "code"), [("0:1", "no_such_letter"), ("0", "usage"), ("a:b", "usage"), ("other:0:0", "usage")]
)
def test_named__what_is_none__is_refused(given: str, code: str) -> None:
    with pytest.raises(CliError) as error:
        named(topic(letter(), mark("dropped", reason="a test")), [given], TOPIC)
    assert error.value.code == code


def _filters() -> Iterator[tuple[Filter, list[str]]]:
    yield Filter(), ["0:0", "0:1"]
    yield Filter(every=True), ["0:0", "0:1", "0:2"]
    yield Filter(reason="failed"), ["0:0"]
    yield Filter(service="group"), ["0:1"]
    yield Filter(service="group", reason="failed"), []
    yield Filter(since=topic(letter())[0].at + timedelta(seconds=1)), ["0:1"]


@pytest.mark.parametrize(("wanted", "ids"), list(_filters()))
def test_filter__takes__what_it_names(wanted: Filter, ids: list[str]) -> None:
    refused = letter(service="group", reason="vendor_rejected")
    letters = topic(letter(), refused, letter(offset=8), mark("dropped", 2, reason="a test"))
    assert [one.id for one in letters if wanted.takes(one)] == ids


def test_with_copies__two_letters_about_one_record__go_together_and_the_oldest_names_them() -> None:
    letters = topic(letter(), letter(offset=8), letter(service="other"), letter(offset=-1), letter(offset=-1))
    groups = with_copies([letters[2], letters[4]], letters)
    assert [[one.id for one in group] for group in groups] == [["0:0", "0:2"], ["0:4"]]


def test_with_copies__dropped__only_where_it_is_named() -> None:
    letters = topic(letter(), letter(), mark("dropped", 0, reason="a test"))
    assert [[one.id for one in group] for group in with_copies(letters[1:], letters)] == [["0:1"]]
    assert [[one.id for one in group] for group in with_copies(letters[:1], letters)] == [["0:0", "0:1"]]
