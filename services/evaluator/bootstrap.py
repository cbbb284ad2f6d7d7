"""The evaluator composed: the one place that builds its parts.

What they do lives with them.
"""

import asyncio

from headrace.contracts.topics import DEAD_LETTERS, DESIRED_STATE_TOPICS
from headrace.runtime.kafka import topic
from headrace.runtime.logs import log
from headrace.runtime.process import FatalError, Running
from services.evaluator.agent import Place
from services.evaluator.engine.core import Options
from services.evaluator.engine.worker import WorkerOptions, run_worker
from services.evaluator.generation import Generation
from services.evaluator.rules_feed import RuleSets, RulesFeed
from services.evaluator.settings import EvaluatorSettings
from services.evaluator.sinks import ActionTopics
from services.evaluator.topics import settled


async def run(settings: EvaluatorSettings, running: Running) -> None:
    """Runs until `running.stopping`, or until its generation has ended everywhere. Raises `FatalError`."""
    found = await settled(settings, running)
    if found is None:
        return
    named, partitions = found
    # Who was told its generation ends with it; anybody else goes on in the one that took over.
    ended = running.begin_anew if settings.generation is None else running.stopping.set
    settings = named
    rule_sets = RuleSets()
    feed = RulesFeed(settings, rule_sets)
    reading = asyncio.ensure_future(feed.run())
    reading.add_done_callback(lambda task: _feed_ended(task, running))
    place = Place(settings.source, settings.topic_prefix, settings.number, settings.dead_letter_limit)
    fold = Generation(place, rule_sets, feed, ActionTopics(settings))
    try:
        await run_worker(settings, running, _options(settings, partitions), fold, ended)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def _options(settings: EvaluatorSettings, partitions: int) -> WorkerOptions:
    return WorkerOptions(
        group=settings.group,
        table=settings.state_table,
        source=settings.source,
        partitions=partitions,
        transactional_id=settings.transactional_id,
        outputs=tuple(topic(settings, name) for name in (*DESIRED_STATE_TOPICS, DEAD_LETTERS)),
        chunk_records=settings.chunk_records,
        session_s=settings.session_timeout_ms / 1000,
        # Until its next heartbeat a worker does not know of a rebalance, and the others wait for it.
        heartbeat_s=min(settings.session_timeout_ms / 1000 * 0.3, 1.0),
        epoch=Options(epoch_s=settings.epoch_ms / 1000, epoch_records=settings.epoch_records),
    )


def _feed_ended(task: asyncio.Future[None], running: Running) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("task.failed", task="rules_feed", error=repr(error), exc_info=error)
        running.fail(FatalError("rules_feed_failed", repr(error)))
