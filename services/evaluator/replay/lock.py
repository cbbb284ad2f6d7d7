"""One replay at a time: who holds the one partition of `headrace.rules` in the group `headrace.replay` may write.

Kafka's own group membership is the lock, so that a process that dies gives it back by itself.
"""

import threading
from types import TracebackType
from typing import Any, Final, Self

from confluent_kafka import Consumer

from headrace.contracts.topics import RULES
from headrace.runtime.kafka import confluent_config, topic
from headrace.runtime.settings import KafkaSettings
from services.evaluator.replay.refused import Refused

_SESSION_S: Final = 10.0
_WAIT_S: Final = 2 * _SESSION_S
"""Longer than the session of one that was killed, and a broker's delay before a group's first rebalance."""


class ReplayLock:
    """Held from `with` to its end. Raises `Refused("replay_running")` when another one runs."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._topic = topic(settings, RULES)
        self._consumer = Consumer(
            {
                **confluent_config(settings),
                "group.id": topic(settings, "replay"),
                # Sticky: a second one that joins must not be given what the first one holds.
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": int(_SESSION_S * 1000),
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )
        self._held = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="replay-lock", daemon=True)

    @property
    def held(self) -> bool:
        """Whether it is ours still."""
        return self._held.is_set()

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._held.wait(_WAIT_S):
            self._end()
            raise Refused("replay_running", "another replay is running", "wait until it has ended, or stop it")
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        self._consumer.subscribe([self._topic], on_assign=self._assigned, on_revoke=self._lost, on_lost=self._lost)
        while not self._ending.is_set():
            self._consumer.poll(0.2)
        self._consumer.close()

    def _assigned(self, consumer: Consumer, partitions: list[Any]) -> None:
        consumer.incremental_assign(partitions)
        if partitions:
            consumer.pause(partitions)
            self._held.set()

    def _lost(self, consumer: Consumer, partitions: list[Any]) -> None:
        if partitions:
            self._held.clear()
