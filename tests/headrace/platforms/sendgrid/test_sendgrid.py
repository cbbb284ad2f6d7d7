"""Requests by the vendor's files, readers that take anything, tags in one text."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.platforms import sendgrid
from headrace.platforms.http import Reply, Request
from headrace.platforms.replies import error_text
from tests.headrace.platforms.openapi import Specs

SENDGRID = Specs("sendgrid", beyond={"w1_T"})
LIST = "ca7a3796-e8a8-4029-9ccb-df8937940562"
KEYS = (
    "result",
    "contact",
    "id",
    "list_ids",
    "custom_fields",
    "name",
    "status",
    "results",
    "errored_count",
    "_metadata",
    "next",
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just("completed") | st.just("x?page_token=9&a=b"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=20,
)
REQUESTS = (
    sendgrid.search_emails(["a@b.example"]),
    sendgrid.upsert_contacts([sendgrid.contact_row("a@b.example", {"w1_T": ";VIP;"})], [LIST]),
    sendgrid.upsert_contacts(
        [sendgrid.contact_row("a@b.example", {}, sendgrid.Contact("1", identifiers={"external_id": "7"}))]
    ),
    sendgrid.job(LIST),
    sendgrid.remove_from_list(LIST, ["1", "2"]),
    sendgrid.lists(),
    sendgrid.lists("100"),
    sendgrid.create_list("VIP"),
    sendgrid.field_definitions(),
    sendgrid.create_field("headrace_tags"),
)


def reply(body: Any) -> Reply:
    return Reply(200, {}, body, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: one.route)
def test_requests__are_in_the_vendors_files(request_: Request) -> None:
    assert SENDGRID.request_problems(request_) == []


@given(body=JSON)
def test_readers__anything__never_raise(body: Any) -> None:
    one = reply(body)
    for contact in sendgrid.contacts_of(one).values():
        assert isinstance(contact.id, str)
    sendgrid.job_of(one)
    assert sendgrid.job_state(one).errored >= 0
    sendgrid.ids_by_name(one)
    sendgrid.fields_by_name(one)
    sendgrid.made_id(one)
    sendgrid.next_token(one)
    error_text(body)


def test_contact_row__goes_with_all_identifiers_that_the_contact_has() -> None:
    body = {"result": {"A@x.example": {"contact": {"id": "1", "external_id": "7", "anonymous_id": "", "list_ids": []}}}}
    found = sendgrid.contacts_of(reply(body))
    assert sendgrid.contact_row("a@x.example", {"w1": "t"}, found["a@x.example"]) == {
        "email": "a@x.example",
        "external_id": "7",
        "custom_fields": {"w1": "t"},
    }


@pytest.mark.parametrize(
    ("body", "job"),
    [
        ({"status": "pending"}, sendgrid.Job(finished=False)),
        ({"status": "completed", "results": {"errored_count": 2}}, sendgrid.Job(finished=True, errored=2)),
        ({"status": "errored", "results": {"errored_count": 2}}, sendgrid.Job(finished=True, errored=2)),
        ({"status": "failed"}, sendgrid.Job(finished=True, errored=1, failed=True)),
        (None, sendgrid.Job(finished=False)),
    ],
)
def test_job_state(body: Any, job: sendgrid.Job) -> None:
    assert sendgrid.job_state(reply(body)) == job


def test_error_text__about_the_whole_call__is_the_title() -> None:
    assert error_text({"errors": [{"field": None, "message": "too many requests"}]})[0] == "too many requests"
    assert error_text({"errors": [{"field": "emails", "message": "is required"}]}) == ("", {"emails": "is required"})


@given(st.lists(st.text(min_size=1)), st.lists(st.text(min_size=1)))
def test_encode_tags__tells_different_sets_apart(one: list[str], other: list[str]) -> None:
    assert (sendgrid.encode_tags(one) == sendgrid.encode_tags(other)) == ({*one} == {*other})


def test_encode_tags__a_segment_can_ask_for_one() -> None:
    assert sendgrid.encode_tags(["VIP", "Gold", "a;b"]) == ";Gold;VIP;a%3Bb;"
    assert sendgrid.encode_tags([]) == ""


def test_limits__too_many__is_no_request() -> None:
    with pytest.raises(ValueError, match="in one call"):
        sendgrid.search_emails(["a"] * 101)
    with pytest.raises(ValueError, match="in one call"):
        sendgrid.upsert_contacts([])
    with pytest.raises(ValueError, match="in one call"):
        sendgrid.remove_from_list(LIST, [])


@pytest.mark.parametrize(
    ("next_", "token"),
    [
        ("https://api.sendgrid.com/v3/marketing/lists?page_size=1000&page_token=MTAwMA%3D%3D", "MTAwMA=="),
        ("https://api.sendgrid.com/v3/marketing/lists?page_token=a%2Bb&page_size=1000", "a+b"),
        ("https://api.sendgrid.com/v3/marketing/lists?page_size=100&page_token=", None),
        ("http://[", None),
        (None, None),
    ],
)
def test_next_token__is_what_the_address_means(next_: Any, token: str | None) -> None:
    """It goes into an address again, which writes it as such."""
    assert sendgrid.next_token(reply({"result": [], "_metadata": {"next": next_}})) == token


def test_contact_row__of_one_found_by_an_alternate_address__has_its_own() -> None:
    body = {"result": {"b@x.example": {"contact": {"id": "1", "email": "a@x.example"}}}}
    known = sendgrid.contacts_of(reply(body))["b@x.example"]
    assert sendgrid.contact_row("b@x.example", {}, known) == {"email": "a@x.example"}


@given(st.lists(st.text(min_size=1), unique=True))
def test_tags__together_and_apart_again__are_the_same(tags: list[str]) -> None:
    assert sendgrid.decode_tags(sendgrid.encode_tags(tags)) == sorted(
        tags, key=lambda tag: tag.replace("%", "%25").replace(";", "%3B")
    )
