"""Creating the topics of the table, and telling in words where a cluster differs from it.

The table itself is a contract (`headrace.contracts.topics`).
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from headrace.contracts.topics import DEAD_LETTERS, DEFAULT_PARTITIONS, Cleanup, Topic, table
from headrace.runtime.broker_version import check_broker, kafka_unavailable
from headrace.runtime.dependency import DependencyError
from headrace.runtime.generations import live_generation
from headrace.runtime.kafka import confluent_config, topic
from headrace.runtime.logs import log
from headrace.runtime.settings import KafkaSettings

MAX_RECORD_BYTES: Final = 4 * 1024 * 1024
MAX_DEAD_LETTER_BYTES: Final = 6 * 1024 * 1024
"""A dead letter holds the whole record in base64, a third longer."""
_COMPACTED: Final = {
    # Compaction only touches closed segments: close them by size and age, and compact before most is waste.
    "segment.bytes": str(64 * 1024 * 1024),
    "segment.ms": str(6 * 3600 * 1000),
    "min.cleanable.dirty.ratio": "0.3",
}
_TIMEOUT_S: Final = 30.0
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class TopicReport:
    """One topic as it is; `problems` in words, empty when it is as the table says."""

    name: str
    partitions: int
    cleanup: Cleanup
    ok: bool
    problems: tuple[str, ...] = ()


async def create_topics(settings: KafkaSettings, partitions: int = DEFAULT_PARTITIONS) -> list[TopicReport]:
    """Creates what is missing, changes nothing that exists, and reports on all.

    Raises `DependencyError`: "kafka_unavailable", "kafka_too_old", "topic_refused".
    """
    await check_broker(settings)
    return await asyncio.to_thread(_create, settings, partitions)


async def check_topics(settings: KafkaSettings, partitions: int = DEFAULT_PARTITIONS) -> list[TopicReport]:
    """Reports on every topic of the table. Raises like `create_topics`."""
    await check_broker(settings)
    return await asyncio.to_thread(_check, settings, partitions)


def topic_config(row: Topic) -> dict[str, str]:
    """The configuration of a topic of the table, in Kafka's names."""
    size = MAX_DEAD_LETTER_BYTES if row.name == DEAD_LETTERS else MAX_RECORD_BYTES
    config = {"cleanup.policy": row.cleanup, "max.message.bytes": str(size)}
    if row.cleanup == "compact":
        return {**config, **_COMPACTED}
    return {**config, "retention.ms": str(row.retention_ms), "retention.bytes": "-1"}


def problems_of(row: Topic, partitions: int, found: int, config: Mapping[str, str]) -> tuple[str, ...]:
    """Where a topic with `found` partitions and `config` differs from its row."""
    wanted = 1 if row.one_partition else partitions
    problems = []
    if found != wanted:
        problems.append(f"has {found} partitions, not {wanted}: the count is fixed at birth")
    if config.get("cleanup.policy") != row.cleanup:
        problems.append(f"cleanup.policy is {config.get('cleanup.policy')}, not {row.cleanup}")
    elif row.cleanup == "delete":
        problems.extend(_too_short("retention.ms", row.retention_ms, config))
        problems.extend(_too_short("retention.bytes", -1, config))
    size = int(topic_config(row)["max.message.bytes"])
    if int(config.get("max.message.bytes", size)) < size:
        problems.append(f"max.message.bytes is {config['max.message.bytes']}, below {size}")
    return tuple(problems)


def _too_short(name: str, wanted: int, config: Mapping[str, str]) -> list[str]:
    """More is fine; -1 is unlimited."""
    actual = int(config.get(name, wanted))
    if actual == -1 or (wanted != -1 and actual >= wanted):
        return []
    return [f"{name} is {actual}, {'not -1 (unlimited)' if wanted == -1 else f'below {wanted}'}"]


def _create(settings: KafkaSettings, partitions: int) -> list[TopicReport]:
    admin = _admin(settings)
    existing = _existing(admin, settings)
    rows = {topic(settings, row.name): row for row in _table(settings)}
    new = [
        # -1: the cluster's default.replication.factor
        NewTopic(name, 1 if row.one_partition else partitions, -1, config=topic_config(row))
        for name, row in rows.items()
        if name not in existing
    ]
    if new:
        for name, future in admin.create_topics(new, operation_timeout=_TIMEOUT_S, request_timeout=_TIMEOUT_S).items():
            _await_creation(name, future)
        _await_visibility(admin, settings, {each.topic for each in new})
    return _check(settings, partitions)


def _await_creation(name: str, future: Any) -> None:
    try:
        future.result(_TIMEOUT_S)
    except KafkaException as error:
        cause: Any = error.args[0]
        if cause.code() != KafkaError.TOPIC_ALREADY_EXISTS:  # another one was quicker: fine
            raise DependencyError("topic_refused", f"Kafka did not create {name}: {cause.str()}") from error
    else:
        log.info("topic.created", topic=name)


def _await_visibility(admin: AdminClient, settings: KafkaSettings, names: set[str]) -> None:
    """A broker answers for a topic a moment after the controller has made it."""
    end = time.monotonic() + _TIMEOUT_S
    while not names <= _existing(admin, settings).keys() and time.monotonic() < end:
        time.sleep(_POLL_S)


def _check(settings: KafkaSettings, partitions: int) -> list[TopicReport]:
    admin = _admin(settings)
    existing = _existing(admin, settings)
    rows = {topic(settings, row.name): row for row in _table(settings)}
    configs = _configs(admin, [name for name in rows if name in existing])
    reports = []
    for name, row in rows.items():
        found = existing.get(name)
        problems = ("missing",) if found is None else problems_of(row, partitions, found, configs[name])
        reports.append(TopicReport(name, found or 0, row.cleanup, not problems, problems))
    return reports


def _table(settings: KafkaSettings) -> tuple[Topic, ...]:
    try:
        return table(live_generation(settings))
    except KafkaException as error:
        cause: Any = error.args[0]
        raise kafka_unavailable(settings.kafka_bootstrap_servers, cause.name()) from error


def _existing(admin: AdminClient, settings: KafkaSettings) -> dict[str, int]:
    """Every topic's partition count."""
    try:
        topics = admin.list_topics(timeout=_TIMEOUT_S).topics
    except KafkaException as error:
        cause: Any = error.args[0]
        raise kafka_unavailable(settings.kafka_bootstrap_servers, cause.name()) from error
    return {name: len(metadata.partitions) for name, metadata in topics.items() if metadata.error is None}


def _configs(admin: AdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    futures = admin.describe_configs(resources, request_timeout=_TIMEOUT_S)
    return {
        resource.name: {name: str(entry.value) for name, entry in future.result(_TIMEOUT_S).items()}
        for resource, future in futures.items()
    }


def _admin(settings: KafkaSettings) -> AdminClient:
    return AdminClient({**confluent_config(settings), "log_level": 0})
