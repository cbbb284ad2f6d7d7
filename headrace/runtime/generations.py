"""Which generation of the evaluator's state is live, told from the changelogs themselves.

Every generation's workers write their partition's own record (key `~`) again and again, and it says which generation
was promoted there last; so its newest one stands near the changelog's end. How a generation comes about is a replay's.
"""

import re
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from headrace.contracts.topics import PARTITION_WIDE_KEY, changelog
from headrace.runtime.kafka import confluent_config, topic
from headrace.runtime.settings import KafkaSettings

FIRST: Final = 1
_MARK_BYTES: Final = 8
_SCHEMA: Final = 1
PROMOTED_AT: Final = 3
"""Where in the fields of a partition's own record (`services/evaluator/marker.py`) the promoted generation stands."""
_CALL_S: Final = 30.0
_TAIL: Final = 2_000
_WAIT_S: Final = 0.1


def generations_of(settings: KafkaSettings, topics: Iterable[str]) -> tuple[int, ...]:
    """The generations whose changelog is among these topics, in order."""
    before, after = topic(settings, changelog(0)).split("0-state", maxsplit=1)
    pattern = re.compile(re.escape(before) + r"([1-9][0-9]*)-state" + re.escape(after))
    return tuple(sorted(int(found[1]) for name in topics if (found := pattern.fullmatch(name))))


def live_generation(settings: KafkaSettings) -> int:
    """The generation that was promoted last; the lowest one there is when none was; 1 before there is any.

    A generation that the settings name wins. Raises `KafkaException`.
    """
    if settings.generation is not None:
        return settings.generation
    topics = AdminClient({**confluent_config(settings), "log_level": 0}).list_topics(timeout=_CALL_S).topics
    existing = generations_of(settings, topics)
    newest = 0
    for number in reversed(existing if len(existing) > 1 else ()):
        name = topic(settings, changelog(number))
        newest = max(newest, _promoted(settings, name, len(topics[name].partitions)))
        if newest >= number:  # older ones were told of no newer promotion than it was itself
            break
    return newest or (existing[0] if existing else FIRST)


def promoted_in(value: bytes) -> int:
    """The generation that a partition's own record says was promoted last, 0 for none or when it cannot be read."""
    if len(value) <= _MARK_BYTES or value[_MARK_BYTES] != _SCHEMA:
        return 0
    try:
        fields = msgspec.msgpack.decode(value[_MARK_BYTES + 1 :])
    except msgspec.DecodeError:
        return 0
    return int(fields[PROMOTED_AT]) if isinstance(fields, list) and len(fields) > PROMOTED_AT else 0


def _promoted(settings: KafkaSettings, name: str, partitions: int) -> int:
    consumer = Consumer(
        {
            **confluent_config(settings),
            "group.id": topic(settings, "looks-at-generations"),  # asked for by the library; never joined
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "log_level": 0,
        }
    )
    try:
        return _search(consumer, [TopicPartition(name, number) for number in range(partitions)])
    finally:
        consumer.close()


def _search(consumer: Consumer, places: list[TopicPartition]) -> int:
    """What the newest records of the partitions themselves say: looked for from the end, further back each time."""
    spans = {at.partition: consumer.get_watermark_offsets(at, timeout=_CALL_S) for at in places}
    waiting = {number: end for number, (first, end) in spans.items() if end > first}
    found, tail = [0], _TAIL
    while waiting:
        begins = {number: max(spans[number][0], end - tail) for number, end in waiting.items()}
        begin_at = [TopicPartition(places[0].topic, number, begin) for number, begin in begins.items()]
        newest = _read(consumer, begin_at, waiting)
        found.extend(map(promoted_in, newest.values()))
        waiting = {n: end for n, end in waiting.items() if n not in newest and begins[n] > spans[n][0]}
        tail *= 4
    return max(found)


def _read(consumer: Consumer, places: list[TopicPartition], ends: Mapping[int, int]) -> dict[int, bytes]:
    """The newest record of each partition itself, from these places on up to `ends` at least."""
    newest: dict[int, bytes] = {}
    left = {at.partition for at in places}
    consumer.assign(places)
    deadline = time.monotonic() + _CALL_S
    while left:
        if time.monotonic() > deadline:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{places[0].topic} did not come to its end"))
        for message in consumer.consume(_TAIL, timeout=_WAIT_S):
            error: Any = message.error()
            number = _partition(message)
            if error is None:
                if message.key() == PARTITION_WIDE_KEY:
                    newest[number] = message.value()  # type: ignore[assignment]  # bytes, not decoded
                # Where workers write all the time, the library may never find itself at the partition's end.
                if _offset(message) + 1 >= ends[number]:
                    left.discard(number)
            elif error.code() == KafkaError._PARTITION_EOF:
                left.discard(number)
            else:
                raise KafkaException(error)
    return newest


def _partition(message: Any) -> int:
    return int(message.partition())


def _offset(message: Any) -> int:
    return int(message.offset())
