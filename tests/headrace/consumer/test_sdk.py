"""The SDK: what a function or a class of one's own becomes, tried with the test kit."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

from headrace.consumer import TryAgain, sdk
from headrace.consumer.database import open_database
from headrace.consumer.effects import Done, Letter, Refused
from headrace.consumer.filled import has_rows, newest_of, row_of, store_filled
from headrace.consumer.kind import Applied, Arrival, Source, Target
from headrace.consumer.ledger import load_applied, migrate_ledger
from headrace.consumer.sdk import (
    ConsumerSettings,
    DesiredState,
    RefusedOnes,
    UnknownConsumer,
    as_kind,
    effect,
    find,
    installed,
)
from headrace.consumer.testing import NOW, a_group, a_letter, deliver, newer, rehearsal
from headrace.contracts.actions import Cause, DesiredAttributes, DesiredGroup
from tests.headrace.consumer.effects.made import an_effect


class Points(BaseModel):
    points: int = Field(ge=1)
    why: str = ""


@effect("points.grant", given=Points, keyed=True)
async def grant(letter: Letter, given: Points, _: None) -> Done:
    """Gives points."""
    return Done(receipt=f"{letter.effect.customer}:{given.points}")


class Shelf(DesiredState[ConsumerSettings]):
    """Keeps groups in a dict."""

    name = "shelf"
    about = "group"
    settings = ConsumerSettings
    batch = 2
    held: dict[str, str | None]
    calls: list[int]
    trouble: list[Exception]

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        self.held, self.calls, self.trouble = {}, [], []
        Shelf.newest = self
        yield

    async def apply(self, wanted: Sequence[DesiredGroup]) -> None:
        self.calls.append(len(wanted))
        if self.trouble:
            raise self.trouble.pop()
        self.held |= {one.customer: one.value for one in wanted}

    newest: "Shelf"


async def test_deliver__what_a_rule_says__is_read_and_done() -> None:
    assert await deliver(grant, {"points": 5}, customer="shop:7") == Done(receipt="shop:7:5")


@pytest.mark.parametrize(("said", "place"), [({}, "points"), ({"points": 0}, "points"), ({"points": "many"}, "points")])
async def test_deliver__nonsense__is_refused_by_place(said: dict[str, Any], place: str) -> None:
    with pytest.raises(Refused, match=place):
        await deliver(grant, said)


async def test_sender__wants_its_own_alone() -> None:
    async with grant.sender(None) as sender:  # type: ignore[arg-type]  # it needs no settings
        assert sender.wants(a_letter("points.grant", {"points": 1}).effect)
        assert not sender.wants(a_letter("points.take", {"points": 1}).effect)
        assert not sender.wants(an_effect())
        assert (await sender.send(a_letter("points.grant", {"points": 1}))).receipt == "shop:1:1"
    assert grant.schema["required"] == ["points"]


def test_a_letter__same_customer_and_cause__same_id() -> None:
    one, again, other = (a_letter("x", {}, cause_id=cause).effect.id for cause in ("1", "1", "2"))
    assert one == again != other


async def test_desired_state__only_the_newest_and_only_what_differs() -> None:
    async with rehearsal(Shelf) as stage:
        first, second = newer(), newer()
        told = await stage.tell(
            a_group("s:1", "Gold", version=second), a_group("s:1", "Silver", version=first), a_group("s:2", "Gold")
        )
        assert told == {"s:1": "applied", "s:2": "applied"}
        assert await stage.tell(a_group("s:1", "Gold")) == {"s:1": "unchanged"}
        assert await stage.tell(a_group("s:1", "Silver", version=first)) == {"s:1": "stale"}
        assert Shelf.newest.held == {"s:1": "Gold", "s:2": "Gold"}
        assert Shelf.newest.calls == [2]


async def test_desired_state__trouble__comes_again_and_refused_ones_do_not() -> None:
    async with rehearsal(Shelf) as stage:
        Shelf.newest.trouble = [TryAgain("busy")]
        with pytest.raises(TryAgain):
            await stage.tell(a_group("s:1", "Gold"))
        Shelf.newest.trouble = [RefusedOnes({"s:1": "no such shelf"})]
        assert await stage.tell(a_group("s:1", "Gold"), a_group("s:2", "")) == {"s:1": "refused", "s:2": "applied"}


class Labels(DesiredState[ConsumerSettings]):
    """Keeps attributes nowhere."""

    name = "labels"
    about = "attributes"
    settings = ConsumerSettings


def test_find__not_installed__names_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        name = "shelf-of-mine"

        def load(self) -> type[Shelf]:
            return Shelf

        def __lt__(self, other: object) -> bool:
            return False

    monkeypatch.setattr(sdk, "entry_points", lambda group: [Point()])
    assert installed() == {"shelf": Shelf}
    assert find("shelf") is find("shelf-of-mine") is Shelf
    with pytest.raises(UnknownConsumer) as caught:
        find("another")
    assert caught.value.known == ("shelf",)


def test_prepare__what_the_ledger_knows__compares_with_what_is_wanted(tmp_path: Path) -> None:
    """Lists and tuples are the same there, and what stands at its default is not said."""
    kind = as_kind(Labels(None))  # type: ignore[arg-type]  # it needs no settings
    record = DesiredAttributes(
        customer="s:1", version=newer(), present={"tier": ("VIP",)}, absent={}, cause=Cause(event="x"), rules_version=1
    )
    source = Source("actions.attributes", 0, 1, b"s:1", b"", NOW)
    database = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    migrate_ledger(database)
    with database.engine.begin() as connection:
        (target,) = kind.prepare(connection, [Arrival("s:1", record, source)])
        assert isinstance(target, Target)
        store_filled(connection, "labels", [row_of(record, kind.wanted(record))] * 2)  # type: ignore[attr-defined]
        assert load_applied(connection, "labels", ["s:1"]) == {"s:1": Applied(record.version, target.value)}
        assert newest_of(connection, "labels", ["s:1", "s:2"]) == {"s:1": record.version}
        assert has_rows(connection, "labels")
        assert not has_rows(connection, "others")
    database.engine.dispose()
