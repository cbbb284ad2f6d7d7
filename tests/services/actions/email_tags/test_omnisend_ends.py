"""Omnisend's end is what was wanted last: contacts that are gone, tags that are refused, few calls a minute."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from headrace.consumer import PauseConsumer, Result, TryAgain
from headrace.consumer.kind import APPLIED
from headrace.platforms import omnisend as vendor
from headrace.platforms.http import VendorClient
from headrace.platforms.store import make_omnisend
from headrace.runtime.deadline import sending_until
from headrace.simulators.omnisend import Omnisend
from headrace.simulators.options import Options
from headrace.simulators.server import serving
from headrace.simulators.simulator import Simulator
from services.actions.email_tags import omnisend
from services.actions.email_tags.audience import Change, Labels, together
from services.actions.email_tags.omnisend import OmnisendAudience, fewest_calls
from services.actions.email_tags.omnisend_asked import Asked
from services.actions.settings import OmnisendSettings

A, B = "a@x.example", "b@x.example"


class Desk:
    """The audience before a simulated brand."""

    def __init__(self, simulator: Simulator, url: str) -> None:
        self.simulator = simulator
        self._url = url
        self.clients: list[VendorClient] = []
        self.account.delay_s = 0.05
        self.use(1.0)

    def use(self, share: float) -> None:
        """With so much of the brand's limits."""
        settings = OmnisendSettings(
            kafka_bootstrap_servers="none",
            store="store",
            omnisend_url=self._url,
            omnisend_key=SecretStr("omnisend-key"),
            omnisend_quota_share=share,
        )
        self.client = make_omnisend(settings)
        self.clients.append(self.client)
        self.audience = OmnisendAudience(self.client)

    def use_again(self, share: float) -> None:
        """As after a minute: the same audience, no call counted any more."""
        audience = self.audience
        self.use(share)
        audience._client, self.audience = self.client, audience

    @property
    def account(self) -> Omnisend:
        account = self.simulator.vendors["omnisend"]
        assert isinstance(account, Omnisend)
        return account

    async def write(self, *changes: Change) -> list[Result]:
        with sending_until(time.monotonic() + self.audience.limits.deadline_s):
            return [*await self.audience.write(changes)]

    def holds(self, email: str = A) -> list[str] | None:
        """The tags of an address, None for nobody."""
        row = self.account.truth().get(email)
        return None if row is None else list(row["tags"])

    def fault(self, method: str, path: str, **reply: object) -> None:
        """For the next call."""
        match = {"vendor": "omnisend", "method": method, "path": path}
        self.simulator.faults.order([{"match": match, "reply": reply}])

    def calls(self, route: str) -> int:
        return int(dict(self.simulator.calls.by_route).get(route, 0))


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with serving(Options()) as (simulator, addresses):
        desk = Desk(simulator, addresses.omnisend)
        yield desk
        for client in desk.clients:
            await client.aclose()


def put(*tags: str, email: str = A, lists: tuple[str, ...] = (), certain: bool = False) -> Change:
    labels = Labels(tags, lists)
    return Change(email, labels, Labels(), labels, certain)


async def test_contacts_gone_from_there__all_of_them_are_made_again(desk: Desk) -> None:
    """A call for tags passes over them in silence, whoever else it was about."""
    everybody = [f"{number}@x.example" for number in range(6)]
    assert await desk.write(*(put("VIP", email=email) for email in everybody)) == [APPLIED] * 6
    for email in everybody[:3]:
        del desk.account.contacts[email]
    more = [Change(email, Labels(("Gold",)), Labels(), Labels(("Gold", "VIP")), certain=True) for email in everybody]
    assert await desk.write(*more) == [APPLIED] * 6
    assert [desk.holds(email) for email in everybody] == [["Gold", "VIP"]] * 6
    assert {contact.welcomed for contact in desk.account.contacts.values()} == {0}


async def test_gone_from_there_and_nothing_wanted__nobody_is_made(desk: Desk) -> None:
    assert await desk.write(Change(A, Labels(), Labels(("VIP",)), Labels(), certain=True)) == [APPLIED]
    assert desk.holds() is None


async def test_tag_refused__all_else_is_done_and_the_ledger_knows(desk: Desk) -> None:
    await desk.write(put("Old"), put("Old", email=B))
    invalid = {"title": "Validation failed", "errors": [{"field": "tags[0]", "code": "x", "message": "no"}]}
    for _ in range(2):  # with all of its tags, and alone
        desk.fault("POST", "/api/contacts/tags", status=400, body=invalid)
    change = Change(
        A, Labels(("Bad", "Good"), ("Summer",)), Labels(("Old",)), Labels(("Bad", "Good"), ("Summer",)), True
    )
    result, fine = await desk.write(change, replace(change, email=B, put=Labels(("Good",)), wanted=Labels(("Good",))))
    assert fine == APPLIED
    assert (result.result, result.dead_letter) == ("overflow", True)
    assert result.value == {"email": A, "tags": together(["Good"], ["Summer"])}
    assert desk.holds(A) == ["Good", "Summer"]
    assert desk.holds(B) == ["Good"]


async def test_tag_that_cannot_be_taken__stays_in_the_ledger(desk: Desk) -> None:
    await desk.write(put("Old"))
    desk.fault("DELETE", "/api/contacts/tags", status=422, body={"title": "no"})
    (result,) = await desk.write(Change(A, Labels(("New",)), Labels(("Old",)), Labels(("New",)), certain=True))
    assert result.value == {"email": A, "tags": ["New", "Old"]}
    assert desk.holds() == ["New", "Old"]


