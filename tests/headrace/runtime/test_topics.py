"""Topics: created as the table says, and every difference told in words."""

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from headrace.contracts.topics import ACTIONS_GROUP, DEAD_LETTERS, EVENTS, NOTICES, RULES, Topic, table
from headrace.runtime.dependency import DependencyError
from headrace.runtime.kafka import confluent_config, topic
from headrace.runtime.settings import ServiceSettings
from headrace.runtime.topics import check_topics, create_topics, problems_of, topic_config


async def test_create_topics__nothing_there__creates_the_whole_table(kafka_settings: ServiceSettings) -> None:
    created = await create_topics(kafka_settings, partitions=2)

    assert [report.name for report in created] == [topic(kafka_settings, row.name) for row in table()]
    assert [report.problems for report in created if not report.ok] == []
    assert {report.partitions for report in created if not report.name.endswith(RULES)} == {2}
    assert next(report for report in created if report.name.endswith(RULES)).partitions == 1


async def test_create_topics__twice__changes_nothing(kafka_settings: ServiceSettings) -> None:
    assert await create_topics(kafka_settings, partitions=1) == await create_topics(kafka_settings, partitions=1)


async def test_check_topics__nothing_there__all_missing(kafka_settings: ServiceSettings) -> None:
    reports = await check_topics(kafka_settings)

    assert {report.problems for report in reports} == {("missing",)}
    assert not any(report.ok for report in reports)


async def test_check_topics__wrong_cleanup_and_count__named(kafka_settings: ServiceSettings) -> None:
    name = topic(kafka_settings, ACTIONS_GROUP)
    admin = AdminClient(confluent_config(kafka_settings))
    admin.create_topics([NewTopic(name, 2, 1)])[name].result(30)

    found = {report.name: report for report in await create_topics(kafka_settings, partitions=3)}[name]

    assert not found.ok
    assert found.problems[:2] == (
        "has 2 partitions, not 3: the count is fixed at birth",
        "cleanup.policy is delete, not compact",
    )


async def test_check_topics__no_kafka__says_so() -> None:
    settings = ServiceSettings(kafka_bootstrap_servers="127.0.0.1:1", store="s")

    with pytest.raises(DependencyError) as caught:
        await check_topics(settings)

    assert caught.value.code == "kafka_unavailable"
    assert "127.0.0.1:1" in caught.value.message


@pytest.mark.parametrize(
    ("row", "found", "config", "problems"),
    [
        (Topic(EVENTS, "delete"), 3, {}, ()),
        (Topic(EVENTS, "delete"), 3, {"retention.ms": "1000"}, ("retention.ms is 1000, not -1 (unlimited)",)),
        (Topic(EVENTS, "delete"), 3, {"retention.bytes": "9"}, ("retention.bytes is 9, not -1 (unlimited)",)),
        (Topic(NOTICES, "delete", 500), 3, {"retention.ms": "400"}, ("retention.ms is 400, below 500",)),
        (Topic(NOTICES, "delete", 500), 3, {"retention.ms": "600"}, ()),
        (Topic(NOTICES, "delete", 500), 3, {"retention.ms": "-1"}, ()),
        (Topic(RULES, "delete", one_partition=True), 3, {}, ("has 3 partitions, not 1: the count is fixed at birth",)),
        (Topic(EVENTS, "delete"), 3, {"max.message.bytes": "5"}, ("max.message.bytes is 5, below 4194304",)),
    ],
)
def test_problems_of__table(row: Topic, found: int, config: dict[str, str], problems: tuple[str, ...]) -> None:
    assert problems_of(row, 3, found, {**topic_config(row), **config}) == problems


def test_topic_config__dead_letters__hold_a_whole_record_in_base64() -> None:
    sizes = {row.name: int(topic_config(row)["max.message.bytes"]) for row in table()}

    assert sizes[DEAD_LETTERS] >= sizes[EVENTS] * 4 / 3
