"""Readers find what a reply holds and never raise on anything else."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.platforms import klaviyo
from headrace.platforms.klaviyo.gates import until_more
from headrace.platforms.replies import error_text

KEYS = (
    "data", "id", "type", "attributes", "properties", "subscriptions", "email", "marketing", "suppression",
    "list_suppressions", "reason", "timestamp", "links", "next", "name", "status", "failed_count", "errors", "source",
    "pointer", "title", "consent",
)  # fmt: skip
TEXTS = st.text() | st.sampled_from(("profile", "list", "profile-bulk-import-job", "http://[::1", "?page[cursor]=x"))
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3) | st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=30,
)
ROW = st.fixed_dictionaries({"type": TEXTS, "id": TEXTS, "attributes": JSON})


@given(body=JSON | st.fixed_dictionaries({"data": ROW | st.lists(ROW, max_size=3), "links": JSON}))
def test_readers__anything__never_raise(body: Any) -> None:
    for profile in klaviyo.profiles_of(body):
        assert isinstance(profile.values("name"), list)
    klaviyo.profile_of(body)
    klaviyo.lists_of(body)
    klaviyo.list_of(body)
    klaviyo.job_of(body)
    klaviyo.next_cursor(body)
    error_text(body)


@given(headers=st.dictionaries(st.sampled_from(("ratelimit-remaining", "ratelimit-reset")), st.text() | st.just("0")))
def test_until_more__any_headers__seconds_of_a_minute(headers: dict[str, str]) -> None:
    assert 0 <= until_more(headers) <= 60


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"ratelimit-remaining": "0", "ratelimit-reset": "17"}, 17),
        ({"ratelimit-remaining": "1", "ratelimit-reset": "17"}, 0),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "900"}, 0),
        ({}, 0),
    ],
)
def test_until_more__nothing_left__to_the_end_of_the_window(headers: dict[str, str], wait: float) -> None:
    assert until_more(headers) == wait


def test_profile_of__with_subscriptions__consent_and_suppressions() -> None:
    marketing = {
        "consent": "UNSUBSCRIBED",
        "suppression": [{"reason": "UNSUBSCRIBE", "timestamp": "2023-02-21T20:07:38+00:00"}, 7],
        "list_suppressions": [{"list_id": "Y6nRLr", "reason": "USER_SUPPRESSED", "timestamp": "soon"}],
    }
    attributes = {
        "email": "A@B.example",
        "properties": {"p": ["x", 1]},
        "subscriptions": {"email": {"marketing": marketing}},
    }
    profile = klaviyo.profile_of({"data": {"type": "profile", "id": "01A", "attributes": attributes}})
    assert profile is not None
    assert (profile.id, profile.email, profile.consent) == ("01A", "a@b.example", "UNSUBSCRIBED")
    assert profile.suppressions == (
        klaviyo.Suppression("UNSUBSCRIBE", datetime(2023, 2, 21, 20, 7, 38, tzinfo=UTC)),
        klaviyo.Suppression("USER_SUPPRESSED", None, "Y6nRLr"),
    )


@pytest.mark.parametrize(
    ("properties", "values"), [({"p": ["x", 1]}, ["x", 1]), ({"p": "x"}, ["x"]), ({}, []), ({"p": None}, [])]
)
def test_profile__values__a_single_one_is_a_list_of_one(properties: dict[str, Any], values: list[Any]) -> None:
    assert klaviyo.Profile("01A", properties=properties).values("p") == values


def test_lists_of__two_of_one_name__the_first() -> None:
    rows = [{"type": "list", "id": key, "attributes": {"name": "Gold"}} for key in ("a", "b")]
    assert klaviyo.lists_of({"data": rows}) == {"Gold": "a"}


def test_next_cursor__address_of_the_next_page() -> None:
    body = {
        "links": {
            "self": "x",
            "next": "https://a.klaviyo.com/api/profiles?page%5Bsize%5D=2&page%5Bcursor%5D=bmV4dA%3D%3D",
        }
    }
    assert klaviyo.next_cursor(body) == "bmV4dA=="
    assert klaviyo.next_cursor({"links": {"self": "x"}}) is None


@pytest.mark.parametrize(
    ("status", "over"), [("queued", False), ("processing", False), ("complete", True), ("cancelled", True)]
)
def test_job_of__status(status: str, over: bool) -> None:
    attributes = {"status": status, "total_count": 3, "failed_count": None, "created_at": "x"}
    job = klaviyo.job_of({"data": {"type": "profile-bulk-import-job", "id": "J", "attributes": attributes}})
    assert job == klaviyo.Job("J", status, 3, 0)
    assert job.is_over is over


def test_error_text__json_api__title_and_detail_by_place() -> None:
    source = {"pointer": "/data/attributes/email"}
    error = {"id": "1", "status": 400, "code": "invalid", "title": "Invalid input.", "detail": "no", "source": source}
    assert error_text({"errors": [error]}) == ("Invalid input.", {"/data/attributes/email": "no"})
