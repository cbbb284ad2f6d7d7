"""A transaction that the broker forgot to end blocks every reader; the next producer of its id ends it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from confluent_kafka import Producer

from headrace.runtime.dependency import DependencyError
from headrace.runtime.embedded_kafka import EmbeddedKafka
from headrace.runtime.kafka import confluent_config, read_to_end, topic
from headrace.runtime.settings import ServiceSettings
from services.evaluator.engine.seal import open_places
from services.evaluator.engine.transaction import Transactions
from tests.conftest import skip_or_fail
from tests.services.evaluator.engine.counting import OUTPUTS, SOURCE
from tests.services.evaluator.engine.harness import CHANGELOG, GROUP, create_topics

TRANSACTIONAL_ID = "evaluator-1-0"


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[ServiceSettings]:
    """A broker that takes transactional records of which the coordinator was not told, as brokers before 3.6 did."""
    broker = EmbeddedKafka(tmp_path / "kafka", properties={"transaction.partition.verification.enable": "false"})
    try:
        info = broker.start()
    except DependencyError as error:
        skip_or_fail(f"no Kafka: {error}", "REQUIRE_REAL_KAFKA")
    settings = ServiceSettings(kafka_bootstrap_servers=info.bootstrap_servers, store="teststore", topic_prefix="t.")
    create_topics(settings)
    yield settings
    broker.stop()


async def hang(settings: ServiceSettings, name: str, partition: int) -> None:
    """Leaves a record in a transaction that nobody will ever end."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers, transactional_id=TRANSACTIONAL_ID, linger_ms=0
    )
    await producer.start()
    await producer.begin_transaction()
    producer._txn_manager._txn_partitions.add(TopicPartition(name, partition))  # "told already"
    await producer.send_and_wait(name, b"hung", b"c1", partition)
    producer._txn_manager._txn_partitions.clear()
    await producer.abort_transaction()
    await producer.stop()


def transactions(settings: ServiceSettings) -> Transactions:
    return Transactions(
        confluent_config(settings),
        transactional_id=TRANSACTIONAL_ID,
        group=topic(settings, GROUP),
        source=topic(settings, SOURCE),
        changelog=topic(settings, CHANGELOG),
        outputs=(topic(settings, OUTPUTS),),
    )


@pytest.mark.kafka
async def test_start__transaction_forgotten_by_the_broker__rolled_back(settings: ServiceSettings) -> None:
    changelog = topic(settings, CHANGELOG)
    topics = (changelog, topic(settings, OUTPUTS))
    await hang(settings, changelog, 1)
    assert open_places(confluent_config(settings), topics) == [(changelog, 1)]

    writer = transactions(settings)
    await writer.start()
    writer.stop()

    assert open_places(confluent_config(settings), topics) == []
    assert await read_to_end(settings, changelog, [1]) == []


@pytest.mark.kafka
async def test_init_transactions__transaction_forgotten_by_the_broker__stays_open(settings: ServiceSettings) -> None:
    """What the seal is for: to take the transactional id over is not enough."""
    changelog = topic(settings, CHANGELOG)
    await hang(settings, changelog, 1)

    Producer({**confluent_config(settings), "transactional.id": TRANSACTIONAL_ID}).init_transactions(10)

    assert open_places(confluent_config(settings), (changelog,)) == [(changelog, 1)]
