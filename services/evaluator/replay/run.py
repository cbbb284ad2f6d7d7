"""A replay from its beginning to its end: what is asked of it, what it refuses, what it says.

The partitions are folded in `partition.py`; taking over from the live generation is `promote.py`'s.
"""

import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import reduce
from operator import add
from typing import Any

from headrace.contracts.topics import EVENTS, changelog
from headrace.runtime.generations import live_generation
from headrace.runtime.kafka import topic
from headrace.runtime.logs import log
from headrace.runtime.settings import KafkaSettings
from services.evaluator.replay.differences import Differences
from services.evaluator.replay.digest import digest_of
from services.evaluator.replay.generations import Generations
from services.evaluator.replay.lock import ReplayLock
from services.evaluator.replay.log_reader import bounds
from services.evaluator.replay.partition import Replayed, Task, replay_partition
from services.evaluator.replay.pool import each
from services.evaluator.replay.promote import promote
from services.evaluator.replay.refused import Refused
from services.evaluator.replay.stopwatch import rounded


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked of a replay.

    `partitions` empty: all. `rules`: an encoded rule set in force from the log's beginning. `store`: whose clock
    `until` is measured by. `allow_missing`: also when the log's beginning is gone.
    """

    processes: int
    partitions: tuple[int, ...] = ()
    until: datetime | None = None
    store: str | None = None
    rules: bytes | None = None
    promote: bool = False
    allow_missing: bool = False

    @property
    def whole(self) -> bool:
        """Whether it makes a generation that could go on from where the live one is."""
        return not self.partitions and self.until is None and self.rules is None


def replay(settings: KafkaSettings, options: Options) -> dict[str, Any]:
    """The verb's result. Raises `Refused`, `KafkaException`, `KafkaError`, `TimeoutError`."""
    began = time.monotonic()
    _refuse(options)
    generations = Generations(settings)
    numbers = _partitions(generations, options)
    lock: AbstractContextManager[ReplayLock | None] = ReplayLock(settings) if options.whole else nullcontext()
    with lock as held:
        live = live_generation(settings)  # not before: another replay may have promoted one while we waited
        _refuse_without_live(generations, live)
        tasks = _tasks(settings, options, live, numbers, generations)
        number = tasks[0].generation
        done = _work(settings, tasks, options.processes)
        if held is not None:
            _finish(generations, number, done, held)
        if options.promote:
            promote(settings, generations, old=live, new=number, partitions=numbers)
    return _result(done, number if options.whole else None, time.monotonic() - began, promoted=options.promote)


def _refuse(options: Options) -> None:
    if options.promote and options.rules is not None:
        raise Refused(
            "rules_not_applied",
            "a rule set from files cannot be promoted: the log does not say when it took effect",
            "put it in force with `headrace apply --from`, then replay with --promote",
        )
    if options.promote and not options.whole:
        raise Refused(
            "not_whole",
            "only a replay of all partitions up to now can be promoted",
            "leave --until and --partitions away",
        )


def _partitions(generations: Generations, options: Options) -> tuple[int, ...]:
    every = tuple(range(generations.partitions()))
    if not every:
        raise Refused("topics_missing", "there is no log of events", "run `headrace topics create`")
    if unknown := sorted(set(options.partitions) - set(every)):
        raise Refused("unknown_partition", f"the log has partitions 0 to {every[-1]}, not {unknown}")
    return options.partitions or every


def _refuse_without_live(generations: Generations, live: int) -> None:
    if live not in generations.existing():
        raise Refused(
            "no_live_generation",
            f"generation {live} has no changelog to compare with",
            "run `headrace topics create`, or correct HEADRACE_GENERATION",
        )


def _tasks(
    settings: KafkaSettings, options: Options, live: int, numbers: tuple[int, ...], generations: Generations
) -> list[Task]:
    log_bounds = bounds(settings, topic(settings, EVENTS), numbers)
    _refuse_missing(log_bounds, options)
    state_bounds = bounds(settings, topic(settings, changelog(live)), numbers)
    # A live generation that has never written anything says nothing of how far to go: to the end, then.
    empty = all(end == 0 for _, end in state_bounds.values())
    number = generations.begin(live) if options.whole else live + 1
    log.info("replay.started", generation=number, live=live, partitions=list(numbers), processes=options.processes)
    return [
        Task(
            partition=partition,
            begin=begin,
            end=end if empty else None,
            log_end=end,
            generation=number,
            live_generation=live,
            write=options.whole,
            until=options.until,
            store=options.store,
            rules=options.rules,
        )
        # The largest first, so that the last ones to be done are small.
        for partition, (begin, end) in sorted(log_bounds.items(), key=lambda at: at[1][0] - at[1][1])
    ]


def _refuse_missing(log_bounds: dict[int, tuple[int, int]], options: Options) -> None:
    """F24: what retention took away cannot be folded, and without it every customer would come out poorer."""
    missing = {number: begin for number, (begin, _) in log_bounds.items() if begin > 0}
    if missing and not options.allow_missing:
        ranges = ", ".join(f"partition {number}: offsets 0 to {begin - 1}" for number, begin in missing.items())
        raise Refused(
            "log_incomplete",
            f"the beginning of the log is gone ({ranges})",
            "backfill the store again and then replay with --allow-missing, which folds what there is",
        )


def _work(settings: KafkaSettings, tasks: Iterable[Task], processes: int) -> list[Replayed]:
    done = []
    for one in each(replay_partition, settings, tasks, processes=processes):
        done.append(one)
        log.info(
            "replay.written",
            partition=one.partition,
            events=one.events,
            customers=one.customers,
            seconds=one.seconds,
            cpu_seconds=one.cpu_s,
        )
    return done


def _finish(generations: Generations, number: int, done: list[Replayed], lock: ReplayLock) -> None:
    if not lock.held:
        raise Refused(
            "replay_overtaken", "this replay was stopped for so long that another one may have begun", "start it again"
        )
    generations.finish(number, {one.partition: one.position for one in done})
    log.info("generation.finished", generation=number, events=sum(one.events for one in done))


def _by_part(done: list[Replayed]) -> dict[str, float]:
    """Of all processes together."""
    parts = dict.fromkeys(part for one in done for part in one.seconds)
    return rounded({part: sum(one.seconds.get(part, 0.0) for one in done) for part in parts})


def _result(done: list[Replayed], generation: int | None, seconds: float, *, promoted: bool) -> dict[str, Any]:
    digest, live_digest = digest_of(one.rows for one in done), digest_of(one.live_rows for one in done)
    return {
        "generation": generation,
        "events": sum(one.events for one in done),
        "customers": sum(one.customers for one in done),
        "seconds": round(seconds, 3),
        "seconds_by_part": _by_part(done),
        "digest": digest,
        "live_digest": live_digest,
        "equal": digest == live_digest,
        "differences": asdict(reduce(add, (one.differences for one in done), Differences())),
        "promoted": promoted,
        "effects_released": 0,
    }
