"""Over HTTP, and what people do at Klaviyo by operations."""

import pytest

from headrace.simulators.operations import Made, OperationRefused, apply_operation
from headrace.simulators.world import World
from tests.headrace.simulators.harness import Running
from tests.headrace.simulators.klaviyo.account import HEADERS


def truth_of(world: World, email: str) -> tuple[str, list[str]]:
    row = world.klaviyo.by_email(email)
    assert row is not None
    return row.consent, [each.reason for each in row.suppressions]


async def test_port__call__is_answered_counted_and_in_the_truth(running: Running) -> None:
    headers = {**HEADERS, "Authorization": "Klaviyo-API-Key klaviyo-key"}
    body = {"data": {"type": "profile", "attributes": {"email": "a@x.example"}}}
    url = f"{running.addresses.klaviyo}/api/profile-import"
    async with running.session.post(url, json=body, headers=headers) as reply:
        assert (reply.status, reply.content_type) == (201, "application/vnd.api+json")
        assert reply.headers["RateLimit-Remaining"] == "749"
    truth = await running.sim("GET", "/truth")
    assert truth["platforms"]["klaviyo"]["a@x.example"]["tags"] == []
    assert (await running.sim("GET", "/calls"))["by_route"]["POST /api/profile-import"] == 1


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "klaviyo.subscribe"}, ("SUBSCRIBED", [])),
        ({"op": "klaviyo.unsubscribe"}, ("UNSUBSCRIBED", ["UNSUBSCRIBE"])),
        ({"op": "klaviyo.unsubscribe", "list": "Gold"}, ("UNSUBSCRIBED", ["UNSUBSCRIBE"])),
        ({"op": "klaviyo.suppress", "reason": "HARD_BOUNCE"}, ("NEVER_SUBSCRIBED", ["HARD_BOUNCE"])),
        ({"op": "klaviyo.suppress"}, ("NEVER_SUBSCRIBED", ["USER_SUPPRESSED"])),
    ],
)
def test_operation__of_a_person_at_klaviyo(
    world: World, operation: dict[str, str], expected: tuple[str, list[str]]
) -> None:
    world.klaviyo.create_list("Gold")
    apply_operation(world, {**operation, "email": "A@x.example"}, Made())
    assert truth_of(world, "a@x.example") == expected


def test_operation__list_that_is_none__is_refused(world: World) -> None:
    with pytest.raises(OperationRefused, match="no Klaviyo list Gold"):
        apply_operation(world, {"op": "klaviyo.unsubscribe", "email": "a@x.example", "list": "Gold"}, Made())
