"""Which generation is live, told from real changelogs: the newest that was promoted, however far back that stands."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from headrace.contracts.topics import changelog
from headrace.runtime import generations
from headrace.runtime.generations import generations_of, live_generation
from headrace.runtime.kafka import confluent_config, topic
from headrace.runtime.settings import ServiceSettings
from services.evaluator.engine.state import encode_record
from services.evaluator.marker import Marker, encode_marker
from tests.threads import repeating

PARTITIONS = 2


def test_generations_of__other_topics__are_none(kafka_settings_offline: ServiceSettings) -> None:
    names = ["t.evaluator-2-state-changelog", "t.evaluator-10-state-changelog", "t.evaluator-x-state-changelog"]
    names += ["other.evaluator-3-state-changelog", "t.evaluator-4-state-changelog.old", "t.events"]

    assert generations_of(kafka_settings_offline, names) == (2, 10)


@pytest.fixture
def kafka_settings_offline() -> ServiceSettings:
    return ServiceSettings(kafka_bootstrap_servers="127.0.0.1:1", store="s", topic_prefix="t.")


def test_live_generation__named_in_the_settings__is_not_looked_for(kafka_settings_offline: ServiceSettings) -> None:
    assert live_generation(kafka_settings_offline.model_copy(update={"generation": 7})) == 7


@pytest.mark.kafka
def test_live_generation__the_newest_that_was_promoted__wins(
    kafka_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generations, "_TAIL", 5)
    assert live_generation(kafka_settings) == 1, "there is nothing yet"
    make(kafka_settings, 1)
    write(kafka_settings, 1, promoted=0, behind=0)
    assert live_generation(kafka_settings) == 1
    make(kafka_settings, 2)
    write(kafka_settings, 2, promoted=0, behind=0)
    assert live_generation(kafka_settings) == 1, "a replay has made one, which is not live"
    write(kafka_settings, 1, promoted=2, behind=40)
    assert live_generation(kafka_settings) == 2, "the old one has ended, though the new one has not got there"
    write(kafka_settings, 2, promoted=2, behind=40)
    make(kafka_settings, 3)
    assert live_generation(kafka_settings) == 2


@pytest.mark.kafka
def test_live_generation__changelog_written_all_the_time__is_found_nevertheless(
    kafka_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that starts beside busy ones."""
    monkeypatch.setattr(generations, "_CALL_S", 10.0)
    for number in (1, 2):
        make(kafka_settings, number)
        write(kafka_settings, number, promoted=2, behind=0)
    with writing(kafka_settings, 2):
        assert [live_generation(kafka_settings) for _ in range(5)] == [2] * 5


@contextmanager
def writing(settings: ServiceSettings, number: int) -> Iterator[None]:
    """A customer's record each millisecond or two, in one partition."""
    producer = Producer({**confluent_config(settings), "linger.ms": 0})

    def append() -> None:
        producer.produce(topic(settings, changelog(number)), encode_record(9, b"x"), b"s:1", 1)
        producer.poll(0)

    try:
        with repeating(append, every_s=0.001):
            yield
    finally:
        assert producer.flush(30) == 0


def make(settings: ServiceSettings, number: int) -> None:
    name = topic(settings, changelog(number))
    admin = AdminClient(confluent_config(settings))
    admin.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result(30)


def write(settings: ServiceSettings, number: int, *, promoted: int, behind: int) -> None:
    """The own record of one partition, and so many customers behind it."""
    producer = Producer(confluent_config(settings))
    name = topic(settings, changelog(number))
    producer.produce(name, encode_record(9, encode_marker(Marker(promoted=promoted))), b"~", 1)
    for customer in range(behind):
        producer.produce(name, encode_record(9, b"x"), f"s:{customer}".encode(), 1)
    assert producer.flush(30) == 0
