"""The generations there are: their changelogs made and taken away, and the offsets that say that one is finished.

Which one is live is found in `headrace.runtime.generations`.
"""

import time
from collections.abc import Mapping
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from headrace.contracts.topics import EVENTS, Topic, changelog
from headrace.runtime.generations import generations_of
from headrace.runtime.kafka import confluent_config, topic
from headrace.runtime.settings import KafkaSettings
from headrace.runtime.topics import topic_config
from services.evaluator.replay.groups import commit, members, positions

_CALL_S: Final = 30.0
_GONE_WITHIN: Final = 300
_LOOK_AGAIN_S: Final = 0.1


class Generations:
    """The cluster's generations, asked and changed. Every call raises `KafkaException` or `KafkaError`."""

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
        return positions(self._settings, generation)

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
        while self.positions(number):  # somebody took a changelog away by hand: its offsets would say "finished"
            number += 1
        name = topic(self._settings, changelog(number))
        config = topic_config(Topic(changelog(number), "compact"))
        new = NewTopic(name, self.partitions(), -1, config=config)
        self._admin.create_topics([new], request_timeout=_CALL_S)[name].result(_CALL_S)
        self._wait(name, there=True)
        return number

    def finish(self, generation: int, positions: Mapping[int, int]) -> None:
        """Commits where its workers go on: from here on it is a generation."""
        commit(self._settings, generation, positions)

    def members(self, generation: int) -> int:
        """How many workers its group has."""
        return members(self._settings, generation)

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
