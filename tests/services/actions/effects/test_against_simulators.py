"""Every sender, built from settings, against the simulated vendors: their own count tells how often it was done."""

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from headrace.consumer.effects import InDoubt, Letter, Sender
from headrace.contracts.effects import EffectKind
from headrace.runtime.settings import load_settings
from headrace.simulators.options import Options
from headrace.simulators.server import Addresses, serving
from headrace.simulators.simulator import Simulator
from services.actions.effects.build import build_senders
from services.actions.effects.coupon import coupon_code
from services.actions.effects.settings import EffectsSettings
from tests.services.actions.effects.letters import ANN, ID, letter

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
COUPON = {"percent": 10, "expires": {"count": 30, "unit": "day"}}


@dataclass
class Shop:
    simulator: Simulator
    addresses: Addresses
    folder: Path
    stack: AsyncExitStack

    def senders(self, **more: Any) -> list[Sender]:
        host, _, port = self.addresses.smtp.removeprefix("smtp://").partition(":")
        given: dict[str, Any] = {
            "kafka_bootstrap_servers": "k:9092",
            "store": "store",
            "bigcommerce_url": self.addresses.bigcommerce,
            "bigcommerce_token": "token",
            "hash_key": "key",
            "mailchimp_url": self.addresses.mailchimp,
            "mailchimp_key": "key-us1",
            "mailchimp_list": "list",
            "klaviyo_url": self.addresses.klaviyo,
            "klaviyo_key": "klaviyo-key",
            "omnisend_url": self.addresses.omnisend,
            "omnisend_key": "omnisend-key",
            "sendgrid_url": self.addresses.sendgrid,
            "sendgrid_key": "sendgrid-key",
            "smtp_host": host,
            "smtp_port": int(port),
            "smtp_security": "none",
            "smtp_user": "shop",
            "smtp_password": "word",
            "mail_from": "shop@shop.example",
            "effects_templates": self.folder,
            "effects_webhook_secret": SECRET,
            "effects_webhook_allow": "127.0.0.0/8",
            "effects_export_folder": self.folder / "rows",
            "vendor_deadline_s": 2.0,
        }
        return build_senders(load_settings(EffectsSettings, **{**given, **more}), self.stack)

    async def send(self, one: Letter, **more: Any) -> str:
        (sender,) = [each for each in self.senders(**more) if each.wants(one.effect)]
        return (await sender.send(one)).receipt

    def counts(self, sink: str) -> list[tuple[str, int, int]]:
        for vendor in self.simulator.vendors.values():
            vendor.truth()  # what waited until now is done
        return [(kept.id, kept.count, kept.dropped) for kept in self.simulator.effects.of(sink)]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    (tmp_path / "thanks.html").write_text("Subject: Thanks, {{ customer.first_name }}\n\n<b>{{ coupon.code }}</b>")
    options = Options(smtp_user="shop", smtp_password="word", receiver_secret=SECRET, quota=10_000, klaviyo_delay_s=0.0)
    async with serving(options) as (simulator, addresses), AsyncExitStack() as stack:
        yield Shop(simulator, addresses, tmp_path, stack)


def mail(**more: Any) -> Letter:
    return letter("send_email", {"template": "thanks", "with": {"coupon": COUPON}}, customer="store:42", **more)


async def test_smtp__mail_with_a_coupon__the_code_is_the_stores(shop: Shop) -> None:
    one = mail()
    await shop.send(one, effects_email="smtp")
    (sent,) = shop.simulator.mail.mails
    (coupon,) = shop.simulator.world.coupons.rows.values()
    assert (sent.message_id, sent.subject) == (f"<{one.effect.id}@shop.example>", "Thanks, Ann")
    assert coupon.code == coupon_code(one.effect.id, b"key")
    assert coupon.code in sent.shape()["html"]
    assert coupon.code in sent.shape()["text"]
    assert shop.counts("smtp") == [(one.effect.id, 1, 0)]


