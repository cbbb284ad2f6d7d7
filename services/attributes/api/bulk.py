"""Many customers' values at once: each row becomes its own event; what is wrong with one row stops no other."""

import asyncio
import hashlib
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import msgspec
from aiokafka.errors import KafkaError
from fastapi import APIRouter, Header
from starlette.responses import Response

from headrace.contracts.events import ATTRIBUTE_SET
from services.attributes.api.access import ShopNamed
from services.attributes.api.models import Bulk, BulkReport, BulkRow, Key, RowError, RowReport, dumped
from services.attributes.api.problems import Error, Problem, answers, problem, unavailable
from services.attributes.api.shop import Shop
from services.attributes.definitions import Definitions, definition_of

_AT_ONCE = 2
"""Bulk requests that are worked on at one time, for each store."""


class BulkProblem(Problem, BulkReport):
    """No row, or not every row, could be published; the report says which."""


def bulk_routes() -> APIRouter:
    """POST of many rows."""
    router = APIRouter(prefix="/v1")
    slots: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_AT_ONCE))
    refused = answers(404, 411, 413, 422, 503)
    for status in (422, 503):
        refused[status] = {**refused[status], "model": BulkProblem | Problem}

    @router.post("/attributes/bulk", status_code=202, response_model=BulkReport, responses=refused)
    async def set_many(shop: ShopNamed, body: Bulk, idempotency_key: Annotated[Key | None, Header()] = None) -> Any:
        """Set values of up to 1000 customers by hand; 202 with a report by row if any was accepted.

        With an Idempotency-Key the same row is done once, however often it is sent: after 503 send all again.
        """
        key = idempotency_key or uuid.uuid4().hex
        definitions = await shop.definitions()
        errors = list(_errors(shop, definitions, body.rows))
        async with slots[shop.store]:
            reports = await asyncio.gather(
                *(
                    _published(shop, number, row, error, key)
                    for number, (row, error) in enumerate(zip(body.rows, errors, strict=True))
                )
            )
        return _answer(reports)

    return router


def _errors(shop: Shop, definitions: Definitions, rows: Sequence[BulkRow]) -> Iterator[RowError | None]:
    seen: dict[tuple[str, str], int] = {}
    for number, row in enumerate(rows):
        definition = definition_of(definitions, row.name)
        first = seen.setdefault((row.customer, row.name), number)
        if not shop.has(row.customer):
            yield RowError(code="unknown_customer", message="no customer of this store has such a key")
        elif first != number:
            message = f"row {first} sets the same attribute of the same customer"
            yield RowError(code="set_twice", message=message)
        elif refused := definition.refused(row.values):
            message = f"{row.name} may not have {len(refused)} of these values"
            yield RowError(code="value_not_allowed", message=message, allowed=list(definition.allowed or ()))
        else:
            yield None


async def _published(shop: Shop, number: int, row: BulkRow, error: RowError | None, key: str) -> RowReport:
    if error is not None:
        return RowReport(row=number, error=error)
    event_id = _id(key, row)
    try:
        await shop.set(row.customer, row.name, tuple(row.values), event_id=event_id)
    except (KafkaError, TimeoutError):
        return RowReport(row=number, error=RowError(code="unavailable", message="Kafka does not answer"))
    return RowReport(row=number, id=event_id)


def _id(key: str, row: BulkRow) -> str:
    """By what the row says, not where it stands: after an error some rows may be sent again without the others."""
    said = msgspec.json.encode([row.customer, row.name, row.values])
    return f"{ATTRIBUTE_SET}:{key}:{hashlib.sha256(said).hexdigest()[:16]}"


def _answer(reports: Sequence[RowReport]) -> Response | BulkReport:
    refused = sum(each.error is not None for each in reports)
    report = BulkReport(accepted=len(reports) - refused, refused=refused, rows=list(reports))
    if any(each.error is not None and each.error.code == "unavailable" for each in reports):
        return problem(503, unavailable("Kafka").error, **dumped(report))
    if report.accepted == 0:
        message = "no row was accepted"
        return problem(422, Error(code="all_rows_refused", message=message, hint="see rows"), **dumped(report))
    return report
