"""`send_email` by each of what serves it, and notes to staff."""

import json
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest

from headrace.consumer import PauseConsumer
from headrace.consumer.effects import Contact, Done, InDoubt, NotNow, Refused, Sender
from headrace.platforms.mail import SmtpClient
from headrace.platforms.public_addresses import EVERYWHERE
from headrace.platforms.safe_http import SafeClient
from services.actions.effects.coupon import Coupons, coupon_code
from services.actions.effects.events import KlaviyoEvents, MailchimpEvents, OmnisendEvents, SendGridEvents
from services.actions.effects.filling import Shop
from services.actions.effects.mail_event import EventMailSender, SequenceSender
from services.actions.effects.mail_sendgrid import SendGridMailSender
from services.actions.effects.mail_smtp import From, SmtpMailSender
from services.actions.effects.notify import NotifySender, read_channels
from services.actions.effects.templates import Templates
from tests.headrace.platforms.mail.scripted import DROP, HANG, Scripted, scripted
from tests.headrace.platforms.test_safe_http import serving
from tests.services.actions.effects.letters import ID, Reply, Vendor, letter
from tests.services.actions.effects.test_coupon import found, made, taken

SHOP = Shop("Shop", "https://shop.example", "https://shop.example/u?c={customer}")
FROM = From("shop@shop.example", "Shop")
THANKS = {"template": "thanks", "with": {"coupon": {"percent": 10}, "product": "Shoes"}}
PLAIN = {"template": "thanks", "with": {"product": "Shoes"}}
TEMPLATE = (
    "Subject: Thank you, {{ customer.first_name or 'there' }}\n\n"
    "{{ with.product }} {{ coupon.code if coupon is defined }} {{ store.unsubscribe_url }}"
)


@pytest.fixture
async def templates(tmp_path: Path) -> AsyncIterator[Templates]:
    (tmp_path / "thanks.txt").write_text(TEMPLATE)
    (tmp_path / "wrong.txt").write_text("Subject: x\n\n{{ customer.nope }}")
    opened = Templates(tmp_path)
    yield opened
    await opened.aclose()


def by_smtp(server: Scripted, templates: Templates, store: Vendor | None = None) -> SmtpMailSender:
    client = SmtpClient("127.0.0.1", server.port, security="none", deadline_s=1.0)
    return SmtpMailSender(client, templates, FROM, SHOP, Coupons(store.client) if store else None)


