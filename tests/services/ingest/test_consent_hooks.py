"""Webhooks of Mailchimp and Klaviyo: genuine or not, what they say, and that no address is kept."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.actions import Notice
from services.ingest.backlog import Place, read_record
from services.ingest.consent_hooks import Said, read_klaviyo, read_mailchimp
from services.ingest.consent_routes import ConsentDoor
from services.ingest.identity import email_hash
from services.ingest.receive import Doorkeeper, make_app
from services.ingest.webhook import Unfit
from services.ingest.words import Word

NOW = datetime(2026, 4, 13, 23, 0, tzinfo=UTC)
AT = datetime(2026, 4, 13, 22, 16, 46, tzinfo=UTC)
KEY = b"sixteen-letters!"
MAILCHIMP, KLAVIYO = "/webhooks/mailchimp/s", "/webhooks/klaviyo/s"


def form(kind: str = "unsubscribe", **data: str) -> bytes:
    fields = {"email": "Jo@Example.com", "list_id": "l", **data}
    told = {"type": kind, "fired_at": "2026-04-13 22:16:46", **{f"data[{name}]": text for name, text in fields.items()}}
    return urlencode(told).encode()


def system(topic: str = "unsubscribed_from_email_marketing", **payload: Any) -> bytes:
    event = {"type": "event", "attributes": {"timestamp": int(AT.timestamp()), "event_properties": {}}}
    profile = {"type": "profile", "id": "01", "attributes": {"email": "Jo@Example.com"}}
    told = {"topic": f"event:klaviyo.{topic}", "external_id": "x", "payload": {"data": event, "included": [profile]}}
    told["payload"] = {**told["payload"], **payload}  # type: ignore[dict-item]
    return json.dumps({"data": [told], "meta": {"timestamp": "2026-04-13T22:50:12.101159+00:00"}}).encode()


@pytest.mark.parametrize(
    ("kind", "data", "granted"),
    [
        ("unsubscribe", {"action": "unsub", "reason": "manual"}, False),
        ("unsubscribe", {}, False),
        ("cleaned", {"reason": "hard"}, False),
        ("subscribe", {}, True),
    ],
)
def test_read_mailchimp__about_consent__what_the_address_said(kind: str, data: dict[str, str], granted: bool) -> None:
    assert read_mailchimp(form(kind, **data), NOW) == [Said("Jo@Example.com", Word.said(AT, granted=granted))]


@pytest.mark.parametrize("body", [form("profile"), form("upemail"), form("campaign"), form(action="delete"), b""])
def test_read_mailchimp__about_something_else__nothing(body: bytes) -> None:
    assert read_mailchimp(body, NOW) == []


@pytest.mark.parametrize("body", [form(email=""), b"\xff", b"&".join([b"a=1"] * 300)])
def test_read_mailchimp__no_form_of_theirs__unfit(body: bytes) -> None:
    assert isinstance(read_mailchimp(body, NOW), Unfit)


def test_read_mailchimp__from_the_future__is_now() -> None:
    (said,) = read_mailchimp(form().replace(b"2026", b"2027", 1), NOW)  # type: ignore[misc]
    assert said.word == Word.said(NOW, granted=False)


@pytest.mark.parametrize(
    ("topic", "granted"),
    [
        ("unsubscribed_from_email_marketing", False),
        ("manually_suppressed_from_email_marketing", False),
        ("marked_email_as_spam", False),
        ("subscribed_to_email_marketing", True),
    ],
)
def test_read_klaviyo__about_consent__what_the_address_said(topic: str, granted: bool) -> None:
    assert read_klaviyo(system(topic), NOW) == [Said("Jo@Example.com", Word.said(AT, granted=granted))]


def test_read_klaviyo__address_in_the_events_properties__found() -> None:
    event = {"attributes": {"datetime": "x", "event_properties": {"email_address": "a@b.example"}}}
    (said,) = read_klaviyo(system(data=event, included=None), NOW)  # type: ignore[misc]
    assert said == Said("a@b.example", Word.said(NOW, granted=False))


@pytest.mark.parametrize("body", [system("opened_email"), system(included=[]), b'{"data":[1,{"topic":[]}]}'])
def test_read_klaviyo__something_else_or_nobody__nothing(body: bytes) -> None:
    assert read_klaviyo(body, NOW) == []


@pytest.mark.parametrize("body", [b"", b"[]", b'{"data":{}}', b"\xff", b"[" * 100_000])
def test_read_klaviyo__no_delivery_of_theirs__unfit(body: bytes) -> None:
    assert isinstance(read_klaviyo(body, NOW), Unfit)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "topic", "payload", "attributes", "timestamp", "included", "type", "email"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
)


@given(JSON)
def test_read_klaviyo__any_json__never_fails(body: Any) -> None:
    topic = "event:klaviyo.unsubscribed_from_email_marketing"
    for whole in (body, {"data": [body]}, {"data": [{"topic": topic, "payload": body}]}):
        read_klaviyo(json.dumps(whole).encode(), NOW)


@given(st.binary())
def test_read__any_bytes__never_fails(body: bytes) -> None:
    read_mailchimp(body, NOW)
    read_klaviyo(body, NOW)


class Desk:
    """Receive without Kafka: what it would write."""

    def __init__(self, *, reachable: bool = True, **settings: Any) -> None:
        self.written: list[tuple[bytes, Notice]] = []
        self._reachable = reachable
        consents = ConsentDoor(
            store="s", hash_key=b"hk", notices_topic="n", write=self._write, clock=NOW.timestamp, **settings
        )
        door = Doorkeeper("s", None, "enforce", 300, None, None, "n", "e", self._write, NOW.timestamp, consents)
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(make_app(door)), base_url="http://receive")

    async def _write(self, topic: str, key: bytes, value: bytes) -> bool:
        assert topic == "n"
        self.written.append((key, msgspec.json.decode(value, type=Notice)))
        return self._reachable

    async def post(self, path: str, body: bytes, **headers: str) -> httpx.Response:
        kind = "application/json" if "klaviyo" in path else "application/x-www-form-urlencoded"
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self._client.post(path, content=body, headers={"content-type": kind, **names})

    async def get(self, path: str) -> int:
        return (await self._client.get(path)).status_code


def mailchimp_signature(body: bytes, at: int | None = None) -> str:
    stamp = int(NOW.timestamp()) if at is None else at
    return f"t={stamp},v1={hmac.new(KEY, f'{stamp}.'.encode() + body, hashlib.sha256).hexdigest()}"


def klaviyo_headers(body: bytes, stamp: str = "") -> dict[str, str]:
    stamp = stamp or str(int(NOW.timestamp()))
    signature = hmac.new(KEY, body + stamp.encode(), hashlib.sha256).hexdigest()
    return {"klaviyo_signature": signature, "klaviyo_timestamp": stamp}


async def test_mailchimp__by_token__kept_as_a_hash_without_the_address() -> None:
    desk = Desk(mailchimp_token=b"secret")
    reply = await desk.post(f"{MAILCHIMP}?token=secret", form())
    ((key, notice),) = desk.written
    hashed = email_hash("jo@example.com", b"hk")
    assert (reply.status_code, key.decode()) == (200, f"s:consent:{hashed}")
    assert "example" not in msgspec.json.encode(notice).decode().lower()
    pending = read_record(msgspec.json.encode(notice), Place(0, 0))
    assert (pending.key, pending.words) == (
        ("consent", int(hashed, 16)),
        [("mailchimp", Word.said(AT, granted=False))],
    )


async def test_mailchimp__signed__kept() -> None:
    desk = Desk(mailchimp_key=KEY)
    assert (await desk.post(MAILCHIMP, form(), x_mailchimp_signature=mailchimp_signature(form()))).status_code == 200
    assert len(desk.written) == 1


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (MAILCHIMP, {}),
        (f"{MAILCHIMP}?token=other", {"x_mailchimp_signature": mailchimp_signature(form())}),
        (f"{MAILCHIMP}?token=secret", {}),
        (f"{MAILCHIMP}?token=secret", {"x_mailchimp_signature": "t=1"}),
        (f"{MAILCHIMP}?token=secret", {"x_mailchimp_signature": mailchimp_signature(b"other")}),
        (f"{MAILCHIMP}?token=secret", {"x_mailchimp_signature": mailchimp_signature(form(), 1000)}),
        (f"{MAILCHIMP}?token=secret", {"x_mailchimp_signature": "t=" + "9" * 40 + ",v1=00"}),
    ],
)
async def test_mailchimp__forged__401_and_nothing_kept(path: str, headers: dict[str, str]) -> None:
    desk = Desk(mailchimp_token=b"secret", mailchimp_key=KEY)
    assert (await desk.post(path, form(), **headers)).status_code == 401
    assert desk.written == []


async def test_mailchimp__asks_for_the_address__200_when_it_is_set_up() -> None:
    assert await Desk(mailchimp_token=b"secret").get(MAILCHIMP) == 200
    assert await Desk().get(MAILCHIMP) == 404


async def test_klaviyo__signed__kept() -> None:
    desk = Desk(klaviyo_key=KEY)
    reply = await desk.post(KLAVIYO, system(), **klaviyo_headers(system()))
    assert (reply.status_code, len(desk.written)) == (200, 1)
    stamped = klaviyo_headers(system(), "2026-04-13T22:59:00.101159+00:00")
    assert (await desk.post(KLAVIYO, system(), **stamped)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        klaviyo_headers(system(), "1000"),
        klaviyo_headers(system(), "soon"),
        {**klaviyo_headers(system()), "klaviyo_signature": "00"},
        klaviyo_headers(b"other"),
    ],
)
async def test_klaviyo__forged__401_and_nothing_kept(headers: dict[str, str]) -> None:
    desk = Desk(klaviyo_key=KEY)
    assert (await desk.post(KLAVIYO, system(), **headers)).status_code == 401
    assert desk.written == []


async def test_consents__nothing_set__404() -> None:
    desk = Desk()
    assert (await desk.post(MAILCHIMP, form())).status_code == 404
    assert (await desk.post(KLAVIYO, system(), **klaviyo_headers(system()))).status_code == 404


async def test_consents__kafka_away__503() -> None:
    reply = await Desk(mailchimp_token=b"t", reachable=False).post(f"{MAILCHIMP}?token=t", form())
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize(("path", "status"), [(f"{MAILCHIMP[:-1]}other?token=t", 422), (f"{MAILCHIMP}?token=t", 200)])
async def test_consents__another_store__422(path: str, status: int) -> None:
    assert (await Desk(mailchimp_token=b"t").post(path, form())).status_code == status


async def test_consents__wrong_type_or_too_large__refused() -> None:
    desk = Desk(mailchimp_token=b"t")
    reply = await desk.post(f"{MAILCHIMP}?token=t", form(), content_type="application/json")
    assert (reply.status_code, reply.json()["error"]["code"]) == (415, "media_type")
    assert "x-www-form-urlencoded" in reply.json()["error"]["message"]
    assert (await desk.post(f"{MAILCHIMP}?token=t", b"a" * 70_000)).status_code == 413
