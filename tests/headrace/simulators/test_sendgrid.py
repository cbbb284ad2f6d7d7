"""SendGrid's traps, as the vendor's facts state them, in the shapes of the vendor's files."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest

from headrace.simulators.call import Answer, Call
from headrace.simulators.clock import StoreClock
from headrace.simulators.sendgrid import Contact, SendGrid
from tests.headrace.platforms.openapi import Specs
from tests.headrace.simulators.harness import Hands

BASE = "/v3/marketing"
SPECS = Specs("sendgrid")
MAIL: dict[str, Any] = {"from": {"email": "shop@x.example"}, "template_id": "d-1"}


class Account:
    """An account whose time is in the test's hands; every answer is held against the vendor's files."""

    def __init__(self) -> None:
        self.hands = Hands()
        self.sim = SendGrid(StoreClock(datetime(2026, 1, 1, tzinfo=UTC), monotonic=self.hands), "k")

    def call(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        answer = self.raw(method, path, body, **query)
        shape = msgspec.json.decode(answer.body) if answer.body else None
        return answer.status, shape

    def raw(self, method: str, path: str, body: Any = None, key: str = "k", **query: str) -> Answer:
        raw = b"" if body is None else msgspec.json.encode(body)
        return self.sim.answer(Call(method, path, path, query=query, raw=raw), {"Authorization": f"Bearer {key}"})

    def put(self, *rows: Any, **more: Any) -> Any:
        status, body = self.call("PUT", f"{BASE}/contacts", {"contacts": list(rows), **more})
        assert status == 202
        self.hands.real += 1
        return self.call("GET", f"{BASE}/contacts/imports/{body['job_id']}")[1]


@pytest.fixture
def account() -> Account:
    return Account()


def test_contact__is_not_to_be_found_until_its_job_ended(account: Account) -> None:
    status, body = account.call("PUT", f"{BASE}/contacts", {"contacts": [{"email": "A@x.example"}]})
    assert status == 202
    assert account.call("POST", f"{BASE}/contacts/search/emails", {"emails": ["a@x.example"]})[0] == 404
    assert account.call("GET", f"{BASE}/contacts/imports/{body['job_id']}")[1]["status"] == "pending"
    account.hands.real += 1
    found = account.call("POST", f"{BASE}/contacts/search/emails", {"emails": ["A@x.example", "b@x.example"]})[1]
    assert found["result"]["a@x.example"]["contact"]["email"] == "a@x.example"
    assert "error" in found["result"]["b@x.example"]


def test_contact__written_without_an_identifier_it_has__is_left_out(account: Account) -> None:
    assert account.put({"email": "a@x.example", "external_id": "7"})["results"]["created_count"] == 1
    again = account.put({"email": "a@x.example"})
    assert (again["status"], again["results"]["errored_count"]) == ("errored", 1)
    assert account.put({"email": "a@x.example", "external_id": "7"})["status"] == "completed"


def test_job__a_row_that_does_not_fit__the_others_are_taken(account: Account) -> None:
    job = account.put({"email": "no address"}, {"email": "a@x.example"})
    assert (job["results"]["created_count"], job["results"]["errored_count"]) == (1, 1)


def test_fields__must_exist_and_be_unlike_any_other(account: Account) -> None:
    row = {"email": "a@x.example", "custom_fields": {"w1": "x"}}
    assert account.call("PUT", f"{BASE}/contacts", {"contacts": [row]})[0] == 400
    assert account.call("POST", f"{BASE}/field_definitions", {"name": "Tags", "field_type": "Text"})[0] == 200
    for name in ("tags", "1st", ""):
        assert account.call("POST", f"{BASE}/field_definitions", {"name": name, "field_type": "Text"})[0] == 400


def test_lists__by_id_only_and_off_them_later(account: Account) -> None:
    list_id = account.call("POST", f"{BASE}/lists", {"name": "VIP"})[1]["id"]
    account.put({"email": "a@x.example"}, list_ids=[list_id])
    contact_id = account.sim.contacts["a@x.example"].id
    assert account.sim.truth() == {"a@x.example": {"tags": [], "lists": ["VIP"]}}
    assert account.call("DELETE", f"{BASE}/lists/{list_id}/contacts", contact_ids=contact_id)[0] == 202
    assert account.sim.truth()["a@x.example"]["lists"] == ["VIP"]
    account.hands.real += 1
    assert account.sim.truth()["a@x.example"]["lists"] == []
    assert account.call("DELETE", f"{BASE}/lists/{list_id}/contacts")[0] == 400
    assert account.call("POST", f"{BASE}/lists", {"name": "VIP"})[0] == 400


def test_limit__is_told_by_headers(account: Account) -> None:
    account.sim.calls_a_minute = 2
    for _ in range(2):
        assert account.raw("GET", f"{BASE}/lists").status == 200
    refused = account.raw("GET", f"{BASE}/lists")
    assert refused.status == 429
    assert int(refused.headers["X-RateLimit-Reset"]) == int(account.sim.clock.date().timestamp()) + 61
    assert account.raw("GET", f"{BASE}/lists", key="other").status == 401


def test_mail__to_a_suppressed_address__is_accepted_and_dropped(account: Account) -> None:
    account.sim.suppressed.add("no@x.example")
    for email in ("no@x.example", "yes@x.example"):
        answer = account.raw("POST", "/v3/mail/send", {**MAIL, "personalizations": [{"to": [{"email": email}]}]})
        assert (answer.status, answer.body) == (202, None)
    assert len(account.sim.mails) == 1


def test_shapes__are_the_vendors(account: Account) -> None:
    list_id = account.call("POST", f"{BASE}/lists", {"name": "VIP"})[1]["id"]
    account.call("POST", f"{BASE}/field_definitions", {"name": "headrace_tags", "field_type": "Text"})
    account.put({"email": "a@x.example", "custom_fields": {"w1_T": ";A;"}}, list_ids=[list_id])
    for method, path, body, wanted in (
        ("GET", f"{BASE}/lists", None, 200),
        ("POST", f"{BASE}/lists", {"name": "Other"}, 201),
        ("GET", f"{BASE}/field_definitions", None, 200),
        ("POST", f"{BASE}/field_definitions", {"name": "b", "field_type": "Text"}, 200),
        ("POST", f"{BASE}/contacts/search/emails", {"emails": ["a@x.example"]}, 200),
        ("PUT", f"{BASE}/contacts", {"contacts": [{"email": "a@x.example"}]}, 202),
    ):
        status, shape = account.call(method, path, body)
        assert status == wanted
        assert SPECS.reply_problems(method, path, status, shape) == []


def test_search__one_address_that_is_none__spoils_it_for_all(account: Account) -> None:
    account.put({"email": "a@x.example"})
    assert account.call("POST", f"{BASE}/contacts/search/emails", {"emails": ["a@x.example", "no address"]})[0] == 400


def test_search__alternate_address__gives_the_contact_of_another(account: Account) -> None:
    account.sim.contacts["a@x.example"] = Contact("1", "a@x.example", alternates=frozenset({"b@x.example"}))
    found = account.call("POST", f"{BASE}/contacts/search/emails", {"emails": ["b@x.example"]})[1]
    assert found["result"]["b@x.example"]["contact"]["email"] == "a@x.example"
    assert account.put({"email": "b@x.example"})["results"]["errored_count"] == 1


def test_lists__more_than_a_page__the_rest_by_an_opaque_token(account: Account) -> None:
    account.sim.lists = {f"l{number}": f"List {number}" for number in range(5)}
    status, body = account.call("GET", f"{BASE}/lists", page_size="4")
    assert (status, len(body["result"])) == (200, 4)
    token = unquote(body["_metadata"]["next"].partition("page_token=")[2])
    assert [row["name"] for row in account.call("GET", f"{BASE}/lists", page_token=token)[1]["result"]] == ["List 4"]


def test_list__left_by_somebody_unknown__is_refused(account: Account) -> None:
    account.sim.lists["l1"] = "Summer"
    assert account.call("DELETE", f"{BASE}/lists/l1/contacts", contact_ids="nobody")[0] == 404
