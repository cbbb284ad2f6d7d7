"""SendGrid's end is what was wanted last: jobs under way, ids that are no more, rows and lists that are refused."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from headrace.consumer import PauseConsumer, Result, TryAgain
from headrace.consumer.kind import APPLIED
from headrace.platforms.http import VendorClient
from headrace.platforms.store import make_sendgrid
from headrace.runtime.deadline import sending_until
from headrace.simulators.options import Options
from headrace.simulators.sendgrid import Contact, SendGrid
from headrace.simulators.server import serving
from headrace.simulators.simulator import Simulator
from services.actions.email_tags import sendgrid_jobs
from services.actions.email_tags.audience import Change, Labels, together
from services.actions.email_tags.sendgrid import NO_CONSENT, SendGridAudience
from services.actions.settings import SendGridSettings

A, B = "a@x.example", "b@x.example"


class Desk:
    """The audience before a simulated account, whose jobs are quick."""

    def __init__(self, simulator: Simulator, client: VendorClient) -> None:
        self.simulator = simulator
        self.client = client
        self.audience = SendGridAudience(client, "headrace_tags")
        self.account.delay_s = 0.05

    @property
    def account(self) -> SendGrid:
        account = self.simulator.vendors["sendgrid"]
        assert isinstance(account, SendGrid)
        return account

    def restart(self) -> None:
        """Nothing is remembered."""
        self.audience = SendGridAudience(self.client, "headrace_tags")

    async def write(self, *changes: Change) -> list[Result]:
        with sending_until(time.monotonic() + self.audience.limits.deadline_s):
            return [*await self.audience.write(changes)]

    async def insist(self, *changes: Change) -> None:
        """As the loop does: again, in doubt."""
        for _ in range(20):
            try:
                assert await self.write(*changes) == [APPLIED] * len(changes)
            except TryAgain:
                changes = tuple(replace(change, doubtful=True) for change in changes)
            else:
                return
        raise AssertionError("never ends")

    async def quiet(self) -> None:
        """Until no job is under way."""
        while self.account.truth() is not None and any(not job.done for job in self.account._jobs.values()):
            await asyncio.sleep(0.02)

    def holds(self, email: str = A) -> tuple[list[str], list[str]] | None:
        """Tags and lists at an address, None for nobody."""
        row = self.account.truth().get(email)
        return None if row is None else (row["tags"], row["lists"])

    def fault(self, method: str, path: str, **reply: object) -> None:
        """For the next call."""
        match = {"vendor": "sendgrid", "method": method, "path": path}
        self.simulator.faults.order([{"match": match, "reply": reply}])

    def calls(self, route: str) -> int:
        return int(dict(self.simulator.calls.by_route).get(route, 0))


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with serving(Options()) as (simulator, addresses):
        settings = SendGridSettings(
            kafka_bootstrap_servers="none",
            store="store",
            sendgrid_url=addresses.sendgrid,
            sendgrid_key=SecretStr("sendgrid-key"),
        )
        client = make_sendgrid(settings)
        yield Desk(simulator, client)
        await client.aclose()


def put(*tags: str, lists: tuple[str, ...] = (), email: str = A) -> Change:
    labels = Labels(tags, lists)
    return Change(email, labels, Labels(), labels, certain=False, subscribed=True)


def take(*tags: str, lists: tuple[str, ...] = (), email: str = A, wanted: Labels | None = None) -> Change:
    return Change(email, Labels(), Labels(tags, lists), wanted or Labels(), certain=False, subscribed=True)


@pytest.mark.parametrize("restarted", [False, True])
async def test_job_still_under_way__what_is_wanted_now_shows_already__it_is_written_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, restarted: bool
) -> None:
    """Else the job comes after it, and what it put stays."""
    await desk.insist(put("Old"))
    monkeypatch.setattr(sendgrid_jobs, "DONE_WITHIN_S", 0.2)
    desk.account.delay_s = 0.6
    with pytest.raises(TryAgain) as caught:
        await desk.write(put("Old", "VIP", lists=("Summer",)))
    assert caught.value.unknown
    if restarted:
        desk.restart()
    back = take("VIP", lists=("Summer",), wanted=Labels(("Old",)))
    await desk.insist(replace(back, doubtful=True))
    await desk.quiet()
    assert desk.holds() == (["Old"], [])


async def test_job_makes_a_contact__nothing_wanted_meanwhile__nothing_of_ours_stays(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sendgrid_jobs, "DONE_WITHIN_S", 0.2)
    desk.account.delay_s = 0.6
    with pytest.raises(TryAgain):
        await desk.write(put("VIP"))
    await desk.insist(replace(take("VIP"), doubtful=True))
    await desk.quiet()
    assert desk.holds() == ([], [])


async def test_jobs_slower_than_our_patience__are_not_begun_again_and_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sendgrid_jobs, "DONE_WITHIN_S", 0.2)
    desk.account.delay_s = 0.9
    await desk.insist(put("VIP"))
    assert desk.holds() == (["VIP"], [])
    assert desk.calls("PUT /v3/marketing/contacts") == 1


async def test_job_of_two__each_comes_again_alone_and_both_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sendgrid_jobs, "DONE_WITHIN_S", 0.2)
    desk.account.delay_s = 0.5
    with pytest.raises(TryAgain):
        await desk.write(put("VIP"), put("VIP", email=B))
    await asyncio.gather(desk.insist(put("VIP")), desk.insist(put("VIP", email=B)))
    assert desk.holds(A) == desk.holds(B) == (["VIP"], [])


async def test_job_fails_whole__comes_again(desk: Desk) -> None:
    desk.fault("GET", "/v3/marketing/contacts/imports", status=200, body={"status": "failed"})
    with pytest.raises(TryAgain) as caught:
        await desk.write(put("VIP"), put("VIP", email=B))
    assert caught.value.unknown


async def test_list_deleted_there__is_made_again(desk: Desk) -> None:
    await desk.insist(put("VIP", lists=("Summer",)))
    desk.account.drop_list("Summer")
    await desk.insist(put("VIP", lists=("Summer",), email=B))
    assert desk.holds(B) == (["VIP"], ["Summer"])


async def test_list_deleted_there__leaving_it_makes_none(desk: Desk) -> None:
    await desk.insist(put("VIP", lists=("Summer",)))
    desk.account.drop_list("Summer")
    desk.restart()
    await desk.insist(take("VIP", lists=("Summer",)))
    assert (desk.account.lists, desk.holds()) == ({}, ([], []))


async def test_list_deleted_there_while_known__leaving_it_is_done(desk: Desk) -> None:
    await desk.insist(put("VIP", lists=("Summer",)))
    desk.account.drop_list("Summer")
    await desk.insist(replace(take("VIP", lists=("Summer",)), doubtful=True))
    assert desk.holds() == ([], [])


async def test_field_deleted_there__is_made_again(desk: Desk) -> None:
    await desk.insist(put("VIP"))
    desk.account.drop_field("headrace_tags")
    await desk.insist(put("VIP", "Gold"))
    assert desk.holds() == (["Gold", "VIP"], [])


async def test_field_in_other_capitals__is_the_same(desk: Desk) -> None:
    desk.account.fields["w1_T"] = "Headrace_Tags"
    await asyncio.wait_for(desk.insist(put("VIP")), 5)
    assert desk.account.contacts[A].fields == {"w1_T": ";VIP;"}


async def test_lists__more_than_a_thousand__the_last_is_found(desk: Desk) -> None:
    desk.account.lists |= {f"l{number}": f"List {number}" for number in range(2100)}
    await desk.insist(put("VIP", lists=("List 2099",)))
    assert desk.holds() == (["VIP"], ["List 2099"])
    assert desk.calls("POST /v3/marketing/lists") == 0


async def test_list_refused__all_else_is_done_and_the_ledger_knows(desk: Desk) -> None:
    too_long = "x" * 101
    refused, fine = await desk.write(put("VIP", lists=("Summer", too_long)), put("VIP", lists=("Summer",), email=B))
    assert fine == APPLIED
    assert (refused.result, refused.reason, refused.dead_letter) == ("overflow", "list_refused", True)
    assert refused.value == {"email": A, "tags": together(["VIP"], ["Summer"])}
    assert desk.holds(A) == desk.holds(B) == (["VIP"], ["Summer"])


async def test_address_that_is_none_for_them__the_others_go_on(desk: Desk) -> None:
    odd = [put("VIP", email="a@b"), put("VIP", email="no address")]
    results = await desk.write(odd[0], put("VIP"), odd[1], put("VIP", email=B))
    assert [result.result for result in results] == ["refused", "applied", "refused", "applied"]
    assert {result.reason for result in results if result.result == "refused"} == {"invalid_email"}
    assert desk.holds(A) == desk.holds(B) == (["VIP"], [])


async def test_call_refused_for_one__is_taken_apart(desk: Desk) -> None:
    for _ in range(4):  # as it is, looked up anew, in halves, alone
        desk.fault("PUT", "/v3/marketing/contacts", status=400, body={"errors": [{"field": None, "message": "no"}]})
    results = await desk.write(*(put("VIP", email=f"{number}@x.example") for number in range(4)))
    assert [result.result for result in results] == ["refused", "applied", "applied", "applied"]
    assert desk.holds("3@x.example") == (["VIP"], [])


async def test_found_by_an_alternate_address__the_contact_it_is_of_is_tagged(desk: Desk) -> None:
    desk.account.contacts[B] = Contact("c", B, alternates=frozenset({A}))
    await asyncio.wait_for(desk.insist(put("VIP")), 5)
    assert desk.holds(B) == (["VIP"], [])


async def test_tags_too_long__stay_and_the_ledger_knows(desk: Desk) -> None:
    await desk.insist(put("VIP", lists=("Summer",)))
    (result,) = await desk.write(put("x" * 999, lists=("Summer",)))
    assert (result.result, result.value) == ("overflow", {"email": A, "tags": together(["VIP"], ["Summer"])})


async def test_no_consent__nobody_is_made_though_in_doubt(desk: Desk) -> None:
    (result,) = await desk.write(replace(put("VIP"), subscribed=False, doubtful=True))
    assert (result, desk.holds()) == (NO_CONSENT, None)


async def test_capitals_of_their_own__are_the_same_address(desk: Desk) -> None:
    await desk.insist(put("VIP", email="mixed@x.example"))
    assert desk.holds("mixed@x.example") == (["VIP"], [])


@pytest.mark.parametrize("status", [404, 405, 410])
async def test_address_of_the_api_is_wrong__waits_for_a_person(desk: Desk, status: int) -> None:
    for _ in range(2):  # the second time it is not for ids that are no more
        desk.fault("PUT", "/v3/marketing/contacts", status=status, body={"errors": [{"field": None, "message": "no"}]})
    with pytest.raises(PauseConsumer):
        await desk.write(put("VIP"))


async def test_time_is_up__nothing_is_sent(desk: Desk) -> None:
    with sending_until(time.monotonic() + desk.client.deadline_s - 1), pytest.raises(TryAgain) as caught:
        await desk.audience.write([put("VIP")])
    assert (caught.value.tried, desk.calls("PUT /v3/marketing/contacts")) == (False, 0)
