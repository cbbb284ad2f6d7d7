"""`headrace outcomes` over real Kafka: one customer's, the newest last."""

import asyncio
import contextlib
import io
import json

import pytest

from headrace.cli.main import execute
from headrace.contracts.actions import OutcomeRecord, encode
from headrace.contracts.topics import OUTCOMES, partition_of
from headrace.runtime.kafka import make_producer, topic
from headrace.runtime.settings import ServiceSettings
from tests.conftest import TEST_PARTITIONS

ONE, OTHER = "s:1", "s:2"


def outcome(customer: str, step: int, result: str = "applied", reason: str = "") -> OutcomeRecord:
    return OutcomeRecord(
        customer=customer,
        kind="group",
        platform="bigcommerce",
        version=(1, 7, step),
        result=result,  # type: ignore[arg-type]  # one of them
        reason=reason,
        detail="the store has no group 'Nope'" if reason else "",
    )


@pytest.fixture
async def written(topics_created: ServiceSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two outcomes of one customer, one of another, and something that is none."""
    settings = topics_created
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", settings.kafka_bootstrap_servers)
    monkeypatch.setenv("HEADRACE_TOPIC_PREFIX", settings.topic_prefix)
    producer = make_producer(settings)
    await producer.start()
    try:
        for customer, value in (
            (ONE, encode(outcome(ONE, 0))),
            (OTHER, encode(outcome(OTHER, 0))),
            (ONE, b"{"),
            (ONE, encode(outcome(ONE, 1, "refused", "unknown_group"))),
        ):
            partition = partition_of(customer.encode(), TEST_PARTITIONS)
            await producer.send_and_wait(topic(settings, OUTCOMES), value, key=customer.encode(), partition=partition)
    finally:
        await producer.stop()


async def say(*words: str) -> str:
    output = io.StringIO()

    def run() -> int:
        with contextlib.redirect_stdout(output):
            return execute(["outcomes", *words])

    assert await asyncio.to_thread(run) == 0, output.getvalue()
    return output.getvalue()


@pytest.mark.usefixtures("written")
async def test_outcomes__one_customer__the_newest_last() -> None:
    said = json.loads(await say(ONE, "--json"))
    assert [(one["result"], one["reason"], one["version"]) for one in said["outcomes"]] == [
        ("applied", "", [1, 7, 0]),
        ("refused", "unknown_group", [1, 7, 1]),
    ]
    assert (said["customer"], said["omitted"]) == (ONE, 0)
    text = await say(ONE, "--last", "1")
    assert text.startswith("... and 1 older ones\n")
    assert text.endswith(
        "group at bigcommerce: refused (unknown_group: the store has no group 'Nope'), version 1.7.1\n"
    )
    assert await say("s:9") == "nothing was done for s:9 in the last 30 days\n"
