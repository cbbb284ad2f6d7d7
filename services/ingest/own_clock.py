"""The clock of a store whose events all come by POST /v1/events and files: real time, since nobody else has one.

A store with a change feed has the store's own clock, which only `feed` writes.
"""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from aiokafka.errors import KafkaError

from headrace.contracts import topics
from headrace.contracts.progress import Progress
from headrace.runtime.health import STARTING
from headrace.runtime.kafka import topic
from headrace.runtime.metrics import gauge
from headrace.runtime.process import FatalError, Running
from services.ingest.lasting import started_producer, through_outages
from services.ingest.progress import ProgressLog
from services.ingest.publish import Events, EventWriter
from services.ingest.settings import ClockSettings
from services.ingest.vendor_troubles import pause

_FLUSH_S: Final = 3.0
_SAVE_EVERY: Final = timedelta(seconds=60)


async def run_clock(settings: ClockSettings, running: Running) -> None:
    """`python -m services.ingest clock`."""
    await through_outages(lambda: _clock(settings, running), running)


async def _clock(
    settings: ClockSettings, running: Running, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> None:
    producer = await started_producer(settings, running)
    try:
        progress_log = ProgressLog(settings, producer, settings.store)
        writer, events = EventWriter(producer, topic(settings, topics.EVENTS)), Events(settings.store)
        progress = await progress_log.load()
        if progress is not None and _is_a_feeds(progress):
            raise FatalError("store_has_a_feed", "the feed of this store writes its clock: run feed, not clock")
        saved = None if progress is None else progress.changed_until
        told = saved
        running.health.clear(STARTING)
        while not running.stopping.is_set():
            until = now() - timedelta(seconds=settings.settle_s)
            if told is None or until > told:  # real time may be set back; this one never is
                await writer.write_everywhere(events.clock(until))
                gauge("headrace_clock_seconds").set(until.timestamp())
                told = until
            if saved is None or told - saved >= _SAVE_EVERY:
                await progress_log.save(Progress("clock", told))
                saved = told
            await pause(settings.pass_every_s, running.stopping)
    finally:
        with contextlib.suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(_FLUSH_S):
                await producer.stop()


def _is_a_feeds(progress: Progress) -> bool:
    return progress.phase != "clock"
