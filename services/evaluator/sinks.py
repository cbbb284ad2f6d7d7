"""What the sinks were told last, read from one partition of the compacted action topics.

Whether something else has to be told now is decided in `headrace.segmentation.reassert`.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec
from aiokafka.errors import KafkaError
from confluent_kafka import KafkaException

from headrace.contracts.actions import DesiredAttributes, DesiredContact, DesiredEmailTags, DesiredGroup
from headrace.contracts.events import GenerationPromoted
from headrace.contracts.topics import ACTIONS_ATTRIBUTES, ACTIONS_CONTACT, ACTIONS_EMAIL_TAGS, ACTIONS_GROUP
from headrace.runtime.generations import FIRST
from headrace.runtime.kafka import topic
from headrace.runtime.logs import log
from headrace.runtime.settings import KafkaSettings
from headrace.segmentation.reassert import Told
from services.evaluator.replay.groups import crewed, positions
from services.evaluator.replay.log_reader import bounds, read_log

D = TypeVar("D", DesiredGroup, DesiredAttributes, DesiredEmailTags, DesiredContact)

_LOOK_AGAIN_S: Final = 0.1
_AWAY_S: Final = 1.0


class ActionTopics:
    """The sinks as the action topics show them."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings

    async def told(self, partition: int, promoted: GenerationPromoted, offset: int) -> Mapping[bytes, Told]:
        """By customer. Waits until each older generation has committed the promotion's offset, or has no worker:

        only then nothing of it can come any more. It need not be the replaced one alone: where a promotion was killed
        between its lines, two generations speak. Waits also while Kafka is away.
        """
        while True:
            try:
                while not await asyncio.to_thread(self._have_ended, partition, promoted.generation, offset):
                    await asyncio.sleep(_LOOK_AGAIN_S)
                return await asyncio.to_thread(self._read, partition)
            except (KafkaException, KafkaError, TimeoutError) as error:
                log.warning("kafka.unavailable", call="promotion", error=repr(error))
                await asyncio.sleep(_AWAY_S)

    def _have_ended(self, partition: int, generation: int, offset: int) -> bool:
        """A worker that froze is no member any more, and what it still sends is refused."""
        older = crewed(self._settings, range(FIRST, generation))
        return all(positions(self._settings, each).get(partition, 0) > offset for each in older)

    def _read(self, partition: int) -> Mapping[bytes, Told]:
        group = self._newest(ACTIONS_GROUP, DesiredGroup, partition)
        attributes = self._newest(ACTIONS_ATTRIBUTES, DesiredAttributes, partition)
        tags = self._newest(ACTIONS_EMAIL_TAGS, DesiredEmailTags, partition)
        contact = self._newest(ACTIONS_CONTACT, DesiredContact, partition)
        keys = group.keys() | attributes.keys() | tags.keys() | contact.keys()
        return {key: Told(group.get(key), attributes.get(key), tags.get(key), contact.get(key)) for key in keys}

    def _newest(self, name: str, kind: type[D], partition: int) -> dict[bytes, D]:
        """Up to the high watermark, also where an open transaction has to be waited for."""
        full = topic(self._settings, name)
        begin, end = bounds(self._settings, full, (partition,))[partition]
        decoder = msgspec.json.Decoder(kind)
        newest: dict[bytes, Any] = {}
        for records in read_log(self._settings, full, partition, begin=begin, end=end):
            newest |= {record.key: record.value for record in records if record.key is not None}
        return {key: decoder.decode(value) for key, value in newest.items() if value is not None}
