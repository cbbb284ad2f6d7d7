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

ONE, OTHER, MAILED = "s:1", "s:2", "s:3"
EFFECT = "0123456789abcdef0123456789abcdef"


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


def of_a_mail(result: str, reason: str = "") -> OutcomeRecord:
    return OutcomeRecord(
        customer=MAILED,
        kind="effect",
        platform="mail",
        version=(1, 9, 2),
        result=result,  # type: ignore[arg-type]  # one of them
        reason=reason,
        effect=EFFECT,
    )


@pytest.fixture
async def written(topics_created: ServiceSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two outcomes of one customer, one of another, something that is none, and two of a mail."""
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
            (MAILED, encode(of_a_mail("held", "too_many"))),
            (MAILED, encode(of_a_mail("applied"))),
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


@pytest.mark.usefixtures("written")
async def test_outcomes__effects__with_sender_and_id() -> None:
    """The id is that of `headrace effects show`."""
    said = json.loads(await say(MAILED, "--json"))
    shown = [(one["kind"], one["platform"], one["effect"], one["result"]) for one in said["outcomes"]]
    assert shown == [("effect", "mail", EFFECT, "held"), ("effect", "mail", EFFECT, "applied")]
    held, sent = (await say(MAILED)).splitlines()
    assert held.endswith(f"  effect {EFFECT} by mail: held (too_many), version 1.9.2")
    assert sent.endswith(f"  effect {EFFECT} by mail: applied, version 1.9.2")
