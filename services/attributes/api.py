"""The HTTP API of the attribute store: values of a customer, customers of a value, and a write that is an event.

Nothing is written here: a PUT becomes `attribute.set` in the log and comes back through the action topic.
"""

import secrets
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from aiokafka.errors import KafkaError
from fastapi import Depends, FastAPI, Header, HTTPException, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError
from starlette.responses import JSONResponse, Response

from headrace.consumer import Database
from headrace.contracts.events import ATTRIBUTE_SET, AttributeSet, encode_event
from services.attributes.queries import customers_with
from services.attributes.store import Value, values_of

BODY_LIMIT_BYTES: Final = 64 * 1024
PAGE: Final = 200

Publish = Callable[[str, bytes], Awaitable[None]]
"""Writes an event under a customer's key; returns when Kafka has acknowledged."""


_NO_NUL: Final = "^[^\\x00]*$"
"""PostgreSQL cannot keep one."""
Name = Annotated[str, Path(max_length=100, pattern=_NO_NUL)]


class NewValues(BaseModel):
    """Body of a PUT: the whole list of the attribute's values; none = removed."""

    model_config = ConfigDict(extra="forbid")

    values: list[Annotated[str, Field(min_length=1, max_length=255, pattern=_NO_NUL)]] = Field(max_length=100)


def create_app(*, database: Database, store: str, api_key: str | None, publish: Publish) -> FastAPI:
    """The application. Customers of other stores are not found."""

    def allowed(
        authorization: Annotated[str | None, Header()] = None, x_api_key: Annotated[str | None, Header()] = None
    ) -> None:
        given = x_api_key or (authorization or "").removeprefix("Bearer ")
        if api_key is not None and not secrets.compare_digest(given.encode(), api_key.encode()):
            raise HTTPException(401, "an API key is needed", {"WWW-Authenticate": "Bearer"})

    app = FastAPI(
        title="Headrace attributes", version="1", docs_url=None, redoc_url=None, dependencies=[Depends(allowed)]
    )
    app.middleware("http")(_limit_body)
    app.exception_handler(DBAPIError)(_unavailable)
    _add_reading(app, database, store)
    _add_writing(app, store, publish)
    return app


def _add_reading(app: FastAPI, database: Database, store: str) -> None:
    @app.get("/v1/customers/{customer}/attributes")
    async def of_customer(customer: str) -> dict[str, Any]:
        _check_ours(customer, store)
        found = await database.read(lambda connection: values_of(connection, customer))
        return {"customer": customer, "attributes": by_name(found)}

    @app.get("/v1/attributes/{name}/customers")
    async def of_value(
        name: Name,
        value: Annotated[str | None, Query(max_length=255, pattern=_NO_NUL)] = None,
        after: Annotated[str, Query(max_length=200, pattern=_NO_NUL)] = "",
        limit: Annotated[int, Query(ge=1, le=PAGE)] = 100,
    ) -> dict[str, Any]:
        found = await database.read(
            lambda connection: customers_with(connection, name, store=store, value=value, after=after, limit=limit + 1)
        )
        return {"customers": found[:limit], "next": found[limit - 1] if len(found) > limit else None}


def _add_writing(app: FastAPI, store: str, publish: Publish) -> None:
    @app.put("/v1/customers/{customer}/attributes/{name}", status_code=202)
    async def put(
        customer: str,
        name: Name,
        body: NewValues,
        idempotency_key: Annotated[str | None, Header(max_length=100)] = None,
    ) -> dict[str, Any]:
        _check_ours(customer, store)
        event_id = f"{ATTRIBUTE_SET}:{idempotency_key or uuid.uuid4().hex}"
        event = encode_event(
            AttributeSet(name=name, values=tuple(dict.fromkeys(body.values))),
            type=ATTRIBUTE_SET,
            id=event_id,
            store=store,
            subject=customer,
            time=datetime.now(UTC),
            origin="live",
        )
        try:
            await publish(customer, event)
        except (KafkaError, TimeoutError) as error:
            raise HTTPException(503, "Kafka does not answer", {"Retry-After": "2"}) from error
        return {"id": event_id}


def _check_ours(customer: str, store: str) -> None:
    prefix, _, rest = customer.partition(":")
    if prefix != store or not rest or len(customer) > 200 or "\0" in customer:
        raise HTTPException(404, "no such customer")


async def _limit_body(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
    length = request.headers.get("content-length", "")
    if request.method == "PUT" and not length.isdigit():
        return _problem(411, "the body must state its length")
    if request.method == "PUT" and int(length) > BODY_LIMIT_BYTES:
        return _problem(413, "the body is larger than 64 KiB")
    return await go_on(request)


async def _unavailable(_: Request, __: Exception) -> Response:
    return _problem(503, "the database does not answer", {"Retry-After": "2"})


def by_name(values: list[Value]) -> dict[str, list[dict[str, Any]]]:
    """name -> its values with source and since, as `headrace attributes get` prints them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for value in values:
        entry = {"value": value.value, "source": value.source, "since": value.since, "version": list(value.version)}
        found.setdefault(value.name, []).append(entry)
    return found


def _problem(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"detail": message}, status, headers)
