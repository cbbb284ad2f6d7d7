"""The harness's topics on a real broker."""

import uuid

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource

from benchmarks.engine.systems import count_in_json
from benchmarks.engine.topics import append, committed, create, fill, members, read_kept
from benchmarks.engine.workload import Record as Event
from benchmarks.engine.workload import State, encode_state, records

pytestmark = pytest.mark.kafka


@pytest.fixture
def name() -> str:
    return f"bench-{uuid.uuid4().hex[:8]}"


def test_create__events_of_years_ago__are_not_deleted_by_age(kafka: str, name: str) -> None:
    """With Kafka's seven days the broker emptied the topic under slow systems, which then waited for ever."""
    create(kafka, name)
    resource = ConfigResource(ConfigResource.Type.TOPIC, name)
    admin = AdminClient({"bootstrap.servers": kafka})
    config = admin.describe_configs([resource])[resource].result()
    assert (config["retention.ms"].value, config["retention.bytes"].value) == ("-1", "-1")


def test_read_kept__a_customer_twice__the_last_count_counts(kafka: str, name: str) -> None:
    create(kafka, name, **{"cleanup.policy": "compact"})
    values = [(b"c1", 3), (b"c2", 1), (b"c1", 5)]
    append(kafka, name, [Event(0, key, encode_state(State(n=count)), 0) for key, count in values])
    kept = read_kept(kafka, name, count_in_json)
    assert (kept.events, kept.customers, kept.records) == (6, 2, 3)


def test_fill__events__all_are_there_and_nobody_has_read_them(kafka: str, name: str) -> None:
    fill(kafka, name, records(50, 5))
    assert read_kept(kafka, name, lambda _key, _value: 1).records == 50
    assert committed(kafka, f"{name}-group", name) == 0
    assert members(kafka, f"{name}-group") == 0
