"""Every rule set of `headrace.rules`, read from the beginning and followed, compiled once.

When one takes effect is decided by the markers in the events (`agent.py`).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from headrace.contracts.actions import RuleSetRecord
from headrace.contracts.topics import RULES
from headrace.rules.model import decode_rule_set
from headrace.runtime.kafka import make_consumer, topic
from headrace.runtime.logs import log
from headrace.runtime.metrics import counter
from headrace.runtime.settings import KafkaSettings
from headrace.segmentation.compiled import CompiledRules, compile_rules

_RECORD: Final = msgspec.json.Decoder(RuleSetRecord)
_AGAIN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Known:
    """A rule set as read. `rules` None: refused, for this `reason`."""

    hash: str
    rules: CompiledRules | None
    reason: str = ""


class RuleSets:
    """Rule sets by store and version; the first of a version counts, since a version never changes."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], Known] = {}

    def take(self, value: bytes | None) -> None:
        """Reads one record. One that cannot be read is refused, logged, counted."""
        try:
            record = _RECORD.decode(value or b"")
        except msgspec.DecodeError as error:
            _refused("", 0, str(error))
            return
        place = (record.store, record.version)
        if place in self._known:
            return
        try:
            self._known[place] = Known(record.hash, compile_rules(decode_rule_set(record.document)))
            log.info("rules.read", store=record.store, version=record.version)
        except Exception as error:  # whatever is wrong with it, the last good one stays
            self._known[place] = Known(record.hash, None, f"{type(error).__name__}: {error}")
            _refused(record.store, record.version, f"{type(error).__name__}: {error}")

    def find(self, store: str, version: int) -> Known | None:
        """None: not read (yet)."""
        return self._known.get((store, version))

    def stores(self) -> tuple[str, ...]:
        """Those with a rule set."""
        return tuple(sorted({store for store, _ in self._known}))


class RulesFeed:
    """Follows the topic for as long as the process lives."""

    def __init__(self, settings: KafkaSettings, rule_sets: RuleSets) -> None:
        self._settings = settings
        self._at = TopicPartition(topic(settings, RULES), 0)
        self._sets = rule_sets
        self._consumer: AIOKafkaConsumer | None = None
        self._read = asyncio.Condition()

    async def run(self) -> None:
        """Reads on, for ever; waits while Kafka is away."""
        while True:
            consumer = make_consumer(self._settings)
            try:
                await consumer.start()
                consumer.assign([self._at])
                await consumer.seek_to_beginning(self._at)
                self._consumer = consumer
                await self._follow(consumer)
            except (KafkaError, OSError) as error:
                log.warning("kafka.unavailable", call="rules", error=repr(error))
                await asyncio.sleep(_AGAIN_S)
            finally:
                self._consumer = None
                await consumer.stop()

    async def until_read(self, store: str, version: int) -> None:
        """Returns when the rule set was read, or when all that the topic holds now was read without it."""
        while self._sets.find(store, version) is None:
            consumer = self._consumer
            try:
                if consumer is not None:
                    end = (await consumer.end_offsets([self._at]))[self._at]
                    if await self._until(lambda: self._sets.find(store, version) is not None, consumer, end):
                        return
            except (KafkaError, OSError) as error:
                log.warning("kafka.unavailable", call="rules", error=repr(error))
            await asyncio.sleep(0.1)

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    self._sets.take(record.value)
            async with self._read:
                self._read.notify_all()

    async def _until(self, found: Callable[[], bool], consumer: AIOKafkaConsumer, end: int) -> bool:
        """Whether it was found, or the end was reached; False when the reading began anew meanwhile."""
        while not found():
            begun_anew = self._consumer is not consumer
            if begun_anew:
                return False
            if await consumer.position(self._at) >= end:
                return True
            async with self._read:
                await self._read.wait()
        return True


def _refused(store: str, version: int, reason: str) -> None:
    counter("headrace_evaluator_rules_refused_total").inc()
    log.error("rules.refused", store=store, version=version, reason=reason)
