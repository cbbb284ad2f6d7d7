"""Webhooks: signed, asked again by the standard's schedule, and what a receiver's answer means."""

import json
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from headrace.consumer.effects import Done, InDoubt, NotNow, Refused
from headrace.platforms.public_addresses import read_allowed
from headrace.platforms.safe_http import SafeClient
from headrace.platforms.webhooks_out import RETRY_AFTER_S, read_secrets
from services.actions.effects.webhook import DISABLED_AFTER_S, TRIED_AGAIN_AFTER_S, Receivers, WebhookSender, body_of
from tests.headrace.platforms.test_safe_http import serving
from tests.services.actions.effects.letters import ID, letter

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "QUJD" * 10
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


def sender(secrets: str = SECRET, *, deadline_s: float = 5.0, receivers: Receivers | None = None) -> WebhookSender:
    client = SafeClient(read_allowed("127.0.0.0/8"), deadline_s=deadline_s)
    return WebhookSender(client, read_secrets(secrets), receivers=receivers)


def status_line(status: int, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", "Content-Length: 0", *headers]
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


async def test_send__taken__signed_by_both_secrets_and_known_by_the_effect() -> None:
    async with serving(NO_CONTENT) as (port, told):
        one = letter("webhook", {"url": f"http://127.0.0.1:{port}/vip"})
        assert await sender(f"{OTHER} {SECRET}").send(one) == Done(detail="204")
    lines = told[0].decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
    assert headers["webhook-id"] == ID
    for secret in (SECRET, OTHER):
        Webhook(secret).verify(body_of(one.effect), headers)


def test_body_of__nothing_personal_and_the_same_each_time() -> None:
    one = letter("webhook", {"url": "https://secret.example/hook"})
    found = json.loads(body_of(one.effect))
    assert found["type"] == "headrace.effect"
    assert found["timestamp"] == "2026-11-22T18:30:00Z"
    assert (found["data"]["id"], found["data"]["customer"], found["data"]["with"]) == (ID, "42", {})
    assert b"ann" not in body_of(one.effect)
    assert body_of(one.effect) == body_of(letter("webhook", one.effect.with_, attempt=5).effect)


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (301, Refused, "redirect"),
        (308, Refused, "redirect"),
        (400, Refused, "rejected"),
        (401, Refused, "rejected"),
        (404, Refused, "rejected"),
        (410, Refused, "disabled"),
        (408, NotNow, "answered 408"),
        (429, NotNow, "answered 429"),
        (500, NotNow, "answered 500"),
        (503, NotNow, "answered 503"),
    ],
)
async def test_send__answer__what_it_means(status: int, kind: type[Exception], reason: str) -> None:
    async with serving(status_line(status, "Location: http://127.0.0.1/")) as (port, told):
        with pytest.raises(kind) as caught:
            await sender().send(letter("webhook", {"url": f"http://127.0.0.1:{port}/"}))
    assert isinstance(caught.value, NotNow | Refused)
    assert caught.value.reason == reason
    assert len(told) == 1


@pytest.mark.parametrize(
    ("attempt", "asked", "delay_s"),
    [(1, "", 5), (2, "", 300), (3, "", 1800), (9, "", 86400), (1, "60", 60), (2, "60", 300), (1, "x", 5),
     (1, "999999999", 86400), (1, "Wed, 01 Jan 2020 00:00:00 GMT", 5)],
)  # fmt: skip
async def test_send__later__by_the_schedule_or_as_it_asks(attempt: int, asked: str, delay_s: float) -> None:
    async with serving(status_line(503, *([f"Retry-After: {asked}"] if asked else []))) as (port, _):
        with pytest.raises(NotNow) as caught:
            await sender().send(letter("webhook", {"url": f"http://127.0.0.1:{port}/"}, attempt=attempt))
    assert caught.value.delay_s == delay_s


async def test_send__after_the_last_of_the_schedule__given_up() -> None:
    async with serving(status_line(503)) as (port, _):
        with pytest.raises(Refused, match="given_up"):
            await sender().send(letter("webhook", {"url": f"http://127.0.0.1:{port}/"}, attempt=len(RETRY_AFTER_S) + 1))


async def test_send__hangs__in_doubt() -> None:
    async with serving(b"", hang=True) as (port, _):
        with pytest.raises(InDoubt):
            await sender(deadline_s=0.3).send(letter("webhook", {"url": f"http://127.0.0.1:{port}/"}))


async def test_send__nobody_there__later() -> None:
    async with serving(b"") as (port, _):
        pass
    with pytest.raises(NotNow):
        await sender().send(letter("webhook", {"url": f"http://127.0.0.1:{port}/"}))


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "http://10.0.0.1/", "ftp://x.example/", ""])
async def test_send__a_url_of_ours__never(url: str) -> None:
    with pytest.raises(Refused, match="url_not_allowed"):
        await sender().send(letter("webhook", {"url": url}))


async def test_send__gone__asked_again_a_day_later_only() -> None:
    now = [0.0]
    receivers = Receivers(lambda: now[0])
    async with serving(status_line(410)) as (port, told):
        one = letter("webhook", {"url": f"http://127.0.0.1:{port}/"})
        for _ in range(3):
            with pytest.raises(Refused, match="disabled"):
                await sender(receivers=receivers).send(one)
        assert len(told) == 1
        now[0] += TRIED_AGAIN_AFTER_S
        with pytest.raises(Refused, match="disabled"):
            await sender(receivers=receivers).send(one)
        assert len(told) == 2


def test_receivers__five_days_of_failures__closed_and_open_again_when_it_works() -> None:
    now = [0.0]
    receivers = Receivers(lambda: now[0])
    assert not receivers.failed("u")
    now[0] = DISABLED_AFTER_S - 1
    assert not receivers.failed("u")
    receivers.worked("u")
    now[0] += 5
    assert not receivers.failed("u")
    now[0] += DISABLED_AFTER_S
    assert receivers.failed("u")
    assert not receivers.is_open("u")
    assert receivers.is_open("other")
    now[0] += TRIED_AGAIN_AFTER_S
    assert receivers.is_open("u")
    assert not receivers.is_open("u")
    receivers.worked("u")
    assert receivers.is_open("u")


async def test_send__the_timestamp_is_this_machines__not_the_stores() -> None:
    """The store's clock may be elsewhere; a receiver compares with its own."""
    async with serving(NO_CONTENT) as (port, told):
        past = datetime(2020, 1, 1, tzinfo=UTC)
        await sender().send(letter("webhook", {"url": f"http://127.0.0.1:{port}/"}, now=past))
    stamp = next(line for line in told[0].decode().split("\r\n") if line.lower().startswith("webhook-timestamp"))
    assert abs(float(stamp.split(": ")[1]) - datetime.now(UTC).timestamp()) < 60
