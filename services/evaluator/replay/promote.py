"""The hand-over from the live generation to the new one: it follows silently before the line is drawn, so none waits.

A worker of our own follows the log silently; when it is close behind, `generation.promoted` is appended to every
partition; behind that line it speaks, until the workers that ran the old generation have come over.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from confluent_kafka import KafkaException, Producer

from headrace.contracts.events import GENERATION_PROMOTED, GenerationPromoted, encode_event
from headrace.contracts.topics import EVENTS, PARTITION_WIDE_KEY
from headrace.runtime.kafka import confluent_config, topic
from headrace.runtime.logs import log
from headrace.runtime.settings import KafkaSettings
from services.evaluator.replay.generations import Generations
from services.evaluator.replay.log_reader import bounds
from services.evaluator.replay.refused import Refused

_CLOSE_RECORDS: Final = 500
"""So far behind, all partitions together, the new generation may be when the line is drawn."""
_FOLLOWS_WITHIN_S: Final = 1_800.0
_PASSES_WITHIN_S: Final = 120.0
_COME_OVER_WITHIN_S: Final = 30.0
_STOPS_WITHIN_S: Final = 12.0
_LOOK_AGAIN_S: Final = 0.2
_ALL: Final = "~"


def promote(
    settings: KafkaSettings, generations: Generations, *, old: int, new: int, partitions: tuple[int, ...]
) -> None:
    """Returns when the new generation is the live one. Raises `Refused`, `KafkaException`, `TimeoutError`.

    Before the line is drawn, a failure changes nothing; after it, the new generation's workers go on by themselves.
    """
    workers = generations.members(old)
    with _worker(settings, new) as alive:
        _until(
            "the new generation to follow the log",
            lambda: _behind(settings, generations, new, partitions) <= _CLOSE_RECORDS,
            alive,
            _FOLLOWS_WITHIN_S,
        )
        lines = _draw(settings, old=old, new=new, partitions=partitions)
        _until("the new generation to pass the line", lambda: _passed(generations, new, lines), alive, _PASSES_WITHIN_S)
        _come_over(generations, new, workers)


def _come_over(generations: Generations, new: int, workers: int) -> None:
    """Our own worker goes when one of each that ran the old generation is there, or none comes."""
    deadline = time.monotonic() + _COME_OVER_WITHIN_S
    while generations.members(new) < workers + 1 and time.monotonic() < deadline:
        time.sleep(_LOOK_AGAIN_S)


def _behind(settings: KafkaSettings, generations: Generations, new: int, partitions: tuple[int, ...]) -> int:
    """Records that the new generation has not committed; it commits whatever it has folded within a moment."""
    positions = generations.positions(new)
    ends = bounds(settings, topic(settings, EVENTS), partitions)
    following = generations.members(new) > 0
    return sum(end - positions.get(number, 0) for number, (_, end) in ends.items()) if following else sys.maxsize


def _passed(generations: Generations, new: int, lines: Mapping[int, int]) -> bool:
    positions = generations.positions(new)
    return all(positions.get(number, 0) > offset for number, offset in lines.items())


def _until(what: str, holds: Callable[[], bool], alive: Callable[[], bool], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        if not alive():
            raise Refused("promotion_failed", f"the worker ended while waiting for {what}", "its log says why")
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {within_s:g} s for {what}")
        time.sleep(_LOOK_AGAIN_S)


def _draw(settings: KafkaSettings, *, old: int, new: int, partitions: tuple[int, ...]) -> dict[int, int]:
    """Appends the promotion to every partition; its offset in each."""
    value = encode_event(
        GenerationPromoted(generation=new, replaces=old, promotion=str(new)),
        type=GENERATION_PROMOTED,
        id=f"promotion:{new}",
        store=_ALL,
        subject=PARTITION_WIDE_KEY.decode(),
        time=datetime.now(UTC),
        origin="live",
    )
    producer = Producer({**confluent_config(settings), "enable.idempotence": True, "acks": "all", "log_level": 0})
    lines: dict[int, int] = {}
    failures: list[Any] = []

    def done(error: Any, message: Any) -> None:
        if error is None:
            lines[message.partition()] = message.offset()
        else:
            failures.append(error)

    for number in partitions:
        producer.produce(topic(settings, EVENTS), value, PARTITION_WIDE_KEY, number, on_delivery=done)
    producer.flush(60)
    if failures or len(lines) < len(partitions):
        raise KafkaException(*(failures or ["the promotion was not written to every partition: start it again"]))
    log.info("generation.promoted", generation=new, replaces=old, offsets=lines)
    return lines


@contextmanager
def _worker(settings: KafkaSettings, generation: int) -> Iterator[Callable[[], bool]]:
    """A worker of the new generation as a child, stopped at the end; whether it is alive."""
    environment = {
        **os.environ,
        "HEADRACE_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "HEADRACE_TOPIC_PREFIX": settings.topic_prefix,
        "HEADRACE_GENERATION": str(generation),
        "HEADRACE_WORKER_ID": f"promotes-{generation}",
        "HEADRACE_HEALTH_PORT": "0",
        "HEADRACE_PARENT_PID": str(os.getpid()),
    }
    child = subprocess.Popen([sys.executable, "-m", "services.evaluator"], env=environment, stdout=subprocess.DEVNULL)
    try:
        yield lambda: child.poll() is None
    finally:
        child.terminate()
        try:
            child.wait(_STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
