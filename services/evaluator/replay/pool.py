"""Partitions shared out among processes: one for each core, each with one partition in work.

What is done with a partition is `partition.py`'s and `inspect.py`'s.
"""

import asyncio
import logging
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache
from typing import Any, TypeVar

from headrace.contracts.topics import RULES
from headrace.runtime.kafka import read_to_end, topic
from headrace.runtime.logs import configure_logs
from headrace.runtime.parent import watch_parent
from headrace.runtime.settings import KafkaSettings
from services.evaluator.rules_feed import RuleSets

T = TypeVar("T")
R = TypeVar("R")


def each(
    work: Callable[[KafkaSettings, RuleSets, T], R], settings: KafkaSettings, tasks: Iterable[T], *, processes: int
) -> Iterator[R]:
    """What comes of each task, as it is done. The first error ends all; a process that dies is one too."""
    waiting = list(tasks)
    # Spawned, not forked: Kafka's clients have threads.
    context = multiprocessing.get_context("spawn")
    level = logging.getLevelName(logging.getLogger().level).lower()
    pool = ProcessPoolExecutor(
        max(1, min(processes, len(waiting))), context, initializer=begin_process, initargs=(os.getpid(), level)
    )
    try:
        futures = [pool.submit(_run, work, settings, task) for task in waiting]
        for future in as_completed(futures):
            yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def begin_process(parent: int, level: str) -> None:
    """Logs as the parent does, and ends with it."""
    configure_logs("replay", level if level in ("debug", "info", "warning", "error") else "info")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    watch_parent(parent, lambda: os._exit(3))


def _run(work: Callable[[KafkaSettings, RuleSets, Any], R], settings: KafkaSettings, task: Any) -> R:
    return work(settings, rule_sets_of(settings), task)


@lru_cache(maxsize=1)
def rule_sets_of(settings: KafkaSettings) -> RuleSets:
    """Every rule set there is, read once in a process."""
    rule_sets = RuleSets()
    for record in asyncio.run(read_to_end(settings, topic(settings, RULES))):
        rule_sets.take(record.value)
    return rule_sets
