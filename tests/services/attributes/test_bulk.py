"""COPY and statements leave the same rows."""

from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DataError, OperationalError

from headrace.consumer.database import Database, open_database
from headrace.consumer.patience import database_is_away
from services.attributes import bulk
from services.attributes.bulk import delete_rows, replace_rows
from services.attributes.tables import VALUES, VERSIONS


def row(number: int, source: str = "") -> dict[str, Any]:
    tricky = 'tab\tand \\N and "quotes", \nline; ümlaut'
    return {
        "customer": f"s:{number}",
        "name": "a",
        "value": f"{number} {tricky}",
        "source": source,
        "since": "2026-01-01T00:00:00Z",
        "version": "[1,1,0]",
    }


@pytest.mark.parametrize("copy_from", [1, 10_000])
async def test_replace_rows__new_and_known__newest_of_each(
    database: Database, copy_from: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "COPY_FROM", copy_from)
    await database.write(lambda c: replace_rows(c, VALUES, [row(number) for number in range(300)]))
    again = [row(number, "rule:x") for number in range(200, 700)]
    await database.write(lambda c: replace_rows(c, VALUES, again))
    found = await database.read(lambda c: [dict(each) for each in c.execute(select(VALUES)).mappings()])
    wanted = [*(row(number) for number in range(200)), *again]
    assert sorted(found, key=lambda each: str(each["customer"])) == sorted(wanted, key=lambda each: each["customer"])


async def test_replace_rows__twice_in_one_transaction__both(database: Database) -> None:
    def act(connection: Any) -> None:
        for start in (0, 300):
            rows = [{"customer": f"s:{number}", "version": "[1,1,0]"} for number in range(start, start + 300)]
            replace_rows(connection, VERSIONS, rows)
        replace_rows(connection, VERSIONS, [])

    await database.write(act)
    assert len(await database.read(lambda c: c.execute(select(VERSIONS)).all())) == 600


@pytest.mark.parametrize("count", [1, 500])
async def test_replace_rows__value_the_database_cannot_keep__an_error_of_sqlalchemy(
    postgres_url: str, count: int
) -> None:
    opened = open_database(postgres_url)
    bad = [{"customer": f"s:{number}", "version": "a\0b"} for number in range(count)]

    def act(connection: Connection) -> None:
        connection.execute(text("CREATE TEMPORARY TABLE attribute_versions (customer TEXT PRIMARY KEY, version TEXT)"))
        replace_rows(connection, VERSIONS, bad)

    with pytest.raises(DataError):
        await opened.write(act)
    await opened.close()


async def test_replace_rows__server_gone_meanwhile__an_error_that_is_worth_waiting(postgres_url: str) -> None:
    opened = open_database(postgres_url)
    rows = [{"customer": f"s:{number}", "version": "[1,1,0]"} for number in range(500)]

    def act(connection: Connection) -> None:
        own = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with psycopg.connect(postgres_url.replace("+psycopg", "")) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [own])
        replace_rows(connection, VERSIONS, rows)

    with pytest.raises(OperationalError) as raised:
        await opened.write(act)
    assert database_is_away(raised.value)
    assert await opened.works()
    await opened.close()


async def test_delete_rows__many__only_these(database: Database) -> None:
    rows = [row(number) for number in range(1000)]
    await database.write(lambda c: replace_rows(c, VALUES, rows))
    keys = [(each["customer"], each["name"], each["value"]) for each in rows[:-1]]
    await database.write(lambda c: delete_rows(c, VALUES, [*keys, ("s:none", "a", "b")]))
    assert [each.customer for each in await database.read(lambda c: c.execute(select(VALUES)).all())] == ["s:999"]
