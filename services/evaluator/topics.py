"""Looks at the topics before the work begins: they are made by `headrace topics create`, never by a worker.

What is in them is everyone else's business.
"""

import asyncio
import time
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from headrace.contracts.topics import DEAD_LETTERS, DESIRED_STATE_TOPICS, EVENTS, RULES, changelog
from headrace.runtime.generations import live_generation
from headrace.runtime.kafka import confluent_config, topic
from headrace.runtime.logs import log
from headrace.runtime.process import FatalError, Running
from services.evaluator.settings import EvaluatorSettings

WAIT_S: Final = 60.0
_CALL_S: Final = 5.0
_AGAIN_S: Final = 0.5


async def settled(settings: EvaluatorSettings, running: Running) -> tuple[EvaluatorSettings, int] | None:
    """The settings with the generation that is live, and how many partitions the events have.

    None when the process is to stop. Waits a minute for Kafka.

    Raises `FatalError`: "kafka_unavailable", "topics_missing", "partitions_differ".
    """
    deadline = time.monotonic() + WAIT_S
    while not running.stopping.is_set():
        try:
            found = await _asked(settings, running)
            return None if found is None else (found[0], _check(*found))
        except KafkaException as error:
            if time.monotonic() > deadline:
                raise FatalError("kafka_unavailable", str(error.args[0])) from error
            log.warning("kafka.unavailable", call="metadata", error=str(error.args[0]))
            await asyncio.sleep(_AGAIN_S)
    return None


async def _asked(settings: EvaluatorSettings, running: Running) -> tuple[EvaluatorSettings, dict[str, int]] | None:
    """None when the process is to stop first: a Kafka that is away lets nobody wait for it then."""

    def ask() -> tuple[EvaluatorSettings, dict[str, int]]:
        named = settings.model_copy(update={"generation": live_generation(settings)})
        return named, _partitions(settings)

    asking = asyncio.ensure_future(asyncio.to_thread(ask))
    stopping = asyncio.ensure_future(running.stopping.wait())
    await asyncio.wait({asking, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if asking.done():
        return asking.result()
    asking.cancel()  # the thread asks on, and the process ends without it
    return None


def _partitions(settings: EvaluatorSettings) -> dict[str, int]:
    metadata = AdminClient(confluent_config(settings)).list_topics(timeout=_CALL_S)
    return {name: len(found.partitions) for name, found in metadata.topics.items()}


def _check(settings: EvaluatorSettings, found: dict[str, int]) -> int:
    keyed = [EVENTS, changelog(settings.number), *DESIRED_STATE_TOPICS, DEAD_LETTERS]
    wanted = [topic(settings, name) for name in (*keyed, RULES)]
    if missing := [name for name in wanted if name not in found]:
        raise FatalError("topics_missing", f"{', '.join(missing)}: run `headrace topics create`")
    counts = {topic(settings, name): found[topic(settings, name)] for name in keyed}
    if len(set(counts.values())) != 1:
        raise FatalError("partitions_differ", ", ".join(f"{name} {count}" for name, count in counts.items()))
    return found[settings.source]
