"""The book of effects, on SQLite and PostgreSQL: what a row may become, and what it never becomes again."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, update

from headrace.consumer.database import Database, open_database
from headrace.consumer.effects import book, people, rows
from headrace.consumer.effects.contacts import contacts_of, keep_contacts
from headrace.consumer.effects.rows import Entry
from headrace.consumer.ledger import migrate_ledger
from headrace.contracts.effects import Cap, Effect, Quiet
from tests.headrace.consumer.effects.made import NOW, STORE, a_contact, an_effect

R = TypeVar("R")
ALL = range(12)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = open_database(database_url)
    migrate_ledger(opened)
    yield opened
    await opened.close()


class Book:
    """The functions of `book`, each in a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, act: Callable[..., R], *args: Any, **given: Any) -> R:
        def run(connection: Connection) -> R:
            return act(connection, *args, **given)

        return await self._database.write(run)

    async def take(self, *effects: Effect, sender: str = "mail") -> int:
        return await self(book.take_in, sender, [(effect, 0) for effect in effects])

    async def due(self, at: datetime = NOW, limit: int = 10, store: str = STORE) -> list[Entry]:
        return await self(book.due, "mail", store, ALL, at=at, limit=limit)

    async def claim(self, entry: Entry, worker: str = "w", deadline_s: float = 60) -> Entry:
        claimed = await self(book.claim, entry, worker=worker, deadline_s=deadline_s, at=NOW)
        assert claimed is not None
        return claimed

    async def state(self, effect: Effect) -> str:
        (entry,) = await self(people.listed, id=effect.id)
        return entry.state


@pytest.fixture
def pages(database: Database) -> Book:
    return Book(database)


async def test_take_in__the_same_id__is_never_new_again(pages: Book) -> None:
    effect = an_effect()
    assert await pages.take(effect, effect) == 1
    (entry,) = await pages.due()
    entry = await pages.claim(entry)
    assert await pages(book.settle, entry, "sent", reason="", receipt="r1")
    assert await pages.take(effect) == 0
    assert await pages.due() == []
    assert await pages.state(effect) == "sent"
    assert await pages.take(effect, sender="other") == 1  # somebody else's matter


async def test_due__of_a_customer__only_the_oldest_and_none_while_one_is_under_way(pages: Book) -> None:
    first, second, other = an_effect(1), an_effect(2), an_effect(3, customer=2)
    await pages.take(second, first, other)
    assert [entry.id for entry in await pages.due()] == [first.id, other.id]
    (entry, _) = await pages.due()
    entry = await pages.claim(entry)
    assert [entry.id for entry in await pages.due()] == [other.id]
    await pages(book.settle, entry, "unknown", reason="deadline")
    assert [entry.id for entry in await pages.due()] == [second.id, other.id]


async def test_due__what_waits_for_its_time__holds_the_customers_next_back(pages: Book) -> None:
    first, second = an_effect(1), an_effect(2)
    await pages.take(first, second)
    (entry,) = await pages.due()
    await pages(book.put_back, entry, reason="quiet_hours", due_at=NOW + timedelta(hours=8))
    assert await pages.due() == []
    assert await pages.due(NOW + timedelta(hours=7, minutes=59)) == []
    assert [one.id for one in await pages.due(NOW + timedelta(hours=8))] == [first.id]


async def test_due__another_store_with_a_name_alike__is_not_looked_at(pages: Book) -> None:
    await pages.take(an_effect(customer=1))
    assert await pages.due(store="teststor_") == []
    assert await pages.due(store="test") == []


async def test_claim__twice__only_one_gets_it(pages: Book) -> None:
    await pages.take(an_effect())
    (entry,) = await pages.due()
    await pages.claim(entry, "a")
    assert await pages(book.claim, entry, worker="b", deadline_s=60, at=NOW) is None


async def test_left_behind__a_call_of_a_lost_worker__is_found_when_it_must_be_over(pages: Book) -> None:
    await pages.take(an_effect())
    (entry,) = await pages.due()
    entry = await pages.claim(entry, deadline_s=3600)
    assert await pages(book.left_behind, "mail", ALL, store=STORE) == []
    await pages(lambda connection: connection.execute(update(rows.BOOK).values(until=1.0)))
    (found,) = await pages(book.left_behind, "mail", ALL, store=STORE)
    assert found.id == entry.id
    await pages(book.settle, found, "unknown", reason="worker_lost")
    # The worker was only slow: what it says in the end is the truth.
    assert await pages(book.settle, entry, "sent", reason="")
    assert not await pages(book.settle, entry, "unknown", reason="worker_lost")


async def test_cancel_marketing__a_withdrawal__ends_what_was_decided_before_it_for_ever(pages: Book) -> None:
    before, after = an_effect(1, offset=10), an_effect(2, offset=30)
    note = an_effect(3, offset=10, kind="notify_staff")
    await pages.take(before, after, note)
    (cancelled,) = await pages(book.cancel_marketing, "mail", {before.customer: (1, 20, 0)}, reason="consent_withdrawn")
    assert cancelled.id == before.id
    assert await pages.state(before) == "cancelled"
    assert await pages.state(after) == await pages.state(note) == "waiting"
    assert await pages.take(before) == 0


