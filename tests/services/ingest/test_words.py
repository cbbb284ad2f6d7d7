"""A refusal anywhere wins until the store has a newer yes; nothing is ever subscribed again by it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.owners import Entry, Owners
from services.ingest.words import Word, word_id

T = datetime(2026, 1, 1, 12, tzinfo=UTC)
BEFORE, AFTER = T - timedelta(minutes=1), T + timedelta(minutes=1)
YES, NO = Word.said(T, granted=True), Word.said(T, granted=False)


def heard(*words: tuple[str, Word]) -> Owners:
    owners = Owners("s", b"hk")
    for source, word in words:
        owners.take(Entry("consent", word_id("h", source), word))
    return owners


@pytest.mark.parametrize("in_store", [True, False, None])
def test_subscribed__nobody_said_anything__as_the_store_has_it(in_store: bool | None) -> None:
    assert heard().words.subscribed("h", in_store, BEFORE) is in_store


@pytest.mark.parametrize(
    ("words", "in_store", "opted_in_at", "expected"),
    [
        ([("mailchimp", NO)], True, BEFORE, False),
        ([("mailchimp", NO)], True, T, False),
        ([("mailchimp", NO)], True, None, False),
        ([("mailchimp", NO)], True, AFTER, True),
        ([("mailchimp", NO)], False, AFTER, False),
        ([("mailchimp", NO)], None, None, False),
        ([("mailchimp", NO), ("mailchimp", Word.said(AFTER, granted=True))], True, BEFORE, True),
        ([("mailchimp", NO), ("klaviyo", Word.said(AFTER, granted=True))], True, BEFORE, False),
        ([("mailchimp", Word.said(BEFORE, granted=True))], False, T, False),
        ([("mailchimp", YES)], None, None, None),
    ],
)
def test_subscribed__words_and_the_store__the_refusal_wins_until_a_newer_yes(
    words: list[tuple[str, Word]], in_store: bool | None, opted_in_at: datetime | None, expected: bool | None
) -> None:
    assert heard(*words).words.subscribed("h", in_store, opted_in_at) is expected


@given(st.permutations([("mailchimp", Word.said(T + timedelta(minutes=n), granted=n % 2 == 0)) for n in range(5)]))
def test_take__in_any_order__the_newest_counts(words: list[tuple[str, Word]]) -> None:
    assert heard(*words).words.refused_at("h") is None


@given(st.permutations([("mailchimp", YES), ("mailchimp", NO)]))
def test_take__two_at_one_moment__the_refusal_counts(words: list[tuple[str, Word]]) -> None:
    assert heard(*words).words.refused_at("h") == T


def test_is_news__said_again__no() -> None:
    owners = heard(("mailchimp", NO))
    assert not owners.words.is_news(word_id("h", "mailchimp"), NO)
    assert owners.words.is_news(word_id("h", "klaviyo"), NO)
