"""The HTTP side of ingest: a delivery is checked, written to Kafka, and only then answered with success.

What makes a delivery genuine is in `webhook`, what an own event must be in `own_events`; nothing is kept here.
"""

import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from headrace.contracts.actions import Notice, encode
from headrace.runtime.logs import log
from headrace.runtime.metrics import counter
from services.ingest.answers import body_of, error_answer, meaning, refuse, unavailable
from services.ingest.consent_routes import ConsentDoor, add_consent_routes
from services.ingest.own_events import RecentIds, Refused, read_event
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
    """What a delivery is checked against, and where it goes. `clock` gives Unix seconds."""

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


def make_app(door: Doorkeeper) -> FastAPI:
    """The application: POST /webhooks/bigcommerce/{store}, POST /v1/events, and what `consent_routes` has."""
    app = FastAPI(title="Headrace receive", docs_url=None, redoc_url=None)
    recent = RecentIds()

    @app.post("/webhooks/bigcommerce/{store}", status_code=204)
    async def webhook(store: str, request: Request) -> Response:
        return await _webhook(door, store, request)

    @app.post("/v1/events", status_code=202)
    async def own_event(request: Request) -> Response:
        return await _own_event(door, recent, request)

    if door.consents is not None:
        add_consent_routes(app, door.consents)
    return app


async def _webhook(door: Doorkeeper, store: str, request: Request) -> Response:
    body = await body_of(request, "application/json")
    if not isinstance(body, bytes):
        return refuse(*body)
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


async def _own_event(door: Doorkeeper, recent: RecentIds, request: Request) -> Response:
    if not _has_api_key(door, request):
        set_here = door.api_key is not None
        message = "the API key is missing or wrong" if set_here else "no API key is set here (HEADRACE_API_KEY)"
        return error_answer(401, "unauthorized", message)
    body = await body_of(request, "application/json")
    if not isinstance(body, bytes):
        return error_answer(*body, meaning(body[1]))
    try:
        key = request.headers.get("idempotency-key")
        event = read_event(body, store=door.store, idempotency_key=key, now=door.now(), snapshots=door.own_snapshots)
    except Refused as error:
        return error_answer(422, "invalid", f"{error.field} {error}", id=error.field)
    if event in recent:
        return JSONResponse({"id": event.id, "duplicate": True}, status_code=202)
    if not await door.write(door.events_topic, event.record.key, event.record.value):
        return unavailable()
    recent.add(event)
    counter("headrace_events_published_total", type=event.record.type, origin="live").inc()
    return JSONResponse({"id": event.id, "duplicate": False}, status_code=202)


def _has_api_key(door: Doorkeeper, request: Request) -> bool:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    given = token.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
    return door.api_key is not None and hmac.compare_digest(given.encode(), door.api_key)