@pytest.mark.parametrize(
    ("before", "expired", "cancelled"),
    [
        ("new", ("expired", ""), ("cancelled", "")),
        ("in doubt", ("unknown", ""), ("cancelled", "may have been sent before")),
        ("a person's word on a refused one", ("held", ""), ("cancelled", "")),
        ("a person's word, and then quiet hours", ("held", ""), ("cancelled", "")),
    ],
)
async def test_give_up__what_may_have_been_sent_or_a_person_wants__does_not_end_by_age_alone(
    pages: Book, before: str, expired: tuple[str, str], cancelled: tuple[str, str]
) -> None:
    effects = [an_effect(1), an_effect(2, customer=2)]
    await pages.take(*effects)
    for entry in await pages.due() if before != "new" else []:
        claimed = await pages.claim(entry)
        if before == "in doubt":
            await pages(book.put_back, claimed, reason="deadline", again=True)
        else:
            await pages(book.settle, claimed, "refused", reason="no")
            (refused,) = await pages(people.listed, id=entry.id)
            await pages(people.send_again, refused, reason="mended", who="ada")
    if "quiet" in before:
        for entry in await pages.due():
            await pages(book.put_back, entry, reason="quiet_hours", due_at=NOW)
    old, unwanted = await pages.due()
    assert await pages(book.give_up, old, "expired", reason="too_old") == expired[0]
    assert await pages(book.give_up, unwanted, "cancelled", reason="consent_withdrawn") == cancelled[0]
    (old, unwanted) = [(await pages(people.listed, id=effect.id))[0] for effect in effects]
    assert (old.state, old.detail, old.effect is None) == (*expired, expired[0] == "expired")
    assert (unwanted.state, unwanted.detail) == cancelled


async def test_marketing_sent__counts_what_was_or_may_have_been_sent(pages: Book) -> None:
    effects = [an_effect(number, customer=1, offset=number) for number in range(1, 5)]
    ends: list[rows.State] = ["sent", "unknown", "refused"]
    await pages.take(*effects)
    for state in ends:
        (entry,) = await pages.due()
        await pages(book.settle, await pages.claim(entry), state, reason="")
    (entry,) = await pages.due()
    await pages.claim(entry)
    sent = await pages(book.marketing_sent, f"{STORE}:1", NOW - timedelta(hours=1))
    assert sent == [NOW] * 3  # sent, unknown, and the one under way
    assert await pages(book.marketing_sent, f"{STORE}:1", NOW) == []


async def test_a_persons_word__is_kept_with_its_reason(pages: Book) -> None:
    effect = an_effect()
    await pages.take(effect)
    (entry,) = await pages.due()
    assert not await pages(people.send_again, entry, reason="why not", who="ada")  # it waits anyway
    entry = await pages.claim(entry)
    assert not await pages(people.drop, entry, reason="no", who="ada")  # under way
    await pages(book.settle, entry, "unknown", reason="deadline")
    (entry,) = await pages(people.listed, id=effect.id)
    assert await pages(people.send_again, entry, reason="asked the customer", who="ada")
    (again,) = await pages.due()
    assert again.again
    await pages(people.drop, again, reason="found it after all", who="bob")
    assert await pages.state(effect) == "dropped"
    assert not await pages(people.send_again, again, reason="x", who="ada")
    acts = await pages(people.acts, effect.id)
    assert [(act["act"], act["reason"], act["who"]) for act in acts] == [
        ("resend", "asked the customer", "ada"),
        ("drop", "found it after all", "bob"),
    ]


async def test_contacts__the_newer_word_counts_in_any_order(pages: Book) -> None:
    await pages(keep_contacts, [a_contact(offset=5, subscribed=False), a_contact(offset=3), a_contact(2, offset=1)])
    await pages(keep_contacts, [a_contact(offset=4), a_contact(2, offset=2, deleted=True)])
    found = await pages(contacts_of, [f"{STORE}:{number}" for number in (1, 2, 3)])
    assert found[f"{STORE}:1"].subscribed is False
    assert found[f"{STORE}:1"].email == "c1@example.com"
    assert found[f"{STORE}:2"].deleted
    assert found[f"{STORE}:2"].email is None
    assert f"{STORE}:3" not in found


async def test_put_back__by_who_was_taken_for_dead__changes_nothing(pages: Book) -> None:
    await pages.take(an_effect())
    (found,) = await pages.due()
    first = await pages.claim(found, "frozen")
    assert not await pages(book.put_back, found, reason="quiet_hours")  # looked at it before it was claimed
    assert await pages(book.put_back, first, reason="worker_lost", again=True)
    (again,) = await pages.due()
    second = await pages.claim(again, "next")
    assert not await pages(book.put_back, first, reason="busy")
    assert not await pages(book.settle, first, "refused", reason="no")
    assert not await pages(book.settle, first, "unknown", reason="deadline")
    assert await pages.state(an_effect()) == "sending"
    assert await pages(book.settle, second, "sent", reason="")


