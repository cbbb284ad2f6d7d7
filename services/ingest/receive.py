"""The HTTP side of ingest: a delivery is checked, written to Kafka, and only then answered with success.

What makes a delivery genuine is in `webhook`, what an own event must be in `own_events`; nothing is kept here.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from headrace.contracts.actions import Notice, encode
from headrace.runtime.logs import log
from headrace.runtime.metrics import counter
from services.ingest.answers import body_of, error_answer, meaning, refuse, unavailable
from services.ingest.consent_routes import ConsentDoor, add_consent_routes
from services.ingest.doors import ApiKeys, Doors
from services.ingest.own_events import OwnEvent, RecentIds, Refused, read_event
from services.ingest.settings import SignatureMode
from services.ingest.webhook import (
    Forged,
    SharedHeader,
    Unfit,
    Unneeded,
    check_header,
    check_signature,
    notice_key,
    read_notice,
)

Write = Callable[[str, bytes, bytes], Awaitable[bool]]
"""(topic, key, value) -> True once Kafka has it for good, False when it did not say so in time."""


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """What a delivery to one store is checked against, and where it goes. `clock` gives Unix seconds."""

    store: str
    client_secret: bytes | None
    signature: SignatureMode
    tolerance_s: float
    shared_header: SharedHeader | None
    api_key: bytes | None
    notices_topic: str
    events_topic: str
    write: Write
    clock: Callable[[], float] = time.time
    consents: ConsentDoor | None = None
    own_snapshots: bool = False
    recent: RecentIds = field(default_factory=RecentIds)

    def check(self, request: Request, body: bytes) -> Forged | None:
        """Whether the delivery is genuine, as strictly as the settings say."""
        if forged := check_header(request.headers, self.shared_header):
            return forged
        if self.signature == "off":
            return None
        if self.client_secret is None:
            return Forged("no_secret")
        forged = check_signature(
            request.headers, body, secret=self.client_secret, now_s=self.clock(), tolerance_s=self.tolerance_s
        )
        if forged is not None and self.signature == "log":
            counter("headrace_webhooks_total", outcome="unsigned_accepted").inc()
            log.warning("webhook.unsigned_accepted", reason=forged.reason)
            return None
        return forged

    def now(self) -> datetime:
        """The receiver's clock."""
        return datetime.fromtimestamp(self.clock(), UTC)


def make_app(*stores: Doorkeeper) -> FastAPI:
    """The application: POST /webhooks/bigcommerce/{store}, POST /v1/events, and what `consent_routes` has."""
    app = FastAPI(title="Headrace receive", docs_url=None, redoc_url=None)
    doors, keys = Doors(stores), ApiKeys({door.store: door.api_key for door in stores})

    @app.post("/webhooks/bigcommerce/{store}", status_code=204)
    async def webhook(store: str, request: Request) -> Response:
        return await _webhook(doors.at(store), store, request)

    @app.post("/v1/events", status_code=202)
    async def own_event(request: Request) -> Response:
        return await _own_event(doors, keys, request)

    if consents := [door.consents for door in stores if door.consents is not None]:
        add_consent_routes(app, Doors(consents))
    return app


async def _webhook(door: Doorkeeper | None, store: str, request: Request) -> Response:
    body = await body_of(request, "application/json")
    if not isinstance(body, bytes):
        return refuse(*body)
    if door is None:
        return refuse(422, "wrong_store")
    if forged := door.check(request, body):
        return refuse(401, forged.reason)
    if store != door.store:
        return refuse(422, "wrong_store")
    notice = read_notice(body, store=store, headers=request.headers, received_at=door.now())
    if isinstance(notice, Unfit):
        return refuse(422, notice.reason)
    if isinstance(notice, Unneeded):
        counter("headrace_webhooks_total", outcome="unneeded").inc()
        return Response(status_code=204)
    return await _keep(door, notice)


async def _keep(door: Doorkeeper, notice: Notice) -> Response:
    if not await door.write(door.notices_topic, notice_key(notice), encode(notice)):
        counter("headrace_webhooks_total", outcome="kafka_unavailable").inc()
        return unavailable()
    counter("headrace_webhooks_total", outcome="accepted").inc()
    return Response(status_code=204)


async def _own_event(doors: Doors[Doorkeeper], keys: ApiKeys, request: Request) -> Response:
    opened = {store: doors.of(store) for store in keys.opened_by(_given_key(request))}
    if not opened:
        message = "the API key is missing or wrong" if keys else "no API key is set here (HEADRACE_API_KEY)"
        return error_answer(401, "unauthorized", message)
    body = await body_of(request, "application/json")
    if not isinstance(body, bytes):
        return error_answer(*body, meaning(body[1]))
    try:
        snapshots = {store: door.own_snapshots for store, door in opened.items()}
        key = request.headers.get("idempotency-key")
        event = read_event(body, stores=snapshots, idempotency_key=key, now=next(iter(opened.values())).now())
    except Refused as error:
        return error_answer(422, "invalid", f"{error.field} {error}", id=error.field)
    return await _keep_event(doors.enter(event.store), event)


async def _keep_event(door: Doorkeeper, event: OwnEvent) -> Response:
    if event in door.recent:
        return JSONResponse({"id": event.id, "duplicate": True}, status_code=202)
    if not await door.write(door.events_topic, event.record.key, event.record.value):
        return unavailable()
    door.recent.add(event)
    counter("headrace_events_published_total", type=event.record.type, origin="live").inc()
    return JSONResponse({"id": event.id, "duplicate": False}, status_code=202)


def _given_key(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
