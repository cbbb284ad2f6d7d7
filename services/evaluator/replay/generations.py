"""The generations there are: their changelogs made and taken away, and the offsets that say that one is finished.

Which one is live is found in `headrace.runtime.generations`.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from headrace.contracts.topics import EVENTS, Topic, changelog
from headrace.runtime.generations import generations_of
from headrace.runtime.kafka import confluent_config, topic
from headrace.runtime.settings import KafkaSettings
from headrace.runtime.topics import topic_config

_CALL_S: Final = 30.0
_ASK_S: Final = 5.0
_GONE_WITHIN: Final = 300
_LOOK_AGAIN_S: Final = 0.1


def group_of(settings: KafkaSettings, generation: int) -> str:
    """The consumer group of a generation."""
    return topic(settings, f"evaluator-{generation}")


class Generations:
    """The cluster's generations, asked and changed. Every call raises `KafkaException`."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._admin = AdminClient({**confluent_config(settings), "log_level": 0})

    def partitions(self) -> int:
        """How many partitions the events have; 0: there are none."""
        found = self._admin.list_topics(timeout=_CALL_S).topics.get(topic(self._settings, EVENTS))
        return 0 if found is None else len(found.partitions)

    def existing(self) -> tuple[int, ...]:
        """Those with a changelog, in order."""
        return generations_of(self._settings, self._admin.list_topics(timeout=_CALL_S).topics)

    def positions(self, generation: int) -> dict[int, int]:
        """The committed offset of each partition of the events that has one."""
        group = group_of(self._settings, generation)
        asked = [ConsumerGroupTopicPartitions(group)]
        found = _of_group(lambda: self._admin.list_consumer_group_offsets(asked, request_timeout=_ASK_S)[group])
        if found is None:
            return {}
        source = topic(self._settings, EVENTS)
        return {at.partition: at.offset for at in found.topic_partitions if at.topic == source and at.offset >= 0}

    def is_finished(self, generation: int) -> bool:
        """Whether its replay came to its end: then every partition has a committed offset."""
        return len(self.positions(generation)) == self.partitions()

    def begin(self, live: int) -> int:
        """Makes the changelog of the next generation, after taking away what unfinished replays left. Its number."""
        existing = self.existing()
        unfinished = [number for number in existing if number > live and not self.is_finished(number)]
        if unfinished:
            self._delete([topic(self._settings, changelog(number)) for number in unfinished])
        number = max((live, *(each for each in existing if each not in unfinished))) + 1
        name = topic(self._settings, changelog(number))
        config = topic_config(Topic(changelog(number), "compact"))
        new = NewTopic(name, self.partitions(), -1, config=config)
        self._admin.create_topics([new], request_timeout=_CALL_S)[name].result(_CALL_S)
        self._wait(name, there=True)
        return number

    def finish(self, generation: int, positions: Mapping[int, int]) -> None:
        """Commits where its workers go on: from here on it is a generation."""
        source = topic(self._settings, EVENTS)
        consumer = Consumer(
            {
                **confluent_config(self._settings),
                "group.id": group_of(self._settings, generation),
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )
        try:
            at = [TopicPartition(source, number, position) for number, position in sorted(positions.items())]
            for done in consumer.commit(offsets=at, asynchronous=False) or ():
                if done.error is not None:
                    raise KafkaException(done.error)
        finally:
            consumer.close()

    def members(self, generation: int) -> int:
        """How many workers its group has."""
        group = group_of(self._settings, generation)
        found = _of_group(lambda: self._admin.describe_consumer_groups([group], request_timeout=_ASK_S)[group])
        return 0 if found is None else len(found.members)

    def _delete(self, names: list[str]) -> None:
        for future in self._admin.delete_topics(names, request_timeout=_CALL_S).values():
            future.result(_CALL_S)
        for name in names:
            self._wait(name, there=False)

    def _wait(self, name: str, *, there: bool) -> None:
        for _ in range(_GONE_WITHIN):
            topics = self._admin.list_topics(timeout=_CALL_S).topics
            if (name in topics and topics[name].error is None) == there:
                return
            time.sleep(_LOOK_AGAIN_S)
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{name} is {'not' if there else 'still'} there"))


def _of_group(ask: Callable[[], Any]) -> Any:
    """The answer about a group, None when there is none. A new broker has to make its topic of groups first."""
    deadline = time.monotonic() + _CALL_S
    while True:
        try:
            return ask().result()
        except KafkaException as error:
            if _code(error) == KafkaError.GROUP_ID_NOT_FOUND:
                return None
            if time.monotonic() > deadline:
                raise


def _code(error: KafkaException) -> int:
    cause: Any = error.args[0]
    return int(cause.code())
