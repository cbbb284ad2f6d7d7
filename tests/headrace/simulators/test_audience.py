"""Members, tags, and the states in which nobody may be subscribed."""

import pytest

from headrace.simulators.audience import NotAllowed, member_hash
from headrace.simulators.world import World

EMAIL = "Ann@x.example"


def test_member__new__gets_status_if_new(world: World) -> None:
    assert world.audience.upsert(EMAIL, {"status_if_new": "transactional"}).status == "transactional"
    assert world.audience.upsert(EMAIL, {"status_if_new": "subscribed"}).status == "transactional"
    assert world.audience.by_email("ann@X.example") is not None


def test_member__unsubscribed__cannot_be_subscribed(world: World) -> None:
    world.audience.set_status(EMAIL, "unsubscribed")
    with pytest.raises(NotAllowed) as caught:
        world.audience.upsert(EMAIL, {"status_if_new": "subscribed", "status": "subscribed"})
    assert caught.value.title == "Member In Compliance State"
    assert world.audience.upsert(EMAIL, {"status_if_new": "subscribed"}).status == "unsubscribed"


def test_member__forgotten__can_never_come_back(world: World) -> None:
    world.audience.upsert(EMAIL, {"status_if_new": "subscribed"})
    assert world.audience.forget(member_hash(EMAIL))
    with pytest.raises(NotAllowed) as caught:
        world.audience.upsert(EMAIL, {"status_if_new": "subscribed"})
    assert caught.value.title == "Forgotten Email Not Subscribed"


def test_tags__switched__stay_as_last_said(world: World) -> None:
    assert not world.audience.tag(member_hash(EMAIL), {"VIP": True})
    world.audience.upsert(EMAIL, {"status_if_new": "subscribed"})
    world.audience.tag(member_hash(EMAIL), {"VIP": True, "UK": True})
    world.audience.tag(member_hash(EMAIL), {"VIP": False, "None": False})
    member = world.audience.by_email(EMAIL)
    assert member is not None
    assert [name for name, _ in member.tags] == ["UK"]