async def test_smtp__the_line_breaks_after_it_was_taken__in_doubt(shop: Shop) -> None:
    match, reply = {"vendor": "smtp", "method": "DATA"}, {"drop": True, "after": True}
    shop.simulator.faults.order([{"match": match, "reply": reply, "times": 1}])
    with pytest.raises(InDoubt):
        await shop.send(mail(), effects_email="smtp")
    assert len(shop.counts("smtp")) == 1


@pytest.mark.parametrize("platform", ["mailchimp", "klaviyo", "omnisend"])
async def test_events__mail_and_sequences__counted_by_the_effect(shop: Shop, platform: str) -> None:
    one = mail()
    await shop.send(one, effects_email=platform)
    start = letter("start_sequence", {"name": "welcome", "platform": platform}, customer="store:43")
    await shop.send(start)
    kept = {each: count for each, count, _ in shop.counts(platform)}
    assert kept == {one.effect.id: 1, start.effect.id: 1}


async def test_klaviyo__asked_twice__once(shop: Shop) -> None:
    for attempt in (1, 2):
        await shop.send(mail(attempt=attempt), effects_email="klaviyo")
    assert [count for _, count, _ in shop.counts("klaviyo")] == [1]


async def test_sendgrid__by_the_templates_id__counted_by_the_effect(shop: Shop) -> None:
    one = mail()
    one = replace(one, effect=_with(one, {"template": "d-1", "with": {"coupon": COUPON}}))
    assert await shop.send(one, effects_email="sendgrid")
    assert shop.counts("sendgrid") == [(one.effect.id, 1, 0)]


def _with(one: Letter, with_: dict[str, Any]) -> Any:
    return letter(one.effect.kind, with_, customer=one.effect.customer).effect


async def test_coupon__asked_twice__one_in_the_store(shop: Shop) -> None:
    receipts = [await shop.send(letter("issue_coupon", COUPON, attempt=attempt)) for attempt in (1, 2)]
    assert receipts[0] == receipts[1] != ""
    assert [coupon.code for coupon in shop.simulator.world.coupons.rows.values()] == [coupon_code(ID, b"key")]


async def test_coupon__with_a_key__another_code(shop: Shop) -> None:
    await shop.send(letter("issue_coupon", COUPON), effects_coupon_key="another")
    assert [coupon.code for coupon in shop.simulator.world.coupons.rows.values()] == [coupon_code(ID, b"another")]


async def test_webhook__twice__verified_and_done_once(shop: Shop) -> None:
    one = letter("webhook", {"url": f"{shop.addresses.receiver}/hooks/erp"})
    for _ in range(2):
        await shop.send(one)
    assert shop.counts("webhook") == [(ID, 1, 0)]
    assert [request.verified for request in shop.simulator.receiver.requests] == [True, True]


async def test_notes_and_rows__arrive(shop: Shop) -> None:
    await shop.send(letter("notify_staff", {"to": ["staff@shop.example"], "text": "A new VIP"}))
    row = {"file": "rows.csv", "columns": ["customer", "customer.email"], "row": {}}
    receipt = await shop.send(letter("export_row", row, contact=ANN))
    (sent,) = shop.simulator.mail.mails
    assert sent.to == ("staff@shop.example",)
    assert "42,ann@x.example" in (shop.folder / "rows" / receipt).read_text()


@pytest.mark.parametrize(
    "kind",
    ["send_email", "start_sequence", "stop_sequence", "issue_coupon", "notify_staff", "webhook", "export_row"],
)
async def test_every_kind__exactly_one_sender_wants_it(shop: Shop, kind: EffectKind) -> None:
    one = letter(kind, {"platform": "klaviyo"})
    wanting = [sender.name for sender in shop.senders(effects_email="smtp") if sender.wants(one.effect)]
    assert len(wanting) == 1


async def test_names__never_two_of_one(shop: Shop) -> None:
    names = [sender.name for sender in shop.senders(effects_email="smtp")]
    assert len(names) == len(set(names))
