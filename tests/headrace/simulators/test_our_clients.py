"""What our own clients ask of the vendors is taken in by the simulated ones, and counted by the effect's id."""

import base64
from datetime import UTC, datetime
from decimal import Decimal
from email.message import EmailMessage
from typing import Any

import aiohttp
import pytest

from headrace.platforms.bigcommerce.coupons import Coupon, create_coupon
from headrace.platforms.http import Request
from headrace.platforms.klaviyo.events import Event
from headrace.platforms.klaviyo.events import send_event as klaviyo_event
from headrace.platforms.mail import SmtpClient
from headrace.platforms.mailchimp import upsert_member
from headrace.platforms.mailchimp.events import send_event as mailchimp_event
from headrace.platforms.mailchimp.journeys import trigger_step
from headrace.platforms.omnisend import send_event as omnisend_event
from headrace.platforms.sendgrid.mail import dynamic_templates, send_mail
from headrace.platforms.webhooks_out import read_secrets, signed_headers
from tests.headrace.simulators.harness import Running, Start, until

EFFECT = "0123456789abcdef" * 2
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
EMAIL = "a@x.example"
KEYS: dict[str, dict[str, str]] = {
    "bigcommerce": {"X-Auth-Token": "token"},
    "mailchimp": {"Authorization": aiohttp.encode_basic_auth("any", "key-us1")},
    "klaviyo": {"Authorization": "Klaviyo-API-Key klaviyo-key", "revision": "2026-07-15"},
    "omnisend": {"Authorization": "Omnisend-API-Key omnisend-key", "Omnisend-Version": "2026-03-15"},
    "sendgrid": {"Authorization": "Bearer sendgrid-key"},
}
BASES = {"bigcommerce": "/stores/store", "mailchimp": "/3.0", "omnisend": "/api"}


async def call(running: Running, vendor: str, request: Request) -> int:
    url = getattr(running.addresses, vendor) + BASES.get(vendor, "") + request.path
    given = {"json": request.json, "params": dict(request.params), "headers": KEYS[vendor]}
    async with running.session.request(request.method, url, **given) as reply:
        return reply.status


async def effects(running: Running) -> list[dict[str, Any]]:
    found = (await running.sim("GET", "/truth"))["effects"]
    assert isinstance(found, list)
    return found


async def join(running: Running) -> None:
    assert await call(running, "mailchimp", upsert_member("list", EMAIL, status_if_new="subscribed")) == 200


MAIL = send_mail(
    to=EMAIL, from_="shop@x.example", from_name="", template_id="d-1", effect=EFFECT, data={"a": 1}, group=7
)
REQUESTS = [
    ("mailchimp", mailchimp_event("list", EMAIL, "thanks", AT, {"effect": EFFECT}), 204, EFFECT),
    ("klaviyo", klaviyo_event(Event("Thanks", EMAIL, EFFECT, AT)), 202, EFFECT),
    ("omnisend", omnisend_event("thanks", EMAIL, id=EFFECT, at=AT, properties={}), 202, EFFECT),
    ("sendgrid", MAIL, 202, EFFECT),
    (
        "bigcommerce",
        create_coupon(Coupon("HR-ABCD", "percentage_discount", Decimal(10), AT.replace(year=2027))),
        201,
        "HR-ABCD",
    ),
    ("bigcommerce", create_coupon(Coupon("HR-EFGH", "per_total_discount", Decimal("7.50"))), 201, "HR-EFGH"),
]


@pytest.mark.parametrize(("vendor", "request_", "status", "known_as"), REQUESTS, ids=[each[0] for each in REQUESTS])
async def test_request__of_ours__is_taken_in_and_counted(
    start: Start, vendor: str, request_: Request, status: int, known_as: str
) -> None:
    async with start(klaviyo_delay_s=0.01) as running:
        await join(running)
        assert await call(running, vendor, request_) == status
        found: list[dict[str, Any]] = []

        def done() -> bool:
            running.simulator.vendors["klaviyo"].truth()
            found[:] = running.simulator.effects.rows()
            return bool(found)

        await until(done)
        assert [(row["id"], row["count"], row["asked"]) for row in found] == [(known_as, 1, 1)]


async def test_journey__of_ours__is_triggered(running: Running) -> None:
    await join(running)
    assert await call(running, "mailchimp", trigger_step(7, 8, EMAIL)) == 204
    assert [row["to"] for row in await effects(running)] == [EMAIL]


async def test_templates__asked_for_by_us__are_listed_and_the_only_ones(running: Running) -> None:
    assert await call(running, "sendgrid", dynamic_templates()) == 200
    await running.operate({"op": "sendgrid.template", "name": "thank-you", "id": "d-2"})
    assert await call(running, "sendgrid", MAIL) == 400
    await running.operate({"op": "sendgrid.template", "name": "other", "id": "d-1"})
    assert await call(running, "sendgrid", MAIL) == 202
    url = f"{running.addresses.sendgrid}/v3/templates?generations=dynamic&page_size=1"
    async with running.session.get(url, headers=KEYS["sendgrid"]) as reply:
        body = await reply.json()
    assert [(row["id"], row["name"]) for row in body["result"]] == [("d-2", "thank-you")]
    assert "page_token=" in body["_metadata"]["next"]
    assert await call(running, "sendgrid", Request("GET", "/v3/templates")) == 400


async def test_webhook__signed_by_us__is_verified(start: Start) -> None:
    secret = "whsec_" + base64.b64encode(bytes(range(32))).decode()
    async with start(receiver_secret=secret) as running:
        body = b'{"type":"customer.entered"}'
        headers = signed_headers(read_secrets(secret), id=f"msg_{EFFECT}", at=datetime.now(UTC), body=body)
        url = f"{running.addresses.receiver}/hooks/shop"
        async with running.session.post(url, data=body, headers=headers) as reply:
            assert reply.status == 200
        assert [(row["id"], row["to"]) for row in await effects(running)] == [(EFFECT, "shop")]


async def test_mail__sent_by_us__is_taken(start: Start) -> None:
    async with start(smtp_user="shop", smtp_password="s3cret") as running:
        host, _, port = running.addresses.smtp.removeprefix("smtp://").partition(":")
        client = SmtpClient(host, int(port), security="none", user="shop", password="s3cret")
        message = EmailMessage()
        message["Message-ID"], message["Subject"] = f"<{EFFECT}@headrace>", "Thanks"
        message.set_content("Thank you")
        sent = await client.send("shop@x.example", [EMAIL], message.as_bytes().replace(b"\n", b"\r\n"))
        assert sent.refused == 0
        assert [(row["id"], row["to"]) for row in await effects(running)] == [(EFFECT, EMAIL)]
