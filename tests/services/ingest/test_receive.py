"""Receive over a real Kafka: success only for what is kept, and a plain refusal for all that is not ours."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import pytest

from headrace.contracts import topics
from headrace.contracts.actions import Notice
from headrace.contracts.events import decode_event
from headrace.contracts.topics import partition_of
from headrace.runtime.health import STARTING, Health
from headrace.runtime.kafka import make_producer, read_to_end, topic
from headrace.runtime.process import Running
from headrace.runtime.settings import ServiceSettings
from services.ingest.kafka_writer import KafkaWriter
from services.ingest.lasting import background
from services.ingest.receive import Doorkeeper, make_app
from services.ingest.webhook import SharedHeader, sign
from tests.services.ingest.shop import free_port

SECRET = b"client-secret"
PATH = "/webhooks/bigcommerce/teststore"
BODY = b'{"producer":"stores/teststore","hash":"h","created_at":1,"store_id":"1","scope":"store/order/updated","data":{"type":"order","id":250}}'  # noqa: E501


def _headers(body: bytes, **changes: str) -> dict[str, str]:
    stamp = int(changes.pop("stamp", str(int(time.time()))))
    given = {
        "content-type": "application/json",
        "x-secret": "s",
        "webhook-id": "h",
        "webhook-timestamp": str(stamp),
        "webhook-signature": sign("h", stamp, body, SECRET),
    }
    return {**given, **{name.replace("_", "-"): value for name, value in changes.items()}}


def _door(settings: ServiceSettings, writer: KafkaWriter) -> Doorkeeper:
    return Doorkeeper(
        store="teststore",
        client_secret=SECRET,
        signature="enforce",
        tolerance_s=300,
        shared_header=SharedHeader("x-secret", "s"),
        api_key=b"key",
        notices_topic=topic(settings, topics.NOTICES),
        events_topic=topic(settings, topics.EVENTS),
        write=writer.write,
    )


def _client(transport: httpx.ASGITransport) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=transport, base_url="http://receive")


@asynccontextmanager
async def _serving(settings: ServiceSettings, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    health = Health()
    health.clear(STARTING)
    writer = KafkaWriter(lambda: make_producer(settings), health, deadline_s=3.0)
    transport = httpx.ASGITransport(make_app(replace(_door(settings, writer), **changes)))
    async with (
        background(writer.run(), Running()),
        httpx.AsyncClient(transport=transport, base_url="http://receive") as client,
    ):
        await writer.started.wait()
        yield client


async def _notices(settings: ServiceSettings) -> list[Any]:
    return await read_to_end(settings, topic(settings, topics.NOTICES))


async def test_webhook__genuine__kept_before_the_answer(topics_created: ServiceSettings) -> None:
    async with _serving(topics_created) as client:
        reply = await client.post(PATH, content=BODY, headers=_headers(BODY))
        (record,) = await _notices(topics_created)
    assert (reply.status_code, reply.content) == (204, b"")
    assert record.key == b"teststore:order:250"
    assert record.partition == partition_of(record.key, 3)
    assert msgspec.json.decode(record.value, type=Notice).body == BODY.decode()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"webhook_signature": "v1,AAAA"}, "signature"),
        ({"webhook_signature": ""}, "unsigned"),
        ({"stamp": "1000"}, "stale"),
        ({"x_secret": "other"}, "header"),
    ],
)
async def test_webhook__forged_stale_unsigned__401_and_nothing_logged_of_it(
    topics_created: ServiceSettings, changes: dict[str, str], reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    async with _serving(topics_created) as client:
        reply = await client.post(PATH, content=BODY, headers=_headers(BODY, **changes))
        assert await _notices(topics_created) == []
    assert reply.status_code == 401
    assert reply.json()["error"]["code"] == reason
    written = capfd.readouterr()
    assert "store/order/updated" not in written.out + written.err


async def test_webhook__bad_bodies__4xx(topics_created: ServiceSettings) -> None:
    async def large() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b" " * 1024

    async with _serving(topics_created) as client:
        plain = await client.post(PATH, content=BODY, headers=_headers(BODY, content_type="text/plain"))
        too_large = await client.post(PATH, content=b" " * 65537, headers=_headers(b""))
        streamed = await client.post(PATH, content=large(), headers=_headers(b""))
        not_json = await client.post(PATH, content=b"{", headers=_headers(b"{"))
        no_scope = await client.post(PATH, content=b"{}", headers=_headers(b"{}"))
        other = await client.post("/webhooks/bigcommerce/other", content=BODY, headers=_headers(BODY))
        assert await _notices(topics_created) == []
    statuses = [reply.status_code for reply in (plain, too_large, streamed, not_json, no_scope, other)]
    assert statuses == [415, 413, 413, 422, 422, 422]


async def test_webhook__scope_nothing_depends_on__204_and_no_notice(topics_created: ServiceSettings) -> None:
    body = b'{"scope":"store/cart/created","data":{"type":"cart","id":"x"}}'
    async with _serving(topics_created) as client:
        assert (await client.post(PATH, content=body, headers=_headers(body))).status_code == 204
        assert await _notices(topics_created) == []


async def test_webhook__signature_off_or_logged__the_header_alone_decides(topics_created: ServiceSettings) -> None:
    for mode in ("off", "log"):
        async with _serving(topics_created, signature=mode) as client:
            unsigned = _headers(BODY, webhook_signature="")
            assert (await client.post(PATH, content=BODY, headers=unsigned)).status_code == 204
            assert (await client.post(PATH, content=BODY, headers=unsigned | {"x-secret": ""})).status_code == 401


async def test_webhook__kafka_away__503_and_when_to_come_again() -> None:
    away = ServiceSettings(kafka_bootstrap_servers=f"127.0.0.1:{free_port()}", store="teststore")
    writer = KafkaWriter(lambda: make_producer(away), Health(), deadline_s=0.2)
    transport = httpx.ASGITransport(make_app(_door(away, writer)))
    async with (
        background(writer.run(), Running()),
        httpx.AsyncClient(transport=transport, base_url="http://receive") as client,
    ):
        reply = await client.post(PATH, content=BODY, headers=_headers(BODY))
    assert reply.status_code == 503
    assert int(reply.headers["retry-after"]) > 0


async def test_own_event__posted_twice__one_record_and_named_a_duplicate(topics_created: ServiceSettings) -> None:
    headers = {"authorization": "Bearer key", "idempotency-key": "visit-1"}
    body = {"type": "custom.visit", "customer": "42", "payload": {"page": "/a"}}
    async with _serving(topics_created) as client:
        first = await client.post("/v1/events", json=body, headers=headers)
        second = await client.post("/v1/events", json=body, headers=headers)
    records = await read_to_end(topics_created, topic(topics_created, topics.EVENTS))
    assert (first.status_code, first.json()) == (202, {"id": "visit-1", "duplicate": False})
    assert (second.status_code, second.json()) == (202, {"id": "visit-1", "duplicate": True})
    assert [decode_event(record.value or b"").envelope.id for record in records] == ["visit-1"]
    assert records[0].partition == partition_of(b"teststore:42", 3)


async def test_own_event__without_key_or_unfit__refused(topics_created: ServiceSettings) -> None:
    body = {"type": "custom.visit", "customer": "42"}
    ahead = {**body, "time": "2999-01-01T00:00:00Z"}
    async with _serving(topics_created) as client:
        nobody = await client.post("/v1/events", json=body)
        wrong = await client.post("/v1/events", json=body, headers={"x-api-key": "other"})
        early = await client.post("/v1/events", json=ahead, headers={"x-api-key": "key"})
        text = await client.post("/v1/events", content=json.dumps(body), headers={"x-api-key": "key"})
    assert [reply.status_code for reply in (nobody, wrong, early, text)] == [401, 401, 422, 415]
    assert early.json()["error"]["id"] == "time"
    assert early.json()["error"]["message"] == "time is more than 5 minutes ahead"
    assert text.json()["error"]["message"] == "the Content-Type must be application/json"
    assert await read_to_end(topics_created, topic(topics_created, topics.EVENTS)) == []
