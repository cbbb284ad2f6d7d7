"""The API against its own OpenAPI document: whatever is sent, valid or not, is answered as documented.

Nothing crashes, no answer has a shape or a status that the document has not, and nobody gets in without the key.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from sqlalchemy import Connection, select

from headrace.consumer.database import Database, open_database
from services.attributes import openapi
from services.attributes.api import Shop, create_app
from services.attributes.definition_table import put_definition
from services.attributes.definitions import Definition
from services.attributes.layout import Room
from services.attributes.tables import DEFINITIONS, LAYOUTS, VALUES, migrate_store
from tests.services.attributes.filling import fill

KEY = {"X-Api-Key": "key"}


class Late:
    """A database that is opened when the test begins: the document is there before."""

    opened: Database

    def read(self, act: Callable[[Connection], Any]) -> Awaitable[Any]:
        return self.opened.read(act)

    def write(self, act: Callable[[Connection], Any]) -> Awaitable[Any]:
        return self.opened.write(act)


async def publish(customer: str, event: bytes) -> None:
    """Into nowhere."""


LATE = Late()
APP = create_app([Shop(cast("Database", LATE), "s", publish, lambda: Room("headrace"))], {"s": "key"})
TWO = create_app(
    [Shop(cast("Database", LATE), store, publish, lambda: Room("headrace")) for store in ("s", "t")],
    {"s": "key", "t": "another"},
)
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", APP)


def operations_of(schema: Any) -> dict[str, Any]:
    """By method and path."""
    return {one.label: one for one in (found.ok() for found in schema.get_all_operations())}


OPERATIONS = operations_of(SCHEMA)
OF_TWO = operations_of(schemathesis.openapi.from_asgi("/openapi.json", TWO))
MEANING = {"value_not_allowed", "all_rows_refused", "name_taken", "bad_name", "too_large"}
"""What no schema says: refused for what it means, not for how it is written."""
KNOWN = {"customer": "s:1", "name": "tier"}


@pytest.fixture
def filled(database_url: str) -> Iterator[None]:
    database = open_database(database_url)
    migrate_store(database)

    async def act() -> None:
        definition = Definition("tier", ("VIP",), "metafield")
        for store in ("s", "t"):
            await fill(database, [f"{store}:{n}" for n in range(5)], country=["France"], tier=["VIP", "odd"])
            await database.write(partial(put_definition, store=store, definition=definition))

    asyncio.run(act())
    LATE.opened = database
    yield
    asyncio.run(database.close())


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("label", OPERATIONS)
def test_api__any_request__answered_as_documented(label: str, mode: GenerationMode) -> None:
    @given(OPERATIONS[label].as_strategy(generation_mode=mode), st.booleans())
    @settings(max_examples=12, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    def run(case: "Case[Any]", known: bool) -> None:
        if known and mode is GenerationMode.POSITIVE:  # else nearly every request is about nobody and nothing
            case.path_parameters.update({name: KNOWN[name] for name in case.path_parameters})
            case.query.pop("store", None)
        reply = case.call(headers=KEY)
        unfit = reply.status_code in (413, 422) and reply.json()["error"]["code"] in MEANING
        excluded: list[Any] = [positive_data_acceptance, negative_data_rejection] if unfit else []
        case.validate_response(reply, headers=KEY, excluded_checks=excluded)

    run()


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("label", OF_TWO)
def test_api__as_one_store_against_anothers__404_whatever_is_sent(label: str) -> None:
    """The other store has a customer of the same id and an attribute of the same name."""

    async def all_rows() -> Any:
        def ask(connection: Connection) -> Any:
            return [list(connection.execute(select(table))) for table in (VALUES, DEFINITIONS, LAYOUTS)]

        return await LATE.read(ask)

    before = asyncio.run(all_rows())

    @given(OF_TWO[label].as_strategy(generation_mode=GenerationMode.POSITIVE))
    @settings(max_examples=12, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    def run(case: "Case[Any]") -> None:
        case.path_parameters.update({name: {"customer": "t:1", "name": "tier"}[name] for name in case.path_parameters})
        if "customer" not in case.path_parameters:
            case.query["store"] = "t"
        reply = case.call(headers=KEY)
        assert reply.status_code == 404
        assert reply.json()["error"]["code"] in ("unknown_customer", "unknown_store")

    run()
    assert asyncio.run(all_rows()) == before


def test_document__committed_file__is_what_the_routes_say() -> None:
    assert openapi.FILE.read_text(encoding="utf-8") == openapi.text(), (
        "run python -m services.attributes.openapi --write"
    )


def test_document__every_operation__says_what_it_answers_and_what_it_asks_for() -> None:
    document = APP.openapi()
    assert set(document["components"]["securitySchemes"]) == {"APIKeyHeader", "HTTPBearer"}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["description"], where
            assert operation["security"], where
            success = [status for status in operation["responses"] if status.startswith("2")]
            assert len(success) == 1, where
            assert {"401", "422", "503"} <= operation["responses"].keys(), where
            for status, answer in operation["responses"].items():
                assert status == "204" or answer["content"]["application/json"]["schema"], where
