"""Omnisend's traps, as the vendor's facts state them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from headrace.platforms.omnisend import send_event
from headrace.simulators.call import Answer, Call
from headrace.simulators.clock import StoreClock
from headrace.simulators.omnisend import Omnisend
from tests.headrace.simulators.harness import Hands

HEADERS = {"Authorization": "Omnisend-API-Key k", "Omnisend-Version": "2026-03-15"}


class Brand:
    """An account whose time is in the test's hands."""

    def __init__(self) -> None:
        self.hands = Hands()
        self.account = Omnisend(StoreClock(datetime(2026, 1, 1, tzinfo=UTC), monotonic=self.hands), "k")

    def call(self, method: str, path: str, body: Any = None, headers: Any = HEADERS, **query: str) -> Answer:
        raw = b"" if body is None else msgspec.json.encode(body)
        return self.account.answer(Call(method, path, path, query=query, raw=raw), headers)

    def make(self, email: str, **more: Any) -> Answer:
        return self.call("POST", "/api/contacts", {"identifiers": [{"type": "email", "id": email, **more}]})


@pytest.fixture
def brand() -> Brand:
    return Brand()


def test_contact__made_without_a_word__is_not_subscribed_and_gets_a_welcome_mail(brand: Brand) -> None:
    assert brand.make("A@x.example").status == 201
    assert brand.make("a@x.example").status == 200
    assert brand.account.truth() == {"a@x.example": {"status": "nonSubscribed", "tags": [], "welcomed": 1}}
    brand.make("b@x.example", sendWelcomeMessage=False)
    assert brand.account.truth()["b@x.example"]["welcomed"] == 0


def test_tags__come_later_and_unknown_addresses_are_passed_over(brand: Brand) -> None:
    brand.make("a@x.example")
    body = {"tags": ["VIP"], "emails": ["a@x.example", "nobody@x.example"]}
    assert brand.call("POST", "/contacts/tags", body).status == 202
    assert brand.account.truth()["a@x.example"]["tags"] == []
    brand.hands.real += 1
    assert {email: row["tags"] for email, row in brand.account.truth().items()} == {"a@x.example": ["VIP"]}
    brand.call("DELETE", "/contacts/tags", body)
    brand.hands.real += 1
    assert brand.account.truth()["a@x.example"]["tags"] == []


def test_tags__sixty_a_minute__the_refusal_says_when_in_its_body_alone(brand: Brand) -> None:
    body = {"tags": ["VIP"], "emails": ["a@x.example"]}
    assert {brand.call("POST", "/contacts/tags", body).status for _ in range(60)} == {202}
    refused = brand.call("POST", "/contacts/tags", body)
    assert (refused.status, refused.headers) == (429, {})
    assert refused.body is not None
    assert 60 <= msgspec.json.decode(refused.body)["retryAfter"] <= 61
    brand.hands.real += 60
    assert brand.call("POST", "/contacts/tags", body).status == 202


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Omnisend-API-Key other", "Omnisend-Version": "2026-03-15"}, 401),
        ({"Authorization": "Omnisend-API-Key k"}, 400),
        ({"Authorization": "Omnisend-API-Key k", "Omnisend-Version": "2024-01-01"}, 410),
    ],
)
def test_headers__missing_wrong_retired(brand: Brand, headers: dict[str, str], status: int) -> None:
    assert brand.call("GET", "/contacts", headers=headers).status == status


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/contacts", {"identifiers": []}),
        ("/contacts", {"identifiers": [{"type": "email", "id": "no address"}]}),
        ("/contacts/tags", {"tags": [], "emails": ["a@x.example"]}),
        ("/contacts/tags", {"tags": ["t"] * 101, "emails": ["a@x.example"]}),
        ("/contacts/tags", {"tags": ["t"], "emails": ["a@x.example"] * 251}),
        ("/events", {}),
        ("/events", {"eventName": "x", "contact": {"email": "a@x.example"}}),
        ("/events", {"eventName": "x", "origin": "api"}),
        ("/events", {"eventName": "x", "origin": "api", "contact": {"email": "none"}}),
        ("/events", {"eventName": "x", "origin": "api", "contact": {"email": "a@x.example"}, "properties": []}),
    ],
)
def test_bodies__that_do_not_fit__are_refused_by_field(brand: Brand, path: str, body: Any) -> None:
    refused = brand.call("POST", path, body)
    assert refused.status == 400
    assert refused.body is not None
    assert msgspec.json.decode(refused.body)["errors"][0]["field"]


@pytest.mark.parametrize(("status", "dropped"), [("subscribed", 0), ("nonSubscribed", 2), (None, 2)])
def test_event__sent_twice__is_one_more_and_mails_subscribers_only(
    brand: Brand, status: str | None, dropped: int
) -> None:
    if status is not None:
        brand.make("a@x.example", channels={"email": {"status": status}})
    key = "5eed" * 8
    body = {"eventName": "became vip", "origin": "api", "contact": {"email": "A@x.example"}, "eventID": str(UUID(key))}
    assert [brand.call("POST", "/events", body).status for _ in range(2)] == [202, 202]
    (row,) = brand.account.effects.rows()
    assert (row["sink"], row["id"], row["count"], row["dropped"]) == ("omnisend", key, 2, dropped)


def test_event__of_our_client__is_counted_by_its_id(brand: Brand) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    request = send_event("became vip", "a@x.example", id="ab" * 16, at=at, properties={})
    assert brand.call(request.method, request.path, request.json).status == 202
    assert [row["id"] for row in brand.account.effects.rows()] == ["ab" * 16]
