"""SIGTERM to a worker under load: gone at once and from the group too, with what was in hand committed."""

import asyncio
import json
import signal
import time
from collections.abc import Callable
from typing import Any

from aiokafka import ConsumerRecord
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from headrace.runtime.kafka import confluent_config, read_to_end, topic
from headrace.runtime.settings import ServiceSettings
from services.evaluator.engine.state import mark_of
from tests.services.evaluator.engine.counting import OUTPUTS, SOURCE
from tests.services.evaluator.engine.harness import (
    CHANGELOG,
    GROUP,
    PARTITIONS,
    Workers,
    committed,
    judge,
    lag,
    load,
    wait_for,
)
from tests.services.evaluator.engine.positions import trickling

GONE_WITHIN_S = 5.0
IN_HAND_AFTER_S = 2.0
"""A record that is so old has been fetched and folded, also on a busy machine."""

Records = list[ConsumerRecord[bytes | None, bytes | None]]


def members(settings: ServiceSettings) -> int:
    group = topic(settings, GROUP)
    admin = AdminClient(confluent_config(settings))  # kept: its answers end with it
    described: Any = admin.describe_consumer_groups([group])[group].result(10)  # its stub names the outer mapping
    return len(described.members)


def positions(settings: ServiceSettings) -> dict[int, int]:
    consumer = Consumer({**confluent_config(settings), "group.id": topic(settings, GROUP)})
    try:
        asked = [TopicPartition(topic(settings, SOURCE), number) for number in range(PARTITIONS)]
        return {place.partition: max(0, place.offset) for place in consumer.committed(asked, timeout=10)}
    finally:
        consumer.close()


def read(settings: ServiceSettings, name: str) -> Records:
    return asyncio.run(read_to_end(settings, topic(settings, name), range(PARTITIONS)))


def redone(records: Records, since: Records, stopped: dict[int, int], offset_of: Callable[[bytes], int]) -> list[int]:
    """Source offsets below the position at the stop, in records that were written after it."""
    ends = {record.partition: record.offset for record in since}
    later = [record for record in records if record.offset > ends.get(record.partition, -1)]
    assert later
    offsets = [(record.partition, offset_of(record.value or b"")) for record in later]
    return [offset for partition, offset in offsets if offset < stopped[partition]]


def output_offset(value: bytes) -> int:
    return int(json.loads(value)["id"].rpartition("-")[2])


def test_sigterm__an_epoch_that_would_close_in_a_minute__committed_and_not_redone(
    settings: ServiceSettings, workers: Workers
) -> None:
    """Nothing but the end closes the second epoch: what is committed then was pending when SIGTERM came."""
    worker = workers.start(epoch_s=60.0)
    with trickling(settings, per_s=1_500):
        wait_for("the first epoch", lambda: committed(settings) > 0)
        first = positions(settings)
        wait_for("seconds of records are pending", lambda: lag(settings) > 6_000)
        asked = time.time()
        worker.popen.send_signal(signal.SIGTERM)
        assert worker.popen.wait(10) == 0
        assert time.time() - asked < GONE_WITHIN_S
        assert members(settings) == 0, "it did not leave the group"
        stopped = positions(settings)
        before = {name: read(settings, name) for name in (CHANGELOG, OUTPUTS)}
        workers.start("1")
        wait_for("the successor goes on", lambda: committed(settings) > sum(stopped.values()) + 6_000)
    wait_for("all committed", lambda: lag(settings) == 0)

    in_hand = [record for record in read(settings, SOURCE) if record.timestamp < (asked - IN_HAND_AFTER_S) * 1000]
    assert len(in_hand) > sum(first.values()), "nothing was pending"
    assert not [record for record in in_hand if record.offset >= stopped[record.partition]]
    assert redone(read(settings, CHANGELOG), before[CHANGELOG], stopped, mark_of) == []
    assert redone(read(settings, OUTPUTS), before[OUTPUTS], stopped, output_offset) == []
    verdict = asyncio.run(judge(settings))
    assert verdict.exact, verdict


def test_sigterm__in_the_middle_of_a_backlog__gone_within_five_seconds(
    settings: ServiceSettings, workers: Workers
) -> None:
    """At full speed, with chunks waiting in every queue; the rest is the successor's."""
    for seed in (1, 2):
        load(settings, 90_000, seed=seed)
    worker = workers.start()
    wait_for("progress", lambda: committed(settings) > 0)
    asked = time.monotonic()
    worker.popen.send_signal(signal.SIGTERM)
    assert worker.popen.wait(10) == 0
    assert time.monotonic() - asked < GONE_WITHIN_S
    assert worker.events("process.stopped")[-1]["reason"] == "asked"
    assert not worker.events("epoch.aborted")
    assert members(settings) == 0, "it did not leave the group"
    assert lag(settings) > 0, "the backlog was too small to stop within"
    workers.start("1")
    wait_for("all committed", lambda: lag(settings) == 0)
    verdict = asyncio.run(judge(settings))
    assert verdict.exact, verdict
