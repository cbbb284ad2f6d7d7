"""A transaction that the broker forgot to end blocks every reader; the next producer of its id ends it."""

import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from confluent_kafka import KafkaError

from headrace.runtime.kafka import confluent_config, read_to_end, topic
from headrace.runtime.settings import ServiceSettings
from services.evaluator.engine.cures import Cure
from services.evaluator.engine.seal import Place, open_places
from services.evaluator.engine.transaction import Transactions
from tests.conftest import own_kafka, settings_at
from tests.services.evaluator.engine.counting import OUTPUTS, SOURCE
from tests.services.evaluator.engine.harness import CHANGELOG, GROUP, create_topics
from tests.services.evaluator.engine.world import WELL

TRANSACTIONAL_ID = "evaluator-1-0"


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[ServiceSettings]:
    """A broker that takes transactional records of which the coordinator was not told, as brokers before 3.6 did."""
    properties = {"transaction.partition.verification.enable": "false"}
    with own_kafka(tmp_path / "kafka", properties=properties) as broker:
        settings = settings_at(broker, topic_prefix="t.")
        create_topics(settings)
        yield settings


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


def ended(settings: ServiceSettings, but_for: list[Place], within_s: float = 5.0) -> bool:
    """Whether nothing else is open; the broker writes the markers soon after it was told."""
    topics = (topic(settings, CHANGELOG), topic(settings, OUTPUTS))
    deadline = time.monotonic() + within_s
    while open_places(confluent_config(settings), topics) != but_for:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


async def forgotten_by_a_broker_that_came_back(settings: ServiceSettings) -> str:
    """What another producer of the id left open; to take the id over is not enough."""
    changelog = topic(settings, CHANGELOG)
    topics = (changelog, topic(settings, OUTPUTS))
    await hang(settings, changelog, 1)
    assert open_places(confluent_config(settings), topics) == [(changelog, 1)]
    writer = transactions(settings)
    await writer.start()
    writer.stop()
    if not ended(settings, []):
        return "no restore ends"
    assert await read_to_end(settings, changelog, [1]) == []
    return WELL


SCENARIOS: dict[Cure, tuple[Callable[[ServiceSettings], Awaitable[str]], str]] = {
    "seal": (forgotten_by_a_broker_that_came_back, "no restore ends"),
}


@pytest.mark.kafka
@pytest.mark.parametrize("cure", SCENARIOS)
async def test_cure__in_place__all_is_well(cure: Cure, settings: ServiceSettings) -> None:
    scenario, _ = SCENARIOS[cure]
    assert await scenario(settings) == WELL


@pytest.mark.kafka
@pytest.mark.parametrize("cure", SCENARIOS)
async def test_cure__taken_out__ends_in_its_fault(
    cure: Cure, settings: ServiceSettings, without: Callable[[str], None]
) -> None:
    scenario, fault = SCENARIOS[cure]
    without(cure)
    assert await scenario(settings) == fault


@pytest.mark.kafka
async def test_start__a_broker_was_away_under_a_living_producer__sealed_but_for_what_is_kept(
    settings: ServiceSettings,
) -> None:
    """What the next owner could not read is ended; what stays counts as committed, and its next epoch ends it."""
    changelog = topic(settings, CHANGELOG)
    for partition in (1, 2):
        await hang(settings, changelog, partition)
    writer = transactions(settings)
    await writer.start(kept=[1, 2])
    await writer.start()
    assert open_places(confluent_config(settings), (changelog,)) == [(changelog, 1), (changelog, 2)]

    writer._producer._broker_error(KafkaError(KafkaError._TRANSPORT))
    await writer.start(kept=[2])
    writer.stop()

    assert ended(settings, [(changelog, 2)])
