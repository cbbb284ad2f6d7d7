"""Groups: a broker that nobody has asked yet answers in the end, and nobody waits for one that is away."""

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from headrace.runtime.coordinator import ask_admin, committed, count_members, wake_coordinator
from headrace.runtime.embedded_kafka import EmbeddedKafka
from headrace.runtime.kafka import make_admin, make_consumer, topic
from headrace.runtime.settings import ServiceSettings
from headrace.runtime.topics import create_topics
from tests.conftest import settings_at


async def test_wake_coordinator__new_broker__answers_at_once_afterwards(broker: EmbeddedKafka) -> None:
    settings = settings_at(broker)
    await create_topics(settings, partitions=1)

    await wake_coordinator(settings)

    admin = make_admin(settings)
    await admin.start()
    try:
        assert await count_members(admin, topic(settings, "hydrate")) == 0
        assert await committed(admin, topic(settings, "hydrate")) == {}
    finally:
        await admin.close()


async def test_wake_coordinator__no_kafka__is_no_error() -> None:
    await wake_coordinator(ServiceSettings(kafka_bootstrap_servers="127.0.0.1:1", store="s"))


async def test_ask_admin__no_kafka__raises() -> None:
    with pytest.raises(KafkaConnectionError):
        await ask_admin(
            ServiceSettings(kafka_bootstrap_servers="127.0.0.1:1", store="s"), lambda admin: count_members(admin, "any")
        )


async def test_count_members__consumer_there_and_gone__counted(topics_created: ServiceSettings) -> None:
    group = topic(topics_created, "counted")
    consumer = make_consumer(topics_created, topic(topics_created, "events"), group=group)
    await consumer.start()
    try:
        there = await ask_admin(topics_created, lambda admin: count_members(admin, group))
    finally:
        await consumer.stop()

    assert there == 1
    assert await ask_admin(topics_created, lambda admin: count_members(admin, group)) == 0


async def test_committed__offsets_of_a_group__by_partition(topics_created: ServiceSettings) -> None:
    group, place = topic(topics_created, "keeper"), TopicPartition(topic(topics_created, "events"), 1)
    consumer = make_consumer(topics_created, group=group)
    await consumer.start()
    try:
        consumer.assign([place])
        await consumer.commit({place: 7})
    finally:
        await consumer.stop()

    assert await ask_admin(topics_created, lambda admin: committed(admin, group)) == {place: 7}
