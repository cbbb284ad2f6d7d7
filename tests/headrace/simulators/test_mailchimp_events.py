"""Mailchimp's events and journeys over HTTP, in the shapes of the vendor's files."""

from typing import Any

import pytest

from headrace.simulators.audience import member_hash
from tests.headrace.platforms.openapi import Specs
from tests.headrace.simulators.harness import Running

SPECS = Specs("mailchimp")
EMAIL = "a@x.example"
MEMBER = f"/lists/list/members/{member_hash(EMAIL)}"
EFFECT = "00112233445566778899aabbccddeeff"
EVENT: dict[str, Any] = {"name": "became_vip", "properties": {"effect": EFFECT}}
TRIGGER = "/customer-journeys/journeys/7/steps/8/actions/trigger"


async def join(running: Running, status: str = "subscribed") -> None:
    await running.mail("PUT", MEMBER, {"email_address": EMAIL, "status_if_new": status})


async def row(running: Running) -> dict[str, Any]:
    (found,) = (await running.sim("GET", "/truth"))["effects"]
    assert isinstance(found, dict)
    return found


async def test_event__of_a_member__is_kept_each_time_it_comes(running: Running) -> None:
    await join(running)
    for _ in range(2):
        reply = await running.mail("POST", f"{MEMBER}/events", EVENT)
        assert (reply.status, reply.text) == (204, "")
    found = await row(running)
    assert (found["sink"], found["id"], found["to"]) == ("mailchimp", EFFECT, EMAIL)
    assert (found["count"], found["dropped"], found["name"]) == (2, 0, "became_vip")
    listed = await running.mail("GET", f"{MEMBER}/events?count=1")
    assert (listed.json["total_items"], listed.json["events"][0]["properties"]) == (2, {"effect": EFFECT})
    if SPECS.are_there:
        path = f"{MEMBER}/events"
        assert SPECS.reply_problems("POST", path, 204, None) == []
        assert SPECS.reply_problems("GET", path, 200, listed.json) == []


@pytest.mark.parametrize(
    ("status", "more", "dropped"),
    [("subscribed", {"is_syncing": True}, 1), ("transactional", {}, 1), ("subscribed", {"is_syncing": False}, 0)],
)
async def test_event__that_starts_no_automation__reaches_nobody(
    running: Running, status: str, more: dict[str, Any], dropped: int
) -> None:
    await join(running, status)
    assert (await running.mail("POST", f"{MEMBER}/events", {**EVENT, **more})).status == 204
    assert (await row(running))["dropped"] == dropped


async def test_event__of_a_stranger__is_404(running: Running) -> None:
    assert (await running.mail("POST", f"{MEMBER}/events", EVENT)).status == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"name": "x"},
        {"name": "x" * 31},
        {**EVENT, "properties": {"n": 1}},
        {**EVENT, "properties": ["a"]},
        {**EVENT, "occurred_at": "yesterday"},
    ],
    ids=str,
)
async def test_event__that_does_not_fit__is_400(running: Running, body: Any) -> None:
    await join(running)
    reply = await running.mail("POST", f"{MEMBER}/events", body)
    assert (reply.status, reply.json["title"]) == (400, "Invalid Resource")
    assert (await running.sim("GET", "/truth"))["effects"] == []


async def test_event__at_a_date_of_its_own__is_listed_with_it(running: Running) -> None:
    await join(running)
    await running.mail("POST", f"{MEMBER}/events", {"name": "bought", "occurred_at": "2025-12-24T10:00:00Z"})
    listed = (await running.mail("GET", f"{MEMBER}/events")).json["events"]
    assert listed == [{"occurred_at": "2025-12-24T10:00:00Z", "name": "bought", "properties": {}}]
    assert (await row(running))["id"] == f"event/bought/{member_hash(EMAIL)}"


async def test_journey__triggered_twice__is_entered_twice(running: Running) -> None:
    await join(running)
    for _ in range(2):
        assert (await running.mail("POST", TRIGGER, {"email_address": EMAIL})).status == 204
    found = await row(running)
    assert (found["id"], found["to"], found["count"]) == (f"journey/7/8/{member_hash(EMAIL)}", EMAIL, 2)
    by_route = (await running.sim("GET", "/calls"))["by_route"]
    assert by_route["POST /3.0/customer-journeys/journeys/{journey}/steps/{step}/actions/trigger"] == 2
    if SPECS.are_there:
        assert SPECS.reply_problems("POST", TRIGGER, 204, None) == []


async def test_journey__who_is_not_subscribed__is_refused(running: Running) -> None:
    refused = await running.mail("POST", TRIGGER, {"email_address": EMAIL})
    assert refused.status == 404
    await join(running, "transactional")
    refused = await running.mail("POST", TRIGGER, {"email_address": EMAIL})
    assert refused.status == 400
    if SPECS.are_there:
        assert SPECS.reply_problems("POST", TRIGGER, 400, refused.json) == []
    assert (await running.mail("POST", TRIGGER)).status == 400
    assert (await running.mail("POST", TRIGGER, {"email_address": EMAIL}, key="other")).status == 401
    assert (await running.sim("GET", "/truth"))["effects"] == []
