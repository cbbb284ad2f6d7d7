"""Kafka clients: what settings make of them, and reading a topic to its end."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import UnknownTopicOrPartitionError
from pydantic import SecretStr

from headrace.contracts.topics import ACTIONS_GROUP, EVENTS, RULES, partition_of
from headrace.runtime.kafka import confluent_config, connection, make_consumer, make_producer, read_to_end, topic
from headrace.runtime.settings import ServiceSettings


def sasl(**extra: Any) -> ServiceSettings:
    return ServiceSettings(
        kafka_bootstrap_servers="broker:9093",
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_sasl_username="headrace",
        kafka_sasl_password=SecretStr("s3cret"),
        store="s",
        **extra,
    )


def test_connection__sasl_over_tls__both_clients_get_all_of_it() -> None:
    aiokafka, librdkafka = connection(sasl()), confluent_config(sasl())

    assert aiokafka["security_protocol"] == librdkafka["security.protocol"] == "SASL_SSL"
    assert aiokafka["sasl_mechanism"] == librdkafka["sasl.mechanism"] == "SCRAM-SHA-512"
    assert aiokafka["sasl_plain_password"] == librdkafka["sasl.password"] == "s3cret"
    assert aiokafka["ssl_context"] is not None


def test_connection__plain__no_security_options() -> None:
    settings = ServiceSettings(kafka_bootstrap_servers="broker:9092", store="s")

    assert connection(settings) == {"bootstrap_servers": "broker:9092", "security_protocol": "PLAINTEXT"}
    assert confluent_config(settings) == {"bootstrap.servers": "broker:9092", "security.protocol": "PLAINTEXT"}


def test_topic__prefix__comes_first() -> None:
    assert topic(sasl(), EVENTS) == "headrace.events"
    assert topic(sasl(topic_prefix="shop."), EVENTS) == "shop.events"


async def test_make_producer__keyed__lands_where_the_contract_says(topics_created: ServiceSettings) -> None:
    keys = [f"store:{number}".encode() for number in range(20)]
    producer = make_producer(topics_created)
    await producer.start()
    sent = await asyncio.gather(*[producer.send_and_wait(topic(topics_created, EVENTS), b"x", key=key) for key in keys])
    await producer.stop()

    assert [record.partition for record in sent] == [partition_of(key, 3) for key in keys]


async def test_read_to_end__transactions__committed_ones_only(topics_created: ServiceSettings) -> None:
    name = topic(topics_created, ACTIONS_GROUP)
    producer = make_producer(topics_created, transactional_id=f"{topics_created.topic_prefix}tx")
    await producer.start()
    async with producer.transaction():
        await producer.send(name, b"kept", key=b"k", partition=1)
    await producer.begin_transaction()
    await producer.send(name, b"dropped", key=b"k", partition=1)
    await producer.abort_transaction()
    async with producer.transaction():
        await producer.send(name, b"kept too", key=b"k", partition=0)
    await producer.stop()

    assert [record.value for record in await read_to_end(topics_created, name)] == [b"kept too", b"kept"]
    everything = await read_to_end(topics_created, name, read_committed=False)
    assert [record.value for record in everything] == [b"kept too", b"kept", b"dropped"]
    assert [record.value for record in await read_to_end(topics_created, name, [1])] == [b"kept"]


async def test_read_to_end__many_records__all_in_order(topics_created: ServiceSettings) -> None:
    name = topic(topics_created, RULES)
    producer = make_producer(topics_created)
    await producer.start()
    await asyncio.gather(*[await producer.send(name, b"%d" % number) for number in range(3000)])
    await producer.stop()

    found = await read_to_end(topics_created, name)

    assert [record.offset for record in found] == list(range(3000))


async def test_read_to_end__empty_topic__nothing(topics_created: ServiceSettings) -> None:
    assert await read_to_end(topics_created, topic(topics_created, EVENTS)) == []


async def test_read_to_end__no_such_topic__error(kafka_settings: ServiceSettings) -> None:
    with pytest.raises(UnknownTopicOrPartitionError):
        await read_to_end(kafka_settings, topic(kafka_settings, EVENTS))


async def test_make_consumer__group__begins_at_the_first_record_and_commits_only_when_told(
    topics_created: ServiceSettings,
) -> None:
    name, group = topic(topics_created, RULES), f"{topics_created.topic_prefix}group"
    producer = make_producer(topics_created)
    await producer.start()
    await producer.send_and_wait(name, b"first")
    await producer.stop()

    for _ in range(2):
        consumer = make_consumer(topics_created, name, group=group)
        await consumer.start()
        record = await asyncio.wait_for(consumer.getone(), 20)
        await consumer.stop()
        assert record.value == b"first"
