"""The index of owners: where an order goes, what it must leave, and that every process comes to the same end."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.identity import guest_of
from services.ingest.owners import (
    PATIENCE_S,
    Entry,
    Owner,
    Owners,
    Placed,
    encode_owner,
    entry_key,
    read_entry,
)

EMAIL = "jo@example.com"


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def owners(clock: Clock | None = None) -> Owners:
    return Owners("s", b"hk", clock=clock or Clock())


def guest(index: Owners, email: str = EMAIL) -> str:
    return guest_of("s", index.hash(email))


def placed(index: Owners, customer_id: int, revision: str, *, order_id: str = "1", email: str | None = EMAIL) -> Placed:
    """Placed and taken as published."""
    found = index.place(order_id, customer_id, email, revision)
    assert found is not None
    index.take(found.entry, own=True)
    return found


def test_place__first_sight__leaves_nobody_and_is_told() -> None:
    found = placed(owners(), 7, "1")
    assert (found.owner, found.leave, found.known) == (Owner("s:7", "1"), (), False)


def test_place__again__need_not_be_told() -> None:
    index = owners()
    placed(index, 7, "1")
    assert placed(index, 7, "2").known


def test_place__moved_by_staff__leaves_the_former_owner() -> None:
    index = owners()
    placed(index, 7, "1")
    found = placed(index, 8, "2")
    assert (found.owner, found.leave, found.known) == (Owner("s:8", "2", ("s:7",)), ("s:7",), False)
    assert placed(index, 8, "3").leave == ()


def test_place__an_older_read_of_the_former_owner__goes_nowhere() -> None:
    index = owners()
    placed(index, 8, "2")
    assert index.place("1", 7, EMAIL, "1") is None


def test_place__guest_without_an_address__a_guest_of_its_own() -> None:
    index = owners()
    assert placed(index, 0, "1", email=None).owner.owner == guest(index, "order-1")


def test_place__guest_of_an_accounts_address__the_account() -> None:
    index = owners()
    for entry in index.named(7, "JO@example.com ", "1"):
        index.take(entry)
    assert placed(index, 0, "2").owner == Owner("s:7", "2", by_email=True)


def test_strays__account_made_after_three_orders__they_are_and_then_not() -> None:
    index = owners()
    for number in ("1", "2", "3"):
        placed(index, 0, "1", order_id=number)
    placed(index, 0, "1", order_id="4", email="other@example.com")
    for entry in index.named(7, EMAIL, "2"):
        index.take(entry, own=True)
    assert index.strays() == ["1", "2", "3"]
    for number in index.strays():
        found = placed(index, 0, "3", order_id=number)
        assert (found.owner.owner, found.leave) == ("s:7", (guest(index),))
    assert index.strays() == []


def test_strays__made_by_another_process__are_left_to_it_for_a_while() -> None:
    clock = Clock()
    index = owners(clock)
    index.take(Entry("order", "1", Owner(guest(index), "1")))
    index.take(Entry("email", index.hash(EMAIL), Owner("s:7", "1")))
    assert index.strays() == []
    clock.now = PATIENCE_S
    assert index.strays() == ["1"]
    index.give_up(["1"])
    assert index.strays() == []


def test_place__an_accounts_address_changes__its_orders_stay_and_new_ones_are_a_guests() -> None:
    index = owners()
    for entry in (*index.named(7, EMAIL, "1"),):
        index.take(entry)
    placed(index, 0, "2")
    entries = index.named(7, "new@example.com", "3")
    assert [(each.kind, each.value) for each in entries] == [("email", Owner("", "3")), ("email", Owner("s:7", "3"))]
    for entry in entries:
        index.take(entry)
    assert index.named(7, "new@example.com", "4") == []
    assert index.named(7, EMAIL, "2") == [], "an older snapshot, come late"
    assert placed(index, 0, "5").owner.owner == "s:7"
    assert placed(index, 0, "5", order_id="2").owner.owner == guest(index)


def test_place__staff_takes_an_order_off_an_account__a_guests_again() -> None:
    index = owners()
    placed(index, 7, "1")
    assert placed(index, 0, "2").owner == Owner(guest(index), "2", ("s:7",))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"other:order:1", encode_owner(Owner("other:7", "1"))),
        (b"~feed:s", b'{"phase":"changes"}'),
        (b"s:order:1", None),
        (b"s:order:1", b"{"),
        (b"s:order:1", b"[]"),
        (b"s:order", encode_owner(Owner("s:7", "1"))),
        (b"s:\xff:1", encode_owner(Owner("s:7", "1"))),
        (None, None),
    ],
)
def test_read_entry__not_ours__none(key: bytes | None, value: bytes | None) -> None:
    assert read_entry("s", key, value) is None


def test_read_entry__written_by_us__comes_back() -> None:
    entry = Entry("order", "1", Owner("s:7", "1", ("s:8",), by_email=True))
    assert read_entry("s", entry_key("s", entry), encode_owner(entry.value)) == entry


class World:
    """A store, several processes that read it when they please, and what they wrote."""

    def __init__(self, processes: int) -> None:
        self.clock = Clock()
        self.now = 1
        self.orders = dict.fromkeys(("1", "2"), (0, 1))
        """id -> customer, modified"""
        self.registered: int | None = None
        self.topic: list[Entry] = []
        self.log: list[tuple[str, str, str, bool]] = []
        """(customer key, order, revision, whether it came)"""
        self.indexes = [owners(self.clock) for _ in range(processes)]
        self.told = [0] * processes
        self.read: list[list[tuple[Any, ...]]] = [[] for _ in range(processes)]
        self.unread = {"1", "2"}

    def happens(self, what: str) -> None:
        """In the store."""
        if what == "register":
            self.registered = self.registered or self.now
            self.unread.add("account")
        else:
            order_id, customer = what.split(">")
            self.orders[order_id] = int(customer), self.now
            self.unread.add(order_id)

    def reads(self, process: int, what: str) -> None:
        """A process looks; when it publishes what it saw is another matter."""
        self.unread.discard(what)
        seen = self.registered if what == "account" else self.orders[what]
        if seen is not None:
            self.read[process].append((what, seen, self.now))

    def publishes(self, process: int, fails_after: int = 9) -> None:
        """The oldest of what was read. A process that dies on the way reads again later, knowing what the topic says.

        `fails_after`: how many of the three writes are done.
        """
        if not self.read[process]:
            return
        what, seen, at = self.read[process].pop(0)
        index = self.indexes[process]
        entries: list[Entry] = []
        if what == "account":
            entries = index.named(7, EMAIL, f"{seen:04}/{at:04}")
        else:
            customer, modified = seen
            revision = f"{modified:04}/{at:04}"
            place = index.place(what, customer, EMAIL, revision)
            if place is None:
                return
            self.log += [(left, what, revision, False) for left in place.leave if fails_after > 0]
            if fails_after > 1:
                self.topic += [] if place.known else [place.entry]
                index.take(place.entry, own=True)
            if fails_after > 2:
                self.log.append((place.owner.owner, what, revision, True))
        if fails_after > 2:
            self.topic += entries
            for entry in entries:
                index.take(entry, own=True)
        else:
            self.unread.add(what)
            self.indexes[process], self.told[process] = owners(self.clock), 0
            self.hears(process, len(self.topic))

    def hears(self, process: int, count: int) -> None:
        """Of the topic, so many records more."""
        for entry in self.topic[self.told[process] : self.told[process] + count]:
            self.indexes[process].take(entry)
        self.told[process] = min(len(self.topic), self.told[process] + count)

    def comes_to_rest(self) -> None:
        """All that changed is read, all is heard, and whatever stands wrong is put right."""
        while any(self.read) or self.unread:
            self.now += 1
            for what in sorted(self.unread):
                self.reads(0, what)
            for process in range(len(self.indexes)):
                self.hears(process, len(self.topic))
                while self.read[process]:
                    self.publishes(process)
        for _ in range(5):
            self.clock.now += PATIENCE_S
            for process, index in enumerate(self.indexes):
                self.hears(process, len(self.topic))
                self.now += 1
                for order_id in index.strays():
                    self.reads(process, order_id)
                    self.publishes(process)
        assert all(index.strays() == [] for index in self.indexes)

    def holders(self, order_id: str) -> list[str]:
        """The customers who have the order, as the evaluator would have it."""
        best: dict[str, tuple[str, bool]] = {}
        for key, order, revision, came in self.log:
            if order == order_id:
                kept = best.get(key)
                # A removal undoes the snapshot of its own revision.
                if kept is None or revision > kept[0] or (revision == kept[0] and not came):
                    best[key] = revision, came
        return sorted(key for key, (_, came) in best.items() if came)

    def expected(self, order_id: str) -> str:
        """Whose it is."""
        customer, _ = self.orders[order_id]
        if customer:
            return f"s:{customer}"
        return "s:7" if self.registered else guest(self.indexes[0])


STEPS = st.one_of(
    st.tuples(st.just("happens"), st.sampled_from(["register", "1>5", "1>6", "2>5", "1>0"])),
    st.tuples(st.just("reads"), st.integers(0, 1), st.sampled_from(["1", "2", "account"])),
    st.tuples(st.just("publishes"), st.integers(0, 1), st.sampled_from([9, 9, 9, 0, 1, 2])),
    st.tuples(st.just("hears"), st.integers(0, 1), st.integers(1, 3)),
)


@settings(max_examples=400)
@given(st.lists(STEPS, max_size=40))
def test_owners__two_processes_in_any_order_with_crashes__every_order_is_with_one_customer(
    steps: Sequence[tuple[Any, ...]],
) -> None:
    world = World(processes=2)
    for name, *arguments in steps:
        world.now += 1
        getattr(world, name)(*arguments)
    world.comes_to_rest()
    for order_id in world.orders:
        assert world.holders(order_id) == [world.expected(order_id)]
