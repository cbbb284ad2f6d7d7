"""One partition replayed: its log folded as far as the live state has come, compared with it, written.

One process does this for one partition at a time, so that memory holds the partitions in work and no more.
"""

import gc
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from headrace.contracts.topics import EVENTS, PARTITION_WIDE_KEY, changelog
from headrace.rules.model import decode_rule_set
from headrace.runtime.kafka import topic
from headrace.runtime.logs import log
from headrace.runtime.settings import KafkaSettings
from headrace.segmentation.compiled import compile_rules
from services.evaluator.activations import Activations
from services.evaluator.agent import Place
from services.evaluator.engine.fold import SourceRecord
from services.evaluator.engine.restore import take
from services.evaluator.engine.state import Partition, encode_record
from services.evaluator.replay.changelog_writer import ChangelogWriter
from services.evaluator.replay.customers import ReplayedCustomers
from services.evaluator.replay.cut import before_passing
from services.evaluator.replay.differences import Differences, differences
from services.evaluator.replay.digest import rows, side_by_side
from services.evaluator.replay.log_reader import LogRecord, bounds, read_log
from services.evaluator.replay.refused import Refused
from services.evaluator.replay.rules import ForcedRules
from services.evaluator.replay.stopwatch import Stopwatch
from services.evaluator.rules_feed import RuleSets, RulesFeed

_SAID_EVERY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be replayed. `end` None: as far as the live state has come. `write`: into its own changelog.

    `rules`: the one rule set (encoded) in force instead of the log's. `store`: whose clock `until` is measured by.
    """

    partition: int
    begin: int
    log_end: int
    generation: int
    live_generation: int
    end: int | None = None
    write: bool = True
    until: datetime | None = None
    store: str | None = None
    rules: bytes | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it. `position`: the next offset of the source. `rows`, `live_rows`: see `digest.py`."""

    partition: int
    position: int
    events: int
    customers: int
    rows: bytes
    live_rows: bytes
    differences: Differences
    seconds: dict[str, float]
    """By part: restore (the live state), read and fold (the log), write, compare."""
    cpu_s: float
    """Of the process, all threads."""


def replay_partition(settings: KafkaSettings, rule_sets: RuleSets, task: Task) -> Replayed:
    """Raises `KafkaException`, `KafkaError`, `TimeoutError`; what was written then counts for nothing."""
    gc.disable()  # states are trees: nothing of a partition is ever in a cycle worth looking for
    gc.freeze()  # what was there before it need not be looked at after it
    try:
        return _Replay(settings, rule_sets, task).run()
    finally:
        gc.enable()
        gc.collect()


