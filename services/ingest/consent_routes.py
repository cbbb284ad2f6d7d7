"""The routes of Mailchimp's and Klaviyo's webhooks: checked, made into notices without addresses, kept, answered.

What makes one genuine and what it says is in `consent_hooks`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import Response

from headrace.contracts.actions import encode
from headrace.runtime.metrics import counter
from services.ingest.answers import body_of, refuse, unavailable
from services.ingest.consent_hooks import (
    KLAVIYO,
    MAILCHIMP,
    Said,
    check_klaviyo,
    check_mailchimp,
    consent_notice,
    read_klaviyo,
    read_mailchimp,
)
from services.ingest.doors import Doors
from services.ingest.identity import email_hash
from services.ingest.webhook import Forged, Unfit, notice_key

_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = ("application/json", "application/vnd.api+json")
Write = Callable[[str, bytes, bytes], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class ConsentDoor:
    """What a store's deliveries are checked against, where they go. A vendor with nothing set is not listened to."""

    store: str
    hash_key: bytes
    notices_topic: str
    write: Write
    clock: Callable[[], float]
    tolerance_s: float = 300
    mailchimp_token: bytes | None = None
    mailchimp_key: bytes | None = None
    klaviyo_key: bytes | None = None

    @property
    def mailchimp(self) -> bool:
        """Mailchimp is listened to."""
        return self.mailchimp_token is not None or self.mailchimp_key is not None


def add_consent_routes(app: FastAPI, doors: Doors[ConsentDoor]) -> None:
    """GET and POST /webhooks/mailchimp/{store}, POST /webhooks/klaviyo/{store}."""

    @app.get("/webhooks/mailchimp/{store}")
    async def exists(store: str) -> Response:
        """Mailchimp asks for the address before it takes it."""
        door = doors.at(store)
        is_set_up = door is not None and store == door.store and door.mailchimp
        return Response(status_code=200) if is_set_up else refuse(404, "not_set_up")

    @app.post("/webhooks/mailchimp/{store}")
    async def mailchimp(store: str, request: Request, token: str = "") -> Response:
        door = doors.at(store)
        if door is None:
            return refuse(422, "wrong_store")
        if not door.mailchimp:
            return refuse(404, "not_set_up")
        body = await body_of(request, _FORM)
        if not isinstance(body, bytes):
            return refuse(*body, _FORM)
        forged = check_mailchimp(
            request.headers,
            token,
            body,
            secret=door.mailchimp_key,
            wanted_token=door.mailchimp_token,
            now_s=door.clock(),
            tolerance_s=door.tolerance_s,
        )
        return await _answer(door, store, MAILCHIMP, forged, lambda now: read_mailchimp(body, now))

    @app.post("/webhooks/klaviyo/{store}")
    async def klaviyo(store: str, request: Request) -> Response:
        door = doors.at(store)
        if door is None:
            return refuse(422, "wrong_store")
        if door.klaviyo_key is None:
            return refuse(404, "not_set_up")
        body = await body_of(request, *_JSON)
        if not isinstance(body, bytes):
            return refuse(*body)
        forged = check_klaviyo(
            request.headers, body, secret=door.klaviyo_key, now_s=door.clock(), tolerance_s=door.tolerance_s
        )
        return await _answer(door, store, KLAVIYO, forged, lambda now: read_klaviyo(body, now))


async def _answer(
    door: ConsentDoor,
    store: str,
    source: str,
    forged: Forged | None,
    read: Callable[[datetime], list[Said] | Unfit],
) -> Response:
    if forged is not None:
        return refuse(401, forged.reason)
    if store != door.store:
        return refuse(422, "wrong_store")
    now = datetime.fromtimestamp(door.clock(), UTC)
    said = read(now)
    if isinstance(said, Unfit):
        return refuse(422, said.reason)
    for email, word in said:
        notice = consent_notice(store, source, email_hash(email, door.hash_key), word, now)
        if not await door.write(door.notices_topic, notice_key(notice), encode(notice)):
            counter("headrace_webhooks_total", outcome="kafka_unavailable").inc()
            return unavailable()
    counter("headrace_webhooks_total", outcome="accepted" if said else "unneeded").inc()
    return Response(status_code=200)
