"""`headrace dead-letters list` over real Kafka."""

import asyncio
import json

import pytest

from headrace.cli.main import execute
from headrace.contracts.actions import DeadLetter, encode
from headrace.contracts.topics import DEAD_LETTERS
from headrace.runtime.kafka import make_producer, topic
from headrace.runtime.settings import ServiceSettings


@pytest.fixture
def environment(topics_created: ServiceSettings, monkeypatch: pytest.MonkeyPatch) -> ServiceSettings:
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", topics_created.kafka_bootstrap_servers)
    monkeypatch.setenv("HEADRACE_TOPIC_PREFIX", topics_created.topic_prefix)
    return topics_created


async def _produce(settings: ServiceSettings, *values: bytes) -> None:
    producer = make_producer(settings)
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic(settings, DEAD_LETTERS), value, key=b"s:1", partition=0)
    finally:
        await producer.stop()


async def test_list__letters__with_their_causes_and_without_content(
    environment: ServiceSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    letter = DeadLetter(
        reason="undecodable",
        detail="Object missing required field",
        service="group",
        topic="headrace.actions.group",
        partition=2,
        offset=7,
        key=b"s:1",
        value=b'{"email":"secret@example.com"}',
    )
    await _produce(environment, encode(letter), b"garbage")
    assert await asyncio.to_thread(execute, ["dead-letters", "list", "--json"]) == 0
    output = capsys.readouterr().out
    first, second = json.loads(output)["dead_letters"]
    assert first | {"at": ""} == {
        "id": "0:0",
        "at": "",
        "reason": "undecodable",
        "detail": "Object missing required field",
        "service": "group",
        "topic": "headrace.actions.group",
        "partition": 2,
        "offset": 7,
        "key": "s:1",
    }
    assert second["reason"] == "unreadable"
    assert "secret" not in output


def test_list__none__says_so(environment: ServiceSettings, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["dead-letters", "list"]) == 0
    assert capsys.readouterr().out == "no dead letters\n"


def test_list__topic_missing__names_the_cure(
    kafka: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", kafka)
    monkeypatch.setenv("HEADRACE_TOPIC_PREFIX", "nowhere.")
    assert execute(["dead-letters", "list", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "topics_missing"