class _Replay:
    def __init__(self, settings: KafkaSettings, rule_sets: RuleSets, task: Task) -> None:
        self._settings = settings
        self._rule_sets = rule_sets
        self._task = task
        self._source = topic(settings, EVENTS)
        self._parts = Stopwatch()

    def run(self) -> Replayed:
        task, parts, cpu = self._task, self._parts, time.process_time()
        with parts.of("restore"):
            live = live_partition(self._settings, task.live_generation, task.partition)
        partition, events = self._replayed(self._end(live))
        writer = self._begin_writing(partition) if task.write else None
        with parts.of("compare"):
            settle(self._settings, self._rule_sets, live)
            ours, theirs = side_by_side(partition.records, live.records)
            our_rows = rows(ours)
            their_rows = our_rows if ours == theirs else rows(theirs)
            differing = differences(ours, theirs)
        if writer is not None:
            with parts.of("write"):
                writer.finish()
        return Replayed(
            partition=task.partition,
            position=partition.applied + 1,
            events=events,
            customers=len(list(partition.keys())),
            rows=our_rows,
            live_rows=their_rows,
            differences=differing,
            seconds=parts.seconds,
            cpu_s=round(time.process_time() - cpu, 3),
        )

    def _begin_writing(self, partition: Partition) -> ChangelogWriter:
        name = topic(self._settings, changelog(self._task.generation))
        with self._parts.of("write"):
            return ChangelogWriter(self._settings, name, partition.number, partition.records)

    def _end(self, live: Partition) -> int:
        task = self._task
        end = live.applied + 1 if task.end is None else task.end
        if end > task.log_end and not self._log_has(end):
            raise Refused(
                "log_behind_state",
                f"the live state of partition {task.partition} has come to offset {end - 1}, its log ends before it",
                "this is not the log that the state was made from: correct HEADRACE_TOPIC_PREFIX or the cluster",
            )
        return end

    def _replayed(self, end: int) -> tuple[Partition, int]:
        """The partition folded up to `end`, and of how many events."""
        partition = Partition(self._task.partition, log_start=self._task.begin)
        unkept, events = self._fold(partition, end)
        if unkept:
            partition.update({PARTITION_WIDE_KEY: None})
            self._fold(partition, end, only=unkept)
        return partition, events

    def _log_has(self, end: int) -> bool:
        """Whether the log reaches there by now: it may have grown since it was asked first."""
        return bounds(self._settings, self._source, (self._task.partition,))[self._task.partition][1] >= end

    def _fold(
        self, partition: Partition, end: int, only: frozenset[bytes] = frozenset()
    ) -> tuple[frozenset[bytes], int]:
        """Folds up to `end` and takes the states into the partition; who could not be kept, and how many events.

        `only` these customers: with a close after every record, so that what cannot be kept costs one record.
        """
        fold = self._open(partition)
        events = 0
        partition.applied = self._task.begin - 1
        for records in self._parts.waiting("read", self._records(end)):
            with self._parts.of("fold"):
                for chosen in _one_by_one(records, only) if only else (records,):
                    fold.apply(chosen)
                    if only:
                        close_into(partition, fold)
            partition.applied = records[-1].offset
            events += len(records)
        with self._parts.of("fold"):
            fold.settle()
            close_into(partition, fold)
        return fold.unkept, events

    def _records(self, end: int) -> Iterator[Sequence[LogRecord]]:
        task, done, said = self._task, 0, time.monotonic()
        for records in read_log(self._settings, self._source, task.partition, begin=task.begin, end=end):
            count = None if task.until is None else before_passing(records, task.until, task.store)
            if count is not None:
                if count:
                    yield records[:count]
                return
            yield records
            done += len(records)
            if time.monotonic() - said > _SAID_EVERY_S:
                said = time.monotonic()
                log.info(
                    "replay.progressed", partition=task.partition, events=done, position=records[-1].offset, end=end
                )

    def _open(self, partition: Partition) -> ReplayedCustomers:
        rules = self._task.rules
        activations = Activations(partition, self._rule_sets)
        activations.silence()
        if rules is not None:
            activations = ForcedRules(partition, compile_rules(decode_rule_set(rules)))
        return _customers(self._settings, self._rule_sets, partition, activations, self._task.generation)


def live_partition(settings: KafkaSettings, generation: int, partition: int) -> Partition:
    """The committed state of a partition, as workers read it back. Raises `KafkaException`."""
    name = topic(settings, changelog(generation))
    # Up to the high watermark: a transaction may still be open behind the last stable offset, and be committed.
    begin, end = bounds(settings, name, (partition,))[partition]
    found = Partition(partition)
    for records in read_log(settings, name, partition, begin=begin, end=end):
        take(found, records)
    found.restored()
    return found


def settle(settings: KafkaSettings, rule_sets: RuleSets, partition: Partition) -> None:
    """Shows every customer of a partition what is pending, in this copy of it."""
    fold = _customers(settings, rule_sets, partition, Activations(partition, rule_sets), 0)
    fold.settle()
    close_into(partition, fold)


def fold_into(
    settings: KafkaSettings, rule_sets: RuleSets, partition: Partition, batches: Iterable[Sequence[LogRecord]]
) -> None:
    """Folds these records into an empty partition, then shows its customers what is pending."""
    activations = Activations(partition, rule_sets)
    activations.silence()
    fold = _customers(settings, rule_sets, partition, activations, 0)
    for records in batches:
        if records:
            fold.apply(records)
            partition.applied = records[-1].offset
    fold.settle()
    close_into(partition, fold)


def close_into(partition: Partition, fold: ReplayedCustomers) -> None:
    """Takes what the fold changed into the partition, with the partition's own record."""
    folded = fold.close()
    values = {key: None if kept is None else encode_record(*kept) for key, kept in folded.changes.items()}
    body = partition.marker if folded.marker is None else folded.marker
    partition.update({**values, PARTITION_WIDE_KEY: encode_record(partition.applied, body)})


def _customers(
    settings: KafkaSettings, rule_sets: RuleSets, partition: Partition, activations: Activations, generation: int
) -> ReplayedCustomers:
    place = Place(topic(settings, EVENTS), settings.topic_prefix, generation)
    return ReplayedCustomers(partition, place, activations, RulesFeed(settings, rule_sets))


def _one_by_one(records: Sequence[SourceRecord], keys: frozenset[bytes]) -> Iterator[Sequence[SourceRecord]]:
    for record in records:
        if record.key == PARTITION_WIDE_KEY or record.key in keys:
            yield [record]
