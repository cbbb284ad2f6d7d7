"""Requests that cannot touch consent, and a reader that takes anything."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.platforms import omnisend
from headrace.platforms.http import Reply
from headrace.platforms.replies import retry_after_of

KEYS = ("contacts", "tags", "retryAfter", "errors")
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=20,
)


def reply(body: Any) -> Reply:
    return Reply(200, {}, body, datetime(2026, 1, 1, tzinfo=UTC))


def test_upsert_contact__no_word_of_consent_and_no_welcome_mail() -> None:
    assert omnisend.upsert_contact(" a@b.example ").json == {
        "identifiers": [{"type": "email", "id": "a@b.example", "sendWelcomeMessage": False}]
    }


@pytest.mark.parametrize(("emails", "tags"), [(0, 1), (251, 1), (1, 0), (1, 101)])
def test_tags__too_few_or_many__is_no_request(emails: int, tags: int) -> None:
    with pytest.raises(ValueError, match="in one call"):
        omnisend.add_tags(["a@b.example"] * emails, ["t"] * tags)


@pytest.mark.parametrize(
    ("body", "tags"),
    [
        ({"contacts": [{"tags": ["A", "B"]}]}, {"A", "B"}),
        ({"contacts": [{}]}, set()),
        ({"contacts": [{"tags": None}]}, set()),
        ({"contacts": []}, None),
        ({}, None),
        (None, None),
    ],
)
def test_tags_of(body: Any, tags: set[str] | None) -> None:
    assert omnisend.tags_of(reply(body)) == tags


@given(body=JSON)
def test_readers__anything__never_raise(body: Any) -> None:
    omnisend.tags_of(reply(body))
    wait = retry_after_of(body)
    assert wait is None or 0 <= wait <= 3600