async def test_address_that_is_none__costs_nobody_a_call_for_tags(desk: Desk) -> None:
    results = await desk.write(put("VIP", email="no address"), put("VIP"))
    assert [result.reason for result in results] == ["invalid_email", ""]
    assert desk.calls("POST /contacts") == 1


@pytest.mark.parametrize("status", [404, 410])
async def test_version_retired__waits_for_a_person(desk: Desk, status: int) -> None:
    desk.fault("POST", "/api/contacts", status=status, body={"title": "This version was retired"})
    with pytest.raises(PauseConsumer):
        await desk.write(put("VIP"))


async def test_calls_of_the_minute_used_up__comes_again_and_nobody_waits_inside(desk: Desk) -> None:
    desk.use(0.05)  # three a minute
    for number in range(3):
        assert await desk.write(put(f"T{number}", certain=True)) == [APPLIED]
    began = time.monotonic()
    with pytest.raises(TryAgain) as caught:
        await desk.write(put("T3", certain=True))
    assert time.monotonic() - began < 3
    assert caught.value.tried is False
    assert 50 < (caught.value.delay_s or 0) < 62
    assert desk.calls("POST /contacts/tags") == 3


async def test_more_calls_than_there_are__goes_on_where_it_stopped(desk: Desk) -> None:
    """Each with tags of its own: a batch that began anew each time would never end."""
    desk.use(0.05)  # three a minute
    changes = [put(f"T{number}", email=f"{number}@x.example") for number in range(5)]
    with pytest.raises(TryAgain) as caught:
        await desk.write(*changes)
    assert caught.value.tried is False
    desk.use_again(0.05)
    assert await desk.write(*(replace(change, doubtful=True) for change in changes)) == [APPLIED] * 5
    assert [desk.holds(change.email) for change in changes] == [[f"T{number}"] for number in range(5)]
    assert (desk.calls("POST /contacts"), desk.calls("POST /contacts/tags")) == (5, 5)


async def test_taken_off_meanwhile_by_us__is_asked_for_again(desk: Desk) -> None:
    assert await desk.write(put("VIP")) == [APPLIED]
    gone = Change(A, Labels(), Labels(("VIP",)), Labels(), certain=False, doubtful=True)
    assert await desk.write(gone) == [APPLIED]
    assert desk.holds() == []
    assert await desk.write(replace(put("VIP"), doubtful=True)) == [APPLIED]
    assert desk.holds() == ["VIP"]


def test_asked__answer_lost__is_asked_for_again() -> None:
    asked, change = Asked(), replace(put("VIP"), doubtful=True)
    asked.begin([change], 0.0)
    asked.sent([A], ["VIP"])
    asked.taken_in([A], ["VIP"], onto=True)
    assert asked.left(A, ["VIP"], onto=True) == []
    asked.sent([A], ["VIP"])
    assert asked.left(A, ["VIP"], onto=True) == ["VIP"]
    assert asked.left(A, ["VIP"], onto=False) == ["VIP"]


def test_asked__a_minute_later_or_no_longer_in_doubt__is_forgotten() -> None:
    asked, change = Asked(), replace(put("VIP"), doubtful=True)
    for later, again, left in ((60.0, change, []), (70.0, change, ["VIP"]), (1.0, put("VIP"), ["VIP"])):
        asked.begin([put("VIP")], 0.0)
        asked.taken_in([A], ["VIP"], onto=True)
        asked.begin([again], later)
        assert asked.left(A, ["VIP"], onto=True) == left


async def test_asked_for_too_often__calls_for_tags_wait_and_others_do_not(desk: Desk) -> None:
    desk.fault("POST", "/api/contacts/tags", status=429, body={"title": "slow down", "retryAfter": 55})
    with pytest.raises(TryAgain) as caught:
        await desk.write(put("VIP"))
    assert caught.value.delay_s == 55
    assert (await desk.client.call(vendor.contact(B))).status == 200
    with pytest.raises(TryAgain):
        await desk.write(put("VIP"))
    assert desk.calls("POST /contacts/tags") == 1


async def test_gone_between_two_calls__is_made_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(omnisend, "SEEN_WITHIN_S", 0.2)
    desk.account.delay_s = 0.5
    with pytest.raises(TryAgain):
        await desk.write(put("VIP"))
    desk.account.contacts.clear()
    desk.account.delay_s = 0.05
    assert await desk.write(replace(put("VIP"), doubtful=True)) == [APPLIED]
    assert desk.holds() == ["VIP"]


async def test_never_shows__is_in_doubt(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(omnisend, "SEEN_WITHIN_S", 0.2)
    desk.account.delay_s = 600
    with pytest.raises(TryAgain) as caught:
        await desk.write(put("VIP"))
    assert caught.value.unknown


@given(st.dictionaries(st.text(min_size=1, max_size=2), st.lists(st.sampled_from("ABCD"), unique=True), max_size=6))
def test_fewest_calls__each_gets_its_own_once(names: Mapping[str, Sequence[str]]) -> None:
    calls = fewest_calls(names)
    given_ = sorted((email, tag) for tags, emails in calls for email in emails for tag in tags)
    assert given_ == sorted((email, tag) for email, tags in names.items() for tag in tags)
    assert len(calls) <= min(len({tuple(tags) for tags in names.values() if tags}), 4)
