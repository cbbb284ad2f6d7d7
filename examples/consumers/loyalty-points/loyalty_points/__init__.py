"""Gives loyalty points when a rule asks for it: `do: {points.grant: {points: 100, reason: thanks}}`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from pydantic import BaseModel, Field, SecretStr

from headrace.consumer import ConsumerSettings, Done, InDoubt, Letter, NotNow, PauseConsumer, Refused, effect


class Settings(ConsumerSettings):
    """HEADRACE_LOYALTY_URL and HEADRACE_LOYALTY_KEY (or HEADRACE_LOYALTY_KEY_FILE)."""

    loyalty_url: str = "http://127.0.0.1:9000"
    loyalty_key: SecretStr = SecretStr("")


class Points(BaseModel):
    """What a rule says: checked when rules are read, and again here."""

    points: int = Field(ge=1, le=10_000)
    reason: str = "thanks"


@asynccontextmanager
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    key = settings.loyalty_key.get_secret_value()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx.AsyncClient(base_url=settings.loyalty_url, headers=headers, timeout=8) as opened:
        yield opened


@effect("points.grant", given=Points, settings=Settings, resources=client, keyed=True)  # the service knows the key
async def consumer(letter: Letter, given: Points, client: httpx.AsyncClient) -> Done:
    member = letter.effect.customer.partition(":")[2]
    key = {"Idempotency-Key": letter.effect.id}
    try:
        reply = await client.post(f"/members/{member}/points", json=given.model_dump(), headers=key)
    except httpx.ConnectError:
        raise NotNow("no connection") from None
    except httpx.TransportError as error:
        raise InDoubt(type(error).__name__) from None
    if reply.status_code in (401, 403):
        raise PauseConsumer("the key is refused")
    if reply.status_code == 429:
        raise NotNow("too many", delay_s=float(reply.headers.get("Retry-After", "1")))
    if reply.status_code >= 500:
        raise InDoubt(f"status {reply.status_code}")
    if reply.is_error:
        raise Refused(f"status {reply.status_code}")
    return Done(receipt=str(reply.json().get("grant", "")))
