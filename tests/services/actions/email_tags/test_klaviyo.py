"""Klaviyo alone: values of a property, each once; lists by name; consent stays as it is."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr

from headrace.consumer import PauseConsumer, Result, TryAgain
from headrace.consumer.kind import APPLIED
from headrace.platforms.store import make_klaviyo
from headrace.runtime.deadline import sending_until
from headrace.simulators.klaviyo.account import Account
from headrace.simulators.klaviyo.vendor import TAGS
from headrace.simulators.options import Options
from headrace.simulators.server import serving
from headrace.simulators.simulator import Simulator
from services.actions.email_tags.audience import Change, Labels, together
from services.actions.email_tags.klaviyo import KlaviyoAudience
from services.actions.settings import KlaviyoSettings
from tests.services.actions.email_tags.conftest import Start
from tests.services.actions.email_tags.test_behaviour import contact, settled
from tests.services.consumer_harness import STORE, Bench

NOTHING = Labels()
A = "a@x.example"


class Desk:
    """The audience before a simulated account."""

    def __init__(self, simulator: Simulator, audience: KlaviyoAudience) -> None:
        self.simulator = simulator
        self.audience = audience

    @property
    def account(self) -> Account:
        return self.simulator.world.klaviyo

    async def write(self, *changes: Change) -> list[Result]:
        with sending_until(time.monotonic() + self.audience.limits.deadline_s):
            return [*await self.audience.write(changes)]

    def holds(self, email: str = A) -> Any:
        """Tags and lists at an address, None for nobody."""
        row = self.simulator.vendors["klaviyo"].truth().get(email)
        return None if row is None else (row["properties"].get(TAGS), row["lists"])

    def give(self, *values: Any, email: str = A) -> str:
        """Makes a profile whose property has these values."""
        attributes = {"email": email, "properties": {TAGS: list(values)}}
        return self.account.upsert({"type": "profile", "attributes": attributes})[0].id

    def fault(self, status: int, method: str, path: str, **reply: Any) -> None:
        """For the next call."""
        match = {"vendor": "klaviyo", "method": method, "path": path}
        self.simulator.faults.order([{"match": match, "reply": {"status": status, **reply}}])

    def calls(self) -> dict[str, int]:
        return dict(self.simulator.calls.by_route)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with serving(Options()) as (simulator, addresses):
        settings = KlaviyoSettings(
            kafka_bootstrap_servers="none",
            store="store",
            klaviyo_url=addresses.klaviyo,
            klaviyo_key=SecretStr("klaviyo-key"),
        )
        client = make_klaviyo(settings)
        yield Desk(simulator, KlaviyoAudience(client, settings.klaviyo_property))
        await client.aclose()


def change(
    *tags: str,
    email: str = A,
    take: tuple[str, ...] = (),
    lists: tuple[str, ...] = (),
    off: tuple[str, ...] = (),
    certain: bool = False,
) -> Change:
    wanted = Labels(tags, lists)
    return Change(email, wanted, Labels(take, off), wanted, certain)


@pytest.fixture
def platform() -> str:
    return "klaviyo"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], ["VIP", "UK"]),
        (["VIP"], ["VIP", "UK"]),
        (["VIP", "VIP", "Old"], ["VIP", "UK"]),
        (["Old", "by hand", 7, 1.5], ["by hand", 7, 1.5, "VIP", "UK"]),
    ],
)
async def test_write__whatever_is_there__each_tag_once_and_others_stay(
    desk: Desk, before: list[Any], after: list[Any]
) -> None:
    """The vendor does not say whether an appended value that is there already is there twice afterwards."""
    desk.give(*before)
    assert await desk.write(change("VIP", "UK", take=("Old",))) == [APPLIED]
    assert desk.holds() == (after, [])
    assert await desk.write(change("VIP", "UK", take=("Old",))) == [APPLIED]
    assert desk.holds() == (after, [])


async def test_write__single_value_instead_of_a_list__becomes_one(desk: Desk) -> None:
    attributes = {"email": A, "properties": {TAGS: "by hand"}}
    desk.account.upsert({"type": "profile", "attributes": attributes})
    await desk.write(change("VIP"))
    assert desk.holds() == (["by hand", "VIP"], [])


async def test_write__difference__is_one_call(desk: Desk) -> None:
    desk.give("VIP", "Old")
    wanted, put, take = Labels(("New", "VIP")), Labels(("New",)), Labels(("Old",))
    await desk.write(Change(A, put, take, wanted, certain=True))
    assert desk.holds() == (["VIP", "New"], [])
    assert desk.calls() == {"POST /api/profile-import": 1}


async def test_write__profile_gone_though_known__is_made_with_all(desk: Desk) -> None:
    gold = desk.account.create_list("Gold").id
    wanted, put = Labels(("New", "VIP"), ("Gold", "Silver")), Labels(("New",), ("Silver",))
    assert await desk.write(Change(A, put, NOTHING, wanted, certain=True)) == [APPLIED]
    assert desk.holds() == (["New", "VIP"], ["Gold", "Silver"])
    assert desk.account.lists[gold].members


async def test_write__nothing_wanted__nobody_is_made_and_ours_comes_off(desk: Desk) -> None:
    there = desk.give("VIP", "by hand", email="there@x.example")
    desk.account.add(desk.account.create_list("Gold").id, [there])
    changes = [
        Change(email, NOTHING, Labels(("VIP",), ("Gold",)), NOTHING, certain=True) for email in (A, "there@x.example")
    ]
    assert await desk.write(*changes) == [APPLIED, APPLIED]
    assert desk.holds() is None
    assert desk.holds("there@x.example") == (["by hand"], [])


async def test_write__profile_deleted_while_we_look__is_applied(desk: Desk) -> None:
    desk.give("VIP")
    desk.fault(404, "PATCH", "/api/profiles/", body={"errors": [{"title": "Not found."}]})
    assert await desk.write(Change(A, NOTHING, Labels(("VIP",)), NOTHING, certain=True)) == [APPLIED]


async def test_write__lists__found_by_name_or_made_once_for_all(desk: Desk) -> None:
    gold = desk.account.create_list("Gold").id
    changes = [change("VIP", email=f"{n}@x.example", lists=("Gold", 'New, "odd" (1)')) for n in range(30)]
    assert await desk.write(*changes) == [APPLIED] * 30
    assert [each.name for each in desk.account.lists.values()] == ["Gold", 'New, "odd" (1)']
    assert len(desk.account.lists[gold].members) == 30
    members = "/api/lists/{id}/relationships/profiles"
    assert desk.calls() == {
        "POST /api/profile-import": 30,
        "GET /api/lists": 2,
        "POST /api/lists": 1,
        f"POST {members}": 2,
    }
    await desk.write(change("VIP", email="0@x.example", off=("Gold", "never heard of")))
    assert len(desk.account.lists[gold].members) == 29
    assert (desk.calls()["GET /api/lists"], desk.calls()[f"DELETE {members}"]) == (3, 1)


async def test_write__list_deleted_meanwhile__is_made_again(desk: Desk) -> None:
    await desk.write(change(lists=("Gold",)))
    desk.account.lists.clear()
    await desk.write(change("VIP", lists=("Gold",)))
    assert desk.holds() == (["VIP"], ["Gold"])


async def test_write__one_profile_gone_before_the_list__the_others_get_on_it(desk: Desk) -> None:
    path = "/api/lists/"
    for _ in range(2):
        desk.fault(404, "POST", path, body={"errors": [{"title": "Not found."}]})
    changes = [change("VIP", email=f"{n}@x.example", lists=("Gold",)) for n in range(3)]
    assert await desk.write(*changes) == [APPLIED] * 3
    assert {desk.holds(f"{n}@x.example")[1][0] for n in range(3)} == {"Gold"}


async def test_write__address_refused__the_others_are_done(desk: Desk) -> None:
    changes = [change("VIP", email=email) for email in ("nobody", A)]
    assert await desk.write(*changes) == [Result("refused", "invalid_email"), APPLIED]
    assert desk.holds() == (["VIP"], [])


async def test_write__refused_for_another_reason__is_set_aside(desk: Desk) -> None:
    desk.fault(409, "POST", "/api/profile-import", body={"errors": [{"title": "Conflict.", "detail": A}]})
    assert await desk.write(change("VIP")) == [Result("refused", "vendor_rejected", "409 Conflict.", dead_letter=True)]


async def test_write__no_list_to_be_made_today__tags_are_there_and_the_rest_is_set_aside(desk: Desk) -> None:
    """The second time without asking."""
    desk.fault(429, "POST", "/api/lists", headers={"Retry-After": "40000"})
    changes = [change("VIP", lists=("Gold",)), change("VIP", email="b@x.example")]
    for _ in range(2):
        short, fine = await desk.write(*changes)
        assert (short.result, short.reason, short.dead_letter, fine) == ("overflow", "list_limit", True, APPLIED)
        assert short.value == {"email": A, "tags": ["VIP"]}
        assert desk.holds() == (["VIP"], [])
    assert desk.calls()["POST /api/lists"] == 1


async def test_write__list_refuses_a_profile__the_rest_is_known_to_be_there(desk: Desk) -> None:
    gold, silver = (desk.account.create_list(name).id for name in ("Gold", "Silver"))
    for method, list_id in (("POST", gold), ("DELETE", silver)):
        for _ in range(2):
            desk.fault(404, method, f"/api/lists/{list_id}/", body={"errors": [{"title": "Not found."}]})
    (short,) = await desk.write(change("VIP", lists=("Bronze", "Gold"), off=("Silver",)))
    assert (short.result, short.reason) == ("overflow", "vendor_rejected")
    assert short.value == {"email": A, "tags": together(["VIP"], ["Bronze", "Silver"])}


async def test_write__list_refuses_who_leaves__what_the_ledger_knows_stays(desk: Desk) -> None:
    desk.account.add(desk.account.create_list("Gold").id, [desk.give("VIP")])
    for _ in range(2):
        desk.fault(400, "DELETE", "/api/lists/", body={"errors": [{"title": "Invalid input."}]})
    (refused,) = await desk.write(Change(A, NOTHING, Labels(("VIP",), ("Gold",)), NOTHING, certain=True))
    assert (refused.result, refused.reason, refused.dead_letter) == ("refused", "vendor_rejected", True)


async def test_write__more_lists_than_there_is_time_for__the_batch_is_taken_apart(desk: Desk) -> None:
    names = [f"L{number}" for number in range(40)]
    for name in names:
        desk.account.create_list(name)
    changes = [change("VIP", email=f"{n}@x.example", lists=(name,)) for n, name in enumerate(names)]
    with sending_until(time.monotonic() + 10.5), pytest.raises(TryAgain) as caught:
        await desk.audience.write(changes)
    assert (caught.value.reason, caught.value.unknown, caught.value.tried) == ("too_many_lists_at_once", True, True)
    assert await desk.write(changes[-1]) == [APPLIED]


async def test_write__suppressed_person__stays_so_with_tags_and_lists(desk: Desk) -> None:
    for email, reason in ((A, "UNSUBSCRIBE"), ("b@x.example", "USER_SUPPRESSED")):
        desk.account.suppress(email, reason)
    desk.account.unsubscribe("c@x.example")
    everybody = (A, "b@x.example", "c@x.example", "new@x.example")
    await desk.write(*(change("VIP", email=email, lists=("Gold",)) for email in everybody))
    truth = desk.simulator.vendors["klaviyo"].truth()
    assert [(truth[email]["consent"], truth[email]["suppressions"]) for email in everybody] == [
        ("NEVER_SUBSCRIBED", ["UNSUBSCRIBE"]),
        ("NEVER_SUBSCRIBED", ["USER_SUPPRESSED"]),
        ("UNSUBSCRIBED", ["UNSUBSCRIBE"]),
        ("NEVER_SUBSCRIBED", []),
    ]
    assert not any("subscription" in route or "suppression" in route for route in desk.calls())


async def test_write__lost_answer__is_repeated_and_each_tag_there_once(desk: Desk) -> None:
    match = {"vendor": "klaviyo", "path": "/api/profile-import"}
    desk.simulator.faults.order([{"match": match, "reply": {"drop": True, "after": True}}])
    assert await desk.write(change("VIP", "UK")) == [APPLIED]
    assert desk.holds() == (["VIP", "UK"], [])


async def test_write__reply_without_properties__nothing_is_replaced(desk: Desk) -> None:
    key = desk.give("by hand")
    profile = {"data": {"type": "profile", "id": key, "attributes": {"email": A}}}
    desk.fault(200, "POST", "/api/profile-import", body=profile, after=True)
    assert await desk.write(change("VIP")) == [APPLIED]
    assert desk.holds() == (["by hand", "VIP"], [])


async def test_write__key_refused__pauses(desk: Desk) -> None:
    desk.fault(403, "POST", "/api/profile-import", body={"errors": [{"title": "No scope."}]})
    with pytest.raises(PauseConsumer, match="403"):
        await desk.write(change("VIP"))


async def test_write__list_without_an_id_in_the_reply__is_tried_again(desk: Desk) -> None:
    desk.fault(201, "POST", "/api/lists", body={"data": None})
    with pytest.raises(TryAgain):
        await desk.write(change(lists=("Gold",)))


async def test_consumer__tags_then_a_list_that_fails_then_newer_tags__ends_as_last_said(
    bench: Bench, platform: str, start: Start
) -> None:
    """The tags of the first try are there already when the second comes to something else."""
    one = f"{STORE}:1"
    async with start():
        await bench.publish(bench.contact(one, A), bench.tags(one, "Old", platform="klaviyo"))
        await settled(bench, "klaviyo")
        await bench.fault({"vendor": "klaviyo", "path": "/api/lists"}, {"status": 429}, times=3)
        await bench.publish(bench.tags(one, "Old", "New", lists=["Gold"], platform="klaviyo"))
        await bench.publish(bench.tags(one, "Old", absent=["New"], lists_absent=["Gold"], platform="klaviyo"))
        await settled(bench, "klaviyo")
    row = await contact(bench, "klaviyo", A)
    assert (row["tags"], row["lists"]) == (["Old"], [])
    assert await bench.dead_letters() == []


async def test_consumer__no_list_to_be_made_today__later_changes_go_on_from_what_is_there(
    bench: Bench, platform: str, start: Start
) -> None:
    one = f"{STORE}:1"
    await bench.fault(
        {"vendor": "klaviyo", "method": "POST", "path": "/api/lists"},
        {"status": 429, "headers": {"Retry-After": "40000"}},
    )
    async with start():
        await bench.publish(bench.contact(one, A), bench.tags(one, "VIP", lists=["Gold"], platform="klaviyo"))
        await settled(bench, "klaviyo")
        await bench.publish(bench.tags(one, "UK", absent=["VIP"], lists_absent=["Gold"], platform="klaviyo"))
        await settled(bench, "klaviyo")
    row = await contact(bench, "klaviyo", A)
    assert (row["tags"], row["lists"]) == (["UK"], [])
    assert {"overflow", "applied"} <= {each["result"] for each in await bench.outcomes()}
    assert len(await bench.dead_letters()) == 1


async def test_consumer__lists__are_joined_and_left_and_move_with_the_address(
    bench: Bench, platform: str, start: Start
) -> None:
    one = f"{STORE}:1"
    async with start():
        await bench.publish(bench.contact(one, A), bench.tags(one, "VIP", lists=["Gold", "All"], platform="klaviyo"))
        await settled(bench, "klaviyo")
        await bench.publish(bench.tags(one, "VIP", lists=["All"], lists_absent=["Gold"], platform="klaviyo"))
        await settled(bench, "klaviyo")
        row = await contact(bench, "klaviyo", A)
        assert (row["tags"], row["lists"]) == (["VIP"], ["All"])
        await bench.publish(bench.contact(one, "new@x.example"))
        await settled(bench, "klaviyo")
    old, new = await contact(bench, "klaviyo", A), await contact(bench, "klaviyo", "new@x.example")
    assert (old["tags"], old["lists"], new["tags"], new["lists"]) == ([], [], ["VIP"], ["All"])
