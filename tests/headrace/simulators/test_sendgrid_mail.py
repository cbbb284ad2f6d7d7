"""SendGrid's mail/send: what it refuses, and that it counts what it takes in, delivered or not."""

import copy
from typing import Any

import pytest

from headrace.simulators.call import Answer
from tests.headrace.platforms.openapi import Specs
from tests.headrace.simulators.harness import Running
from tests.headrace.simulators.test_sendgrid import Account

EFFECT, OTHER = "0f" * 16, "1e" * 16
SPECS = Specs("sendgrid", nullable={"field"})
MAIL: dict[str, Any] = {
    "from": {"email": "shop@x.example"},
    "template_id": "d-123",
    "personalizations": [
        {
            "to": [{"email": "a@x.example"}],
            "dynamic_template_data": {"first_name": "A"},
            "custom_args": {"headrace": EFFECT},
        }
    ],
}


def send(account: Account, body: Any = MAIL) -> Answer:
    return account.raw("POST", "/v3/mail/send", body)


def changed(**more: Any) -> dict[str, Any]:
    found = {**copy.deepcopy(MAIL), **more}
    return {name: value for name, value in found.items() if value is not None}


def personal(**more: Any) -> dict[str, Any]:
    return changed(personalizations=[{**MAIL["personalizations"][0], **more}])


@pytest.fixture
def account() -> Account:
    return Account()


def test_mail__sent_twice__is_delivered_twice(account: Account) -> None:
    answers = [send(account), send(account)]
    assert [(answer.status, answer.body) for answer in answers] == [(202, None)] * 2
    assert len({answer.headers["X-Message-Id"] for answer in answers}) == 2
    (row,) = account.sim.effects.rows()
    assert (row["sink"], row["id"], row["to"]) == ("sendgrid", EFFECT, "a@x.example")
    assert (row["count"], row["dropped"], row["template"]) == (2, 0, "d-123")
    if SPECS.are_there:
        assert SPECS.reply_problems("POST", "/v3/mail/send", 202, None) == []


def test_mail__to_a_suppressed_recipient__is_taken_in_and_dropped(account: Account) -> None:
    account.sim.suppressed.add("a@x.example")
    assert send(account).status == 202
    (row,) = account.sim.effects.rows()
    assert (row["count"], row["dropped"], account.sim.mails) == (1, 1, [])


def test_mail__sandboxed__is_checked_and_not_sent(account: Account) -> None:
    sandbox = {"mail_settings": {"sandbox_mode": {"enable": True}}}
    assert send(account, changed(**sandbox)).status == 200
    assert send(account, changed(**sandbox, template_id="x")).status == 400
    assert account.sim.effects.rows() == []


def test_mail__several_personalizations__each_is_an_effect(account: Account) -> None:
    second = {"to": [{"email": "B@x.example"}], "custom_args": {"headrace": OTHER}}
    send(account, changed(personalizations=[*MAIL["personalizations"], second], custom_args={"headrace": "x"}))
    assert {row["id"]: row["to"] for row in account.sim.effects.rows()} == {EFFECT: "a@x.example", OTHER: "b@x.example"}


def test_mail__arguments_of_the_whole__count_where_there_are_no_others(account: Account) -> None:
    body = changed(personalizations=[{"to": [{"email": "a@x.example"}]}], custom_args={"headrace": OTHER})
    send(account, body)
    assert [row["id"] for row in account.sim.effects.rows()] == [OTHER]


def test_mail__without_an_effect__is_counted_by_its_number(account: Account) -> None:
    answer = send(account, changed(personalizations=[{"to": [{"email": "a@x.example"}]}]))
    assert [row["id"] for row in account.sim.effects.rows()] == [f"{answer.headers['X-Message-Id']}/0"]


NEXT_WEEK = 1767225600 + 7 * 86_400


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        changed(personalizations=[]),
        changed(personalizations=[{"to": []}]),
        changed(personalizations=[{"to": [{"email": f"{n}@x.example"}]} for n in range(1001)]),
        personal(to=[{"email": f"{n}@x.example"} for n in range(1001)]),
        personal(to=[{"email": "no address"}]),
        personal(cc=[{"email": "A@x.example"}]),
        personal(custom_args={"a": "x" * 10_000}),
        personal(send_at=NEXT_WEEK),
        changed(**{"from": None}),
        changed(**{"from": {"email": "x"}}),
        changed(template_id="123"),
        changed(template_id=None),
        changed(template_id=None, content=[{"type": "text/plain", "value": "Hello"}]),
        changed(custom_args="text"),
        changed(send_at=NEXT_WEEK),
        changed(categories=[str(n) for n in range(11)]),
    ],
    ids=lambda body: str(body)[:60],
)
def test_mail__that_does_not_fit__is_400(account: Account, body: Any) -> None:
    status, shape = account.call("POST", "/v3/mail/send", body)
    assert status == 400
    assert set(shape["errors"][0]) == {"field", "message"}
    assert account.sim.effects.rows() == []
    if SPECS.are_there:
        assert SPECS.reply_problems("POST", "/v3/mail/send", status, shape) == []


def test_mail__written_out__needs_no_template(account: Account) -> None:
    content = [{"type": "text/plain", "value": "Hello"}]
    assert send(account, changed(template_id=None, subject="Hello", content=content)).status == 202


def test_mail__above_30_megabytes__is_413(account: Account) -> None:
    assert send(account, changed(subject="x" * 31 * 1024 * 1024)).status == 413


async def test_mail__over_http__suppressed_by_a_person_is_in_the_truth(running: Running) -> None:
    await running.operate({"op": "sendgrid.suppress", "email": "A@x.example"})
    headers = {"Authorization": "Bearer sendgrid-key"}
    async with running.session.post(f"{running.addresses.sendgrid}/v3/mail/send", json=MAIL, headers=headers) as reply:
        assert (reply.status, await reply.read()) == (202, b"")
    (row,) = (await running.sim("GET", "/truth"))["effects"]
    assert (row["id"], row["count"], row["dropped"]) == (EFFECT, 1, 1)
    assert (await running.sim("GET", "/calls"))["by_route"] == {"POST /v3/mail/send": 1}
