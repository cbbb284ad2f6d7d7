"""The end is what was wanted last: addresses that pass from one customer to another, refusals, calls in doubt."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from headrace.consumer import Applied, Result, TryAgain
from headrace.consumer.judge import judge
from services.actions.email_tags.audience import Change
from tests.services.actions.email_tags.people import Contacts, People, people_of

ONE, TWO = "s:1", "s:2"
REFUSED = Result("refused", "invalid_email")


@pytest.fixture
def contacts() -> Contacts:
    return Contacts()


@pytest.fixture
async def people(contacts: Contacts, tmp_path: Path) -> AsyncIterator[People]:
    async with people_of(contacts, tmp_path) as made:
        yield made


def refuse(email: str, result: Result = REFUSED) -> Callable[[Sequence[Change]], Sequence[Result] | None]:
    """Answers that this address is refused."""

    def answer(changes: Sequence[Change]) -> Sequence[Result] | None:
        assert [change.email for change in changes] == [email]
        return [result]

    return answer


def fail(_: Sequence[Change]) -> NoReturn:
    """Nothing is known of the call."""
    raise TryAgain("Unavailable", unknown=True)


def do(_: Sequence[Change]) -> None:
    """As it does without an answer."""


async def test_address_taken_over__by_one_who_wants_the_same__it_stays(people: People, contacts: Contacts) -> None:
    """The second customer comes after the first one's change was prepared, and before it was performed."""
    await people.perform((ONE, await people.wanted(ONE, "a@x.example", "VIP")))
    moved = await people.want(ONE, "b@x.example")
    came = await people.wanted(TWO, "a@x.example", "VIP")
    await people.perform((ONE, moved), (TWO, came))
    assert contacts.labels == {"a@x.example": {"VIP"}, "b@x.example": {"VIP"}}


async def test_shared_address__the_other_wants_more_meanwhile__it_stays(people: People, contacts: Contacts) -> None:
    await people.perform((ONE, await people.wanted(ONE, "a@x.example", "VIP")))
    await people.perform((TWO, await people.wanted(TWO, "a@x.example", "UK")))
    late = await people.want(ONE, None, absent=["VIP"])
    await people.perform((TWO, await people.want(TWO, None, "UK", "VIP")))
    await people.perform((ONE, late))
    assert contacts.labels == {"a@x.example": {"UK", "VIP"}}
    assert contacts.written[-1].wanted.tags == ("UK", "VIP")


async def test_shared_address__several_calls_at_once__one_after_the_other(people: People, contacts: Contacts) -> None:
    """What the second wants was not known when the first one's call went out: its own call must come later."""
    await people.perform((ONE, await people.wanted(ONE, "a@x.example", "VIP")))
    gone = await people.want(ONE, None, absent=["VIP"])
    entered, go = asyncio.Event(), asyncio.Event()
    write = contacts.write

    async def slow(changes: Sequence[Change]) -> Sequence[Result]:
        if not entered.is_set():
            entered.set()
            await go.wait()
        return await write(changes)

    contacts.write = slow  # type: ignore[method-assign]
    first = asyncio.ensure_future(people.perform((ONE, gone)))
    await entered.wait()
    came = await people.wanted(TWO, "a@x.example", "VIP")
    second = asyncio.ensure_future(people.perform((TWO, came)))
    for _ in range(20):
        await asyncio.sleep(0)
    go.set()
    await asyncio.gather(first, second)
    assert contacts.labels == {"a@x.example": {"VIP"}}


async def test_ledger_value_done_again__what_others_want_there_stays(people: People, contacts: Contacts) -> None:
    """Such a target has nothing but its value."""
    target = await people.wanted(ONE, "a@x.example", "VIP")
    await people.perform((ONE, target), (TWO, await people.wanted(TWO, "a@x.example", "UK")))
    await people.doubt(ONE, await people.wanted(ONE, "a@x.example", "UK", "VIP"))
    again = type(target)((1, 99, 0), target.value)
    await people.perform((ONE, again))
    assert contacts.labels == {"a@x.example": {"UK", "VIP"}}


async def test_no_consent_at_the_new_address__and_back_again__tags_are_there(
    people: People, contacts: Contacts
) -> None:
    await people.perform((ONE, await people.wanted(ONE, "old@x.example", "VIP")))
    contacts.answers = [refuse("new@x.example", Result("skipped", "no_consent"))]
    moved = await people.want(ONE, "new@x.example", subscribed=False)
    assert (await people.perform((ONE, moved)))[ONE].reason == "no_consent"
    assert contacts.labels["old@x.example"] == set()
    back = await people.want(ONE, "old@x.example")
    assert judge(back, await people.applied(ONE), fresh=True, reads_back=False) == "write"
    await people.perform((ONE, back))
    assert contacts.labels["old@x.example"] == {"VIP"}