def message(server: Scripted) -> EmailMessage:
    read = message_from_bytes(server.messages[0].removesuffix(b".\r\n"), policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


async def test_smtp__coupon_and_template__one_mail_with_the_code(templates: Templates) -> None:
    store = Vendor(made)
    async with scripted() as server:
        assert await by_smtp(server, templates, store).send(letter(with_=THANKS)) == Done(receipt="4XyZ123")
    read = message(server)
    assert (read["To"], read["Subject"], read["Message-ID"]) == (
        "ann@x.example",
        "Thank you, Ann",
        f"<{ID}@shop.example>",
    )
    assert read["List-Unsubscribe"] == "<https://shop.example/u?c=42>"
    assert read.get_content().split() == ["Shoes", coupon_code(ID), "https://shop.example/u?c=42"]
    assert json.loads(store.asked[0].content)["code"] == coupon_code(ID)


async def test_smtp__again__the_same_coupon_and_message_id(templates: Templates) -> None:
    store = Vendor(made, taken, found(coupon_code(ID)))
    async with scripted() as server:
        sender = by_smtp(server, templates, store)
        await sender.send(letter(with_=THANKS))
        await sender.send(letter(with_=THANKS, attempt=2))
    first, second = server.messages
    assert first == second


@pytest.mark.parametrize("contact", [None, Contact(), Contact("no address"), Contact("a@x.example", deleted=True)])
async def test_smtp__no_address__refused(templates: Templates, contact: Contact | None) -> None:
    async with scripted() as server:
        with pytest.raises(Refused, match="no_address"):
            await by_smtp(server, templates).send(letter(with_=PLAIN, contact=contact))
    assert server.commands == []


async def test_smtp__no_first_name__the_templates_default(templates: Templates) -> None:
    async with scripted() as server:
        await by_smtp(server, templates).send(letter(with_=PLAIN, contact=Contact("a@x.example")))
    assert message(server)["Subject"] == "Thank you, there"


@pytest.mark.parametrize(("name", "told"), [("wrong", "wrong.txt:3: there is no 'nope'"), ("nothing", "there is no")])
async def test_smtp__template__refused_with_its_place(templates: Templates, name: str, told: str) -> None:
    async with scripted() as server:
        with pytest.raises(Refused) as caught:
            await by_smtp(server, templates).send(letter(with_={"template": name}))
    assert caught.value.reason == "template"
    assert told in caught.value.detail
    assert server.commands == []


@pytest.mark.parametrize(
    ("says", "kind"),
    [
        ({"MAIL": "451 later"}, NotNow),
        ({"CONNECT": DROP}, NotNow),
        ({"RCPT": "550 5.1.1 no"}, Refused),
        ({"MAIL": "530 log in"}, PauseConsumer),
        ({"MESSAGE": HANG}, InDoubt),
        ({"MESSAGE": DROP}, InDoubt),
        ({"MESSAGE": "451 later"}, NotNow),
    ],
)
async def test_smtp__a_servers_word__what_it_means(
    templates: Templates, says: dict[str, str], kind: type[Exception]
) -> None:
    async with scripted(says) as server:
        with pytest.raises(kind) as caught:
            await by_smtp(server, templates).send(letter(with_=PLAIN))
    assert "ann" not in str(caught.value)


async def test_smtp__the_coupon_is_not_to_be_had__no_mail(templates: Templates) -> None:
    async with scripted() as server:
        with pytest.raises(NotNow):
            await by_smtp(server, templates, Vendor(httpx.Response(503))).send(letter(with_=THANKS))
        with pytest.raises(Refused, match="no_coupons"):
            await by_smtp(server, templates).send(letter(with_=THANKS))
    assert server.messages == []


async def test_smtp__a_code_that_the_rule_names__as_it_is(templates: Templates) -> None:
    async with scripted() as server:
        await by_smtp(server, templates).send(
            letter(with_={"template": "thanks", "with": {"coupon": "SPRING", "product": 1}})
        )
    assert message(server).get_content().split()[:2] == ["1", "SPRING"]


def _sendgrid(request: httpx.Request) -> httpx.Response:
    if request.method == "GET":
        return httpx.Response(200, json={"result": [{"id": "d-7", "name": "thanks"}], "_metadata": {}})
    return httpx.Response(202, headers={"X-Message-Id": "m1"})


def by_sendgrid(*replies: Reply | httpx.Response | Exception) -> tuple[SendGridMailSender, Vendor]:
    vendor = Vendor(*replies)
    return SendGridMailSender(vendor.client, FROM, SHOP, Coupons(Vendor(made).client), group=3), vendor


async def test_sendgrid__the_templates_name__its_id_looked_up_once() -> None:
    sender, vendor = by_sendgrid(_sendgrid)
    for _ in range(2):
        assert await sender.send(letter(with_=THANKS)) == Done(receipt="m1")
    assert vendor.routes == ["GET /v3/templates", "POST /v3/mail/send", "POST /v3/mail/send"]
    body = json.loads(vendor.asked[1].content)
    part = body["personalizations"][0]
    assert (body["template_id"], body["asm"], part["custom_args"]) == ("d-7", {"group_id": 3}, {"headrace_effect": ID})
    assert part["dynamic_template_data"]["coupon"]["code"] == coupon_code(ID)
    assert part["dynamic_template_data"]["customer"]["first_name"] == "Ann"


async def test_sendgrid__no_such_template__refused_and_not_asked_again_at_once() -> None:
    sender, vendor = by_sendgrid(_sendgrid)
    for _ in range(3):
        with pytest.raises(Refused, match="template"):
            await sender.send(letter(with_={"template": "other"}))
    assert vendor.routes == ["GET /v3/templates"]


BROKEN: list[tuple[Any, type[Exception]]] = [
    (httpx.ReadTimeout("x"), InDoubt),
    (httpx.ConnectError("x"), NotNow),
    (httpx.Response(500), InDoubt),
    (httpx.Response(503), NotNow),
    (httpx.Response(429), NotNow),
    (httpx.Response(400, json={"errors": [{"message": "ann@x.example is no good", "field": "to"}]}), Refused),
    (httpx.Response(401), PauseConsumer),
]


@pytest.mark.parametrize(("reply", "kind"), BROKEN)
async def test_sendgrid__refused_or_broken__what_it_means(reply: Any, kind: type[Exception]) -> None:
    sender, _ = by_sendgrid(reply)
    with pytest.raises(kind) as caught:
        await sender.send(letter(with_={"template": "d-1"}))
    assert "ann@" not in str(caught.value)


@pytest.mark.parametrize(("reply", "kind"), BROKEN)
async def test_omnisend__refused_or_broken__what_it_means(reply: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await EventMailSender(OmnisendEvents(Vendor(reply).client), None).send(letter(with_=PLAIN))


@pytest.mark.parametrize(
    ("reply", "kind"), [*BROKEN[4:], (httpx.ReadTimeout("x"), InDoubt), (httpx.Response(503), InDoubt)]
)
async def test_klaviyo__refused_or_broken__asked_again_when_in_doubt(reply: Any, kind: type[Exception]) -> None:
    sender = EventMailSender(KlaviyoEvents(Vendor(reply).client), None)
    assert sender.keyed
    with pytest.raises(kind):
        await sender.send(letter(with_=PLAIN))


async def test_klaviyo__event__known_by_the_effect() -> None:
    vendor = Vendor(httpx.Response(202))
    await EventMailSender(KlaviyoEvents(vendor.client), Coupons(Vendor(made).client)).send(letter(with_=THANKS))
    event = json.loads(vendor.asked[0].content)["data"]["attributes"]
    assert (event["unique_id"], event["time"]) == (ID, "2026-11-22T18:30:00Z")
    assert event["metric"]["data"]["attributes"]["name"] == "thanks"
    assert event["properties"] == {
        "product": "Shoes", "coupon_code": coupon_code(ID), "coupon_percent": "10", "effect": ID, "entry": "rule:r",
    }  # fmt: skip


async def test_omnisend__event__named_and_not_keyed() -> None:
    vendor = Vendor(httpx.Response(200, json={}))
    sender = EventMailSender(OmnisendEvents(vendor.client), None)
    await sender.send(letter(with_=PLAIN))
    body = json.loads(vendor.asked[0].content)
    assert (sender.keyed, body["eventName"], body["eventID"], body["contact"]) == (
        False, "thanks", ID, {"email": "ann@x.example"},
    )  # fmt: skip


async def test_mailchimp__no_member__made_and_told_again() -> None:
    vendor = Vendor(httpx.Response(404, json={"title": "Not Found"}), httpx.Response(200, json={}), httpx.Response(204))
    await EventMailSender(MailchimpEvents(vendor.client, "l1"), None).send(letter(with_=PLAIN))
    assert [route.split("/")[-1] for route in vendor.routes][::2] == ["events", "events"]
    assert json.loads(vendor.asked[1].content)["status_if_new"] == "subscribed"


async def test_mailchimp__journey__triggered_without_values() -> None:
    vendor = Vendor(httpx.Response(204))
    sender = EventMailSender(MailchimpEvents(vendor.client, "l1"), Coupons(Vendor(made).client))
    await sender.send(letter(with_={"template": "journey:12/34"}))
    assert vendor.routes == ["POST /customer-journeys/journeys/12/steps/34/actions/trigger"]
    with pytest.raises(Refused, match="no_place_for_coupon"):
        await sender.send(letter(with_={**THANKS, "template": "journey:12/34"}))
    with pytest.raises(Refused, match="bad_name"):
        await sender.send(letter(with_={"template": "x" * 31}))


async def test_sequence__start_and_stop__events_of_its_platform_only() -> None:
    vendor = Vendor(httpx.Response(202))
    sender = SequenceSender(KlaviyoEvents(vendor.client))
    start = letter("start_sequence", {"name": "welcome", "platform": "klaviyo"})
    stop = letter("stop_sequence", {"name": "welcome", "platform": "klaviyo"})
    for one in (start, stop):
        await sender.send(one)
    names = [
        json.loads(each.content)["data"]["attributes"]["metric"]["data"]["attributes"]["name"] for each in vendor.asked
    ]
    assert (sender.name, names) == ("sequence.klaviyo", ["welcome", "welcome stop"])
    assert sender.wants(start.effect)
    assert not sender.wants(letter("start_sequence", {"name": "w", "platform": "mailchimp"}).effect)
    assert not sender.wants(letter().effect)


async def test_sequence__stop_a_journey__no_call_does_that() -> None:
    sender = SequenceSender(MailchimpEvents(Vendor().client, "l1"))
    with pytest.raises(Refused, match="not_possible"):
        await sender.send(letter("stop_sequence", {"name": "12/34", "platform": "mailchimp"}))


async def test_sequence__sendgrid__says_what_it_has_instead() -> None:
    sender = SequenceSender(SendGridEvents())
    with pytest.raises(Refused, match="list"):
        await sender.send(letter("start_sequence", {"name": "welcome", "platform": "sendgrid"}))


def notes(server: Scripted | None = None, channels: dict[str, str] | None = None) -> NotifySender:
    mail = SmtpClient("127.0.0.1", server.port, security="none", deadline_s=1.0) if server else None
    client = SafeClient(EVERYWHERE, deadline_s=1.0)
    return NotifySender(mail=mail, sender=FROM if server else None, channels=channels or {}, client=client, shop=SHOP)


async def test_notify__by_mail__to_all_and_one_refused() -> None:
    async with scripted({"RCPT b@x.example": "550 no"}) as server:
        with_ = {"to": ["a@x.example", "b@x.example"], "text": "A new VIP\nBcc: all@x.example"}
        done = await notes(server).send(letter("notify_staff", with_))
    read = message(server)
    assert done == Done(receipt="4XyZ123", detail="refused for 1 of 2")
    assert (read["Subject"], read["To"]) == ("[Shop] A new VIP", "a@x.example, b@x.example")
    assert "Customer 42 (rule:r, order:7:paid)" in read.get_content()
    assert "Bcc" not in read


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, None), (429, NotNow), (503, NotNow), (500, InDoubt), (403, PauseConsumer), (404, Refused)],
)
async def test_notify__by_chat__text_and_what_the_answer_means(status: int, kind: type[Exception] | None) -> None:
    async with serving(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode()) as (port, told):
        sender = notes(channels={"vip": f"http://127.0.0.1:{port}/T0/secret"})
        one = letter("notify_staff", {"channel": "vip", "text": "A new VIP"})
        if kind is None:
            await sender.send(one)
        else:
            with pytest.raises(kind) as caught:
                await sender.send(one)
            assert "secret" not in str(caught.value)
    assert len(told) == 1


