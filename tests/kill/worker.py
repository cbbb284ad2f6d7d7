"""A worker process of a run: `python -m tests.kill.worker JSON`, the counting fold or the real evaluator.

It can be told to stop itself inside a transaction, and to say what it is doing; when that happens is `crew.py`'s.
"""

import asyncio
import contextlib
import faulthandler
import os
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec

from headrace.runtime.kafka import topic
from headrace.runtime.process import Running, run_service
from headrace.runtime.settings import ServiceSettings
from services.evaluator.bootstrap import run as run_evaluator
from services.evaluator.engine import phases
from services.evaluator.engine.core import Options
from services.evaluator.engine.worker import WorkerOptions, run_worker
from services.evaluator.settings import EvaluatorSettings
from tests.kill.counting import OUTPUTS
from tests.kill.counting_fold import Counting
from tests.kill.plan import SESSION_S
from tests.kill.told import TELL_TASKS, TELL_THREADS, Told

_LONGEST_PAUSE_S: Final = 0.02


class Stops:
    """Stops this process in the phase that the file names, and sleeps a little now and then if it is to pause."""

    def __init__(self, told: Told) -> None:
        self._file, self._pauses = Path(told.stop_file), told.pauses

    def reached(self, phase: phases.Phase) -> None:
        """Called between the steps of a transaction, in its thread."""
        if self._pauses and random.random() < 0.3:
            time.sleep(random.uniform(0, _LONGEST_PAUSE_S))
        with contextlib.suppress(FileNotFoundError):
            if self._file.read_text() == phase:
                self._file.unlink()
                os.kill(os.getpid(), signal.SIGSTOP)

    async def pause(self) -> None:
        """Before a chunk is folded."""
        await asyncio.sleep(random.uniform(0, _LONGEST_PAUSE_S) if self._pauses else 0)


def tell_tasks() -> None:
    """Every task's stack to stderr: where a worker that does nothing waits."""
    for task in asyncio.all_tasks():
        task.print_stack(file=sys.stderr)


def _counting(told: Told, stops: Stops) -> Callable[[ServiceSettings, Running], Awaitable[None]]:
    async def main(settings: ServiceSettings, running: Running) -> None:
        group = topic(settings, "evaluator-1")
        options = WorkerOptions(
            group=group,
            table="state",
            source=topic(settings, "events"),
            partitions=told.partitions,
            transactional_id=f"{group}-{settings.worker_id}",
            outputs=tuple(topic(settings, name) for name in OUTPUTS),
            chunk_records=500,
            session_s=SESSION_S,
            heartbeat_s=SESSION_S / 4,
            epoch=Options(epoch_s=0.05),
        )
        await run_worker(settings, running, options, Counting(settings.topic_prefix, stops.pause))

    return main


def _watched(
    main: Callable[[EvaluatorSettings, Running], Awaitable[None]],
) -> Callable[[EvaluatorSettings, Running], Awaitable[None]]:
    async def watched(settings: EvaluatorSettings, running: Running) -> None:
        asyncio.get_running_loop().add_signal_handler(TELL_TASKS, tell_tasks)
        await main(settings, running)

    return watched


if __name__ == "__main__":
    faulthandler.register(TELL_THREADS)
    told = msgspec.json.decode(sys.argv[1], type=Told)
    inside = Stops(told)
    phases.reached = inside.reached
    run_service(
        "worker", EvaluatorSettings, _watched(_counting(told, inside) if told.fold == "counting" else run_evaluator)
    )
