"""The kept values on both databases: versions, `since`, and who has what."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from headrace.consumer.database import Database
from headrace.contracts.actions import Cause, DesiredAttributes
from services.attributes.queries import customers_with
from services.attributes.store import keep, values_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def desired(offset: int, customer: str = "s:1", **present: Sequence[str]) -> tuple[DesiredAttributes, datetime]:
    record = DesiredAttributes(
        customer=customer,
        version=(1, offset, 0),
        present={name: tuple(values) for name, values in present.items()},
        absent={},
        cause=Cause(event="e"),
        rules_version=1,
        sources={name: dict.fromkeys(values, f"rule:{offset}") for name, values in present.items()},
    )
    return record, NOON + timedelta(seconds=offset)


async def test_keep__newer__replaces_and_what_stays_keeps_its_since(database: Database) -> None:
    assert await database.write(lambda c: keep(c, [desired(1, a=["x", "y"])])) == [True]
    assert await database.write(lambda c: keep(c, [desired(2, a=["y"], b=["z"])])) == [True]
    found = await database.read(lambda c: values_of(c, "s:1"))
    assert [(one.name, one.value, one.source, one.since, one.version) for one in found] == [
        ("a", "y", "rule:2", "2026-01-01T12:00:01Z", (1, 1, 0)),
        ("b", "z", "rule:2", "2026-01-01T12:00:02Z", (1, 2, 0)),
    ]


async def test_keep__older__changes_nothing(database: Database) -> None:
    batch = [desired(5, a=["x"]), desired(3, a=["old"]), desired(5, a=["x"])]
    assert await database.write(lambda c: keep(c, batch)) == [True, False, True]
    assert await database.write(lambda c: keep(c, [desired(4)])) == [False]
    assert [one.value for one in await database.read(lambda c: values_of(c, "s:1"))] == ["x"]
    assert await database.write(lambda c: keep(c, [desired(6)])) == [True]
    assert await database.read(lambda c: values_of(c, "s:1")) == []


async def test_customers_with__store_in_other_letters__another_store(database: Database) -> None:
    batch = [desired(1, customer, a=["x"]) for customer in ("s:1", "S:2", "s_:3", "%:4")]
    await database.write(lambda c: keep(c, batch))

    async def of(store: str) -> list[str]:
        return await database.read(lambda c: customers_with(c, "a", store=store, value=None, after="", limit=9))

    assert (await of("s"), await of("S"), await of("%")) == (["s:1"], ["S:2"], ["%:4"])


async def test_customers_with__pages__of_one_store(database: Database) -> None:
    batch = [desired(1, customer, a=["x"]) for customer in ("s:2", "s:1", "s:3", "s_:1", "t:1")]
    await database.write(lambda c: keep(c, batch))

    async def page(after: str, value: str | None = "x") -> list[str]:
        return await database.read(lambda c: customers_with(c, "a", store="s", value=value, after=after, limit=2))

    assert await page("") == ["s:1", "s:2"]
    assert await page("s:2") == ["s:3"]
    assert await page("", value=None) == ["s:1", "s:2"]
    assert await page("", value="y") == []