@pytest.mark.parametrize("with_", [{"channel": "other", "text": "x"}, {"to": ["a@x.example"], "text": "x"}])
async def test_notify__nobody_serves_it__refused(with_: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        await notes(channels={"vip": "https://x.example"}).send(letter("notify_staff", with_))


def test_read_channels__lines__by_name() -> None:
    assert read_channels("# chats\nvip: https://a.example/x:y\n\ncrm:https://b.example\n") == {
        "vip": "https://a.example/x:y",
        "crm": "https://b.example",
    }


@pytest.mark.parametrize("words", ["vip", "https://secret.example", "vip: secret.example", ": https://secret.example"])
def test_read_channels__wrong__the_line_and_not_what_it_says(words: str) -> None:
    with pytest.raises(ValueError, match="line 2") as caught:
        read_channels(f"a: https://a.example\n{words}")
    assert "secret" not in str(caught.value)


async def test_senders__are_senders(templates: Templates) -> None:
    """The type checker's word, and each wants its kind alone."""
    async with scripted() as server:
        pass
    senders: list[Sender] = [
        by_smtp(server, templates),
        by_sendgrid()[0],
        EventMailSender(KlaviyoEvents(Vendor().client), None),
        notes(),
    ]
    assert [sender.wants(letter().effect) for sender in senders] == [True, True, True, False]
    assert all(sender.deadline_s > 0 and sender.concurrency > 0 for sender in senders)
