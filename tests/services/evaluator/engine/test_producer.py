"""How a transactional id is taken over while Kafka answers badly; what becomes of records is in test_worker."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from headrace.runtime.process import FatalError
from services.evaluator.engine import producer
from services.evaluator.engine.producer import Topics, TransactionalProducer

LEADERLESS = KafkaError(KafkaError.NOT_LEADER_FOR_PARTITION, "Broker: Not leader for partition")
REFUSED = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "Broker: Topic authorization failed")


class Librdkafka:
    """A producer whose id is taken over at once."""

    def __init__(self, config: object) -> None: ...
    def init_transactions(self, timeout: float) -> None: ...
    def purge(self) -> None: ...


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[KafkaError]:
    """What Kafka says to those who ask which transactions are open, in turn; then that none is."""
    answers: list[KafkaError] = []

    def open_places(*_: object) -> list[tuple[str, int]]:
        if answers:
            raise KafkaException(answers.pop(0))
        return []

    monkeypatch.setattr(producer, "Producer", Librdkafka)
    monkeypatch.setattr(producer, "open_places", open_places)
    monkeypatch.setattr(producer, "_SEAL_AGAIN_S", 0.0)
    return answers


def new() -> TransactionalProducer:
    return TransactionalProducer({"error_cb": print}, Topics("group", "source", "changelog"))


def test_start__a_partition_without_a_leader_for_a_moment__asked_again(answers: list[KafkaError]) -> None:
    answers += [LEADERLESS] * 2
    new().start()
    assert not answers


def test_start__a_partition_without_a_leader_for_long__goes_on_without(answers: list[KafkaError]) -> None:
    """It is one partition's trouble; a restore over it waits by itself."""
    answers += [LEADERLESS] * 100
    new().start()
    assert 90 < len(answers) < 100


def test_start__not_authorized__ends_with_the_reason(answers: list[KafkaError]) -> None:
    answers += [REFUSED]
    with pytest.raises(FatalError) as ended:
        new().start()
    assert ended.value.reason == "not_authorized"