async def test_refused_after_a_call_in_doubt__what_that_put_comes_off(people: People, contacts: Contacts) -> None:
    await people.perform((ONE, await people.wanted(ONE, "first@x.example", "VIP")))
    lost = await people.want(ONE, "second@x.example")
    contacts.labels["second@x.example"] = {"VIP"}
    await people.doubt(ONE, lost)
    contacts.answers = [refuse("bad")]
    await people.perform((ONE, await people.want(ONE, "bad")))
    assert contacts.labels == {"first@x.example": {"VIP"}, "second@x.example": set()}
    assert (await people.applied(ONE)).value == {"email": "first@x.example", "tags": ["VIP"]}


async def test_former_address_refused__the_new_one_goes_on(people: People, contacts: Contacts) -> None:
    await people.perform((ONE, await people.wanted(ONE, "old@x.example", "VIP")))
    contacts.answers = [do, refuse("old@x.example", Result("refused", "vendor_rejected", dead_letter=True))]
    result = (await people.perform((ONE, await people.want(ONE, "new@x.example"))))[ONE]
    assert (result.dead_letter, result.reason) == (True, "vendor_rejected")
    assert (await people.applied(ONE)).value == {"email": "new@x.example", "tags": ["VIP"]}
    await people.perform((ONE, await people.want(ONE, None, "Gold", absent=["VIP"])))
    assert contacts.labels["new@x.example"] == {"Gold"}


async def test_former_address_refused_and_no_consent_at_the_new__nothing_is_said_to_be_there(
    people: People, contacts: Contacts
) -> None:
    await people.perform((ONE, await people.wanted(ONE, "old@x.example", "VIP")))
    contacts.answers = [
        refuse("new@x.example", Result("skipped", "no_consent")),
        refuse("old@x.example", Result("refused", "vendor_rejected", dead_letter=True)),
    ]
    await people.perform((ONE, await people.want(ONE, "new@x.example")))
    assert (await people.applied(ONE)).value == {"email": "", "tags": []}


async def test_two_customers_of_one_address__one_change(people: People, contacts: Contacts) -> None:
    """One after the other would take twice as long, and may never fit into the time of a batch."""
    one, two = await people.wanted(ONE, "a@x.example", "VIP"), await people.wanted(TWO, "a@x.example", "UK")
    await people.perform((ONE, one), (TWO, two))
    assert [(change.email, change.wanted.tags) for change in contacts.written] == [("a@x.example", ("UK", "VIP"))]
    gone = await people.want(ONE, None, absent=["VIP"])
    await people.perform((ONE, gone), (TWO, await people.want(TWO, None, "VIP", absent=["UK"])))
    assert contacts.labels == {"a@x.example": {"VIP"}}
    assert len(contacts.written) == 2


async def test_second_half_fails__again__the_first_is_not_done_twice(people: People, contacts: Contacts) -> None:
    """A platform that takes its time for the first would never come to the second."""
    await people.perform((ONE, await people.wanted(ONE, "old@x.example", "VIP")))
    moved = await people.want(ONE, "new@x.example")
    contacts.answers = [do, fail]
    with pytest.raises(TryAgain):
        await people.perform((ONE, moved))
    await people.doubt(ONE, moved)
    contacts.written.clear()
    await people.perform((ONE, moved))
    assert [change.email for change in contacts.written] == ["old@x.example"]
    assert contacts.labels == {"old@x.example": set(), "new@x.example": {"VIP"}}
    contacts.written.clear()
    await people.perform((ONE, await people.want(ONE, None, "Gold", absent=["VIP"])))
    assert contacts.labels["new@x.example"] == {"Gold"}


async def test_second_half_fails__then_something_newer__the_first_is_done(people: People, contacts: Contacts) -> None:
    await people.perform((ONE, await people.wanted(ONE, "old@x.example", "VIP")))
    moved = await people.want(ONE, "new@x.example")
    contacts.answers = [do, fail]
    with pytest.raises(TryAgain):
        await people.perform((ONE, moved))
    await people.doubt(ONE, moved)
    await people.perform((ONE, await people.want(ONE, None, "Gold", absent=["VIP"])))
    assert contacts.labels == {"old@x.example": set(), "new@x.example": {"Gold"}}


async def test_address_in_doubt_and_another_in_doubt__both_are_left(people: People, contacts: Contacts) -> None:
    """Two moves in a row whose calls nobody knows of, then a third: nothing of ours stays behind."""
    await people.perform((ONE, await people.wanted(ONE, "a@x.example", "VIP")))
    for email in ("b@x.example", "c@x.example"):
        await people.doubt(ONE, await people.want(ONE, email))
        contacts.labels[email] = {"VIP"}
    await people.perform((ONE, await people.want(ONE, "d@x.example")))
    assert {email for email, labels in contacts.labels.items() if labels} == {"d@x.example"}
    assert (await people.applied(ONE)) == Applied((1, people.version, 0), {"email": "d@x.example", "tags": ["VIP"]})