@pytest.mark.parametrize("meanwhile", ["unknown", "waiting", "dropped", "cancelled"])
async def test_settle__sent__is_the_truth_however_late(pages: Book, meanwhile: str) -> None:
    await pages.take(an_effect())
    (found,) = await pages.due()
    slow = await pages.claim(found)
    if meanwhile == "waiting":
        await pages(book.put_back, slow, reason="worker_lost", again=True)
    else:
        await pages(book.settle, slow, meanwhile, reason="worker_lost")
    assert await pages(book.settle, slow, "sent", reason="", receipt="r")
    assert not await pages(book.settle, slow, "sent", reason="")
    assert await pages.due() == []
    (entry,) = await pages(people.listed, id=slow.id)
    assert (entry.state, entry.receipt) == ("sent", "r")
    assert not await pages(people.send_again, entry, reason="never came", who="ada")


async def test_due__a_customer_with_many_behind_one_that_waits__holds_nobody_else_up(pages: Book) -> None:
    many = [an_effect(number, customer=1) for number in range(1, 60)]
    other = an_effect(100, customer=2)
    await pages.take(*many, other)
    (first, _) = await pages.due(limit=2)
    await pages(book.put_back, first, reason="quiet_hours", due_at=NOW + timedelta(hours=8))
    assert [entry.id for entry in await pages.due(limit=1)] == [other.id]


async def test_sent_at__of_what_may_have_been_sent__counts_for_others_and_not_for_itself(pages: Book) -> None:
    await pages.take(an_effect())
    (found,) = await pages.due()
    claimed = await pages.claim(found)
    await pages(book.put_back, claimed, reason="deadline", again=True)
    (again,) = await pages.due()
    customer, since = again.customer, NOW - timedelta(hours=1)
    assert await pages(book.marketing_sent, customer, since) == [NOW]
    assert await pages(book.marketing_sent, customer, since, but=again) == []
    claimed = await pages.claim(again)
    await pages(book.settle, claimed, "unknown", reason="deadline")
    (unknown,) = await pages(people.listed, id=again.id)
    assert await pages(people.send_again, unknown, reason="never came", who="ada")
    assert await pages(book.marketing_sent, customer, since) == [NOW]
    (resent,) = await pages.due()
    await pages(people.drop, resent, reason="it came", who="ada")
    assert await pages(book.marketing_sent, customer, since) == [NOW]


async def test_settle__a_vendors_zero_byte__is_kept_as_a_mark(pages: Book) -> None:
    await pages.take(an_effect())
    (found,) = await pages.due()
    assert await pages(book.settle, await pages.claim(found), "refused", reason="no", detail="a\0b")
    (entry,) = await pages(people.listed, id=found.id)
    assert entry.detail == "a\N{REPLACEMENT CHARACTER}b"


async def test_lately__counts_no_further_than_asked(pages: Book) -> None:
    await pages.take(*(an_effect(number, customer=number) for number in range(1, 6)))
    for found in await pages.due():
        await pages.claim(found)
    assert await pages(book.lately, "mail", STORE, "segment:vip", seconds=60, most=100) == 5
    assert await pages(book.lately, "mail", STORE, "segment:vip", seconds=60, most=3) == 3
    assert await pages(book.lately, "mail", STORE, "segment:other", seconds=60, most=3) == 0
    assert await pages(book.counts, "mail", STORE) == {"sending": 5}


@pytest.mark.parametrize(
    "given",
    [
        {"quiet": Quiet(start="22:00", end="06:00", zone="Mars/Olympus")},
        {"cap": Cap(at_most=1, per_s=10**18)},
        {"entry": "segment:a\0"},
        {"version": (1, 2**63, 0)},
    ],
)
def test_check__what_could_never_be_looked_at__is_refused(given: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError, OverflowError)):
        book.check(an_effect(**given))
    book.check(an_effect(quiet=Quiet(start="22:00", end="06:00", zone="Europe/Berlin"), cap=Cap(at_most=1, per_s=60)))


async def test_counts_and_lately__of_two_stores_with_the_same_entry__each_by_itself(pages: Book) -> None:
    ours = [an_effect(number, customer=number) for number in (1, 2, 3)]
    theirs = replace(an_effect(9), id="f" * 32, customer="other:1")
    await pages.take(*ours, theirs)
    for entry in await pages.due(limit=2):
        await pages.claim(entry)
    assert await pages(book.counts, "mail", STORE) == {"waiting": 1, "sending": 2}
    assert await pages(book.counts, "mail", "other") == {"waiting": 1}
    tried = [await pages(book.lately, "mail", store, "segment:vip", seconds=60, most=9) for store in (STORE, "other")]
    assert tried == [2, 0]
