"""What Kafka will never take or never allow ends the worker: exit 3, one last line with the reason, nothing committed.

On a broker of its own that asks who may do what; an outage, which passes, is in test_outage.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
)

from headrace.runtime.embedded_kafka import EmbeddedKafka
from headrace.runtime.kafka import confluent_config, topic
from headrace.runtime.settings import ServiceSettings
from tests.conftest import own_kafka, settings_at
from tests.services.evaluator.engine.counting import HUGE, OUTPUTS, SOURCE
from tests.services.evaluator.engine.harness import (
    CHANGELOG,
    GROUP,
    Process,
    Workers,
    create_topics,
    lag,
    load,
    wait_for,
)

EVENTS = 300
_TRANSACTIONAL_ID: ResourceType = ResourceType["TRANSACTIONAL_ID"]  # the types do not know it by attribute
Break = Callable[[AdminClient, ServiceSettings], None]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A Kafka that knows access rules, and lets everybody do what no rule is about."""
    properties = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "true",
    }
    with own_kafka(tmp_path_factory.mktemp("kafka"), properties=properties) as broker:
        yield broker


@pytest.fixture
def settings(broker: EmbeddedKafka, request: pytest.FixtureRequest) -> ServiceSettings:
    """Topics of the test's own with some events."""
    prefix = f"t{abs(hash(request.node.name))}."
    settings = settings_at(broker, topic_prefix=prefix)
    create_topics(settings)
    load(settings, EVENTS)
    return settings


def deny(kind: ResourceType, name: str, operation: AclOperation) -> Break:
    def act(admin: AdminClient, settings: ServiceSettings) -> None:
        rules = [(AclOperation.ALL, AclPermissionType.ALLOW), (operation, AclPermissionType.DENY)]
        bindings = [
            AclBinding(kind, topic(settings, name), ResourcePatternType.LITERAL, "User:ANONYMOUS", "*", what, may)
            for what, may in rules
        ]
        _done(admin.create_acls(bindings))

    return act


def shrink(admin: AdminClient, settings: ServiceSettings) -> None:
    """The topic of the outputs takes almost nothing any more."""
    entry = ConfigEntry("max.message.bytes", "70", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic(settings, OUTPUTS), incremental_configs=[entry])
    _done(admin.incremental_alter_configs([resource]))


def delete(name: str) -> Break:
    return lambda admin, settings: _done(admin.delete_topics([topic(settings, name)]))


def _done(results: dict[Any, Any]) -> None:
    for result in results.values():
        result.result(20)


def last_words(worker: Process, within_s: float) -> tuple[str, str]:
    """Reason and detail of a worker that ends by itself, with 3."""
    assert worker.popen.wait(within_s) == 3, worker.log()[-3:]
    (line,) = worker.events("process.stopped")
    return line["reason"], line["detail"]


BREAKS: dict[str, tuple[Break, str, str]] = {
    "may not write outputs": (
        deny(ResourceType.TOPIC, OUTPUTS, AclOperation.WRITE),
        "not_authorized",
        "TOPIC_AUTHORIZATION_FAILED",
    ),
    "may not write the changelog": (
        deny(ResourceType.TOPIC, CHANGELOG, AclOperation.WRITE),
        "not_authorized",
        "TOPIC_AUTHORIZATION_FAILED",
    ),
    "may not read the source": (
        deny(ResourceType.TOPIC, SOURCE, AclOperation.READ),
        "not_authorized",
        "TOPIC_AUTHORIZATION_FAILED",
    ),
    "may not use the group": (
        deny(ResourceType.GROUP, GROUP, AclOperation.READ),
        "not_authorized",
        "GROUP_AUTHORIZATION_FAILED",
    ),
    "may not use the transactional id": (
        deny(_TRANSACTIONAL_ID, "evaluator-1-0", AclOperation.WRITE),
        "not_authorized",
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
    ),
    "the broker takes no record of this size": (shrink, "record_refused", "MSG_SIZE_TOO_LARGE"),
}


_QUICK = {"may not write outputs", "may not use the transactional id", "the broker takes no record of this size"}
EACH = [pytest.param(name, marks=[] if name in _QUICK else [pytest.mark.slow]) for name in BREAKS]


@pytest.mark.parametrize("name", EACH)
def test_worker__denied_before_it_starts__ends_with_the_reason(
    name: str, settings: ServiceSettings, workers: Workers
) -> None:
    act, reason, error = BREAKS[name]
    act(AdminClient(confluent_config(settings)), settings)
    found, detail = last_words(workers.start(), 30)
    assert (found, error in detail) == (reason, True), detail


@pytest.mark.slow
@pytest.mark.parametrize("name", ["may not write outputs", "may not use the group"])
def test_worker__denied_at_work__ends_with_the_reason(name: str, settings: ServiceSettings, workers: Workers) -> None:
    act, reason, error = BREAKS[name]
    worker = workers.start()
    wait_for("all committed", lambda: lag(settings) == 0)
    act(AdminClient(confluent_config(settings)), settings)
    load(settings, EVENTS, seed=2)
    found, detail = last_words(worker, 30)
    assert (found, error in detail) == (reason, True), detail


@pytest.mark.slow
def test_worker__may_not_read_its_changelog__ends_with_the_reason(settings: ServiceSettings, workers: Workers) -> None:
    first = workers.start()
    wait_for("all committed", lambda: lag(settings) == 0)
    first.popen.terminate()
    assert first.popen.wait(10) == 0
    deny(ResourceType.TOPIC, CHANGELOG, AclOperation.READ)(AdminClient(confluent_config(settings)), settings)
    reason, detail = last_words(workers.start(), 30)
    assert reason == "not_authorized"
    assert "TOPIC_AUTHORIZATION_FAILED" in detail


@pytest.mark.slow
@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (deny(ResourceType.TOPIC, CHANGELOG, AclOperation.DESCRIBE), "not_authorized"),
        (delete(CHANGELOG), "topic_missing"),
    ],
)
def test_worker__does_not_see_its_changelog__ends_with_the_reason(
    act: Break, reason: str, settings: ServiceSettings, workers: Workers
) -> None:
    """Only after a while: a broker that has just come back may not know it yet either."""
    act(AdminClient(confluent_config(settings)), settings)
    found, detail = last_words(workers.start(), 60)
    assert found == reason
    assert CHANGELOG in detail


def test_worker__record_larger_than_it_may_send__nothing_committed_past_it(
    settings: ServiceSettings, workers: Workers
) -> None:
    """Also not on the way out, with what came after it."""
    at: list[int] = []
    producer = Producer(confluent_config(settings))
    producer.produce(
        topic(settings, SOURCE), b"9000000", HUGE, 0, on_delivery=lambda _, sent: at.append(sent.offset() or 0)
    )
    producer.flush()
    load(settings, 5_000, seed=2)
    reason, detail = last_words(workers.start(), 30)
    assert reason == "record_refused"
    assert "MSG_SIZE_TOO_LARGE" in detail
    consumer = Consumer({**confluent_config(settings), "group.id": topic(settings, GROUP)})
    (place,) = consumer.committed([TopicPartition(topic(settings, SOURCE), 0)], timeout=10)
    consumer.close()
    assert place.offset <= at[0]
