"""One partition planned: its live state read in bulk, each customer looked at, those that change written down.

A process has one partition in memory at a time, as bytes; a customer is decoded, looked at and let go.
"""

import dataclasses
import gc
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Final

import msgspec
from msgspec import Struct

from headrace.rules.model import decode_rule_set
from headrace.runtime.logs import log
from headrace.runtime.settings import KafkaSettings
from headrace.segmentation.codec import StateUnreadable, decode_state
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.pages import NO_PAGES
from headrace.segmentation.plan import Outlook, Planner, Wanted
from headrace.segmentation.plan_sum import PlanSum
from headrace.segmentation.plan_tally import PlanTally
from headrace.segmentation.shared import Shared
from services.evaluator.customer import StoredPages
from services.evaluator.engine.state import MARK_BYTES, PAGE_SIGN, Partition
from services.evaluator.marker import decode_marker
from services.evaluator.plan.memory import peak_mb
from services.evaluator.plan.pending import is_pending
from services.evaluator.replay.partition import live_partition, settle
from services.evaluator.replay.stopwatch import Stopwatch
from services.evaluator.rules_feed import RuleSets

_ENCODE: Final = msgspec.json.Encoder(order="deterministic").encode


class _Changed(Struct, frozen=True):
    """A line of what is written; the names in it are sorted, so that the same says the same."""

    customer: str
    before: msgspec.Raw
    after: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Task:
    """`document`: the encoded rule set, which would become `version`. `folder`: where who changes is written."""

    generation: int
    partition: int
    store: str
    document: bytes
    version: int
    folder: str
    take_over: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """What came of it. `position`: the next offset of the source; `base`: the version in force there, 0 for none.

    `unreadable`: customers that could not be looked at, as a rule because this release cannot read their state.
    """

    partition: int
    position: int
    base: int
    found: PlanSum
    unreadable: int
    seconds: dict[str, float] = field(default_factory=dict)
    """By part: restore (reading and what is pending), look."""
    cpu_s: float = 0.0
    """Of the process, all threads."""
    rss_mb: int = 0
    """The most that its process has had in memory so far."""


def plan_partition(settings: KafkaSettings, rule_sets: RuleSets, task: Task) -> Planned:
    """Raises `KafkaException`, `KafkaError`, `TimeoutError`."""
    gc.disable()  # states are trees: nothing of a partition is ever in a cycle worth looking for
    gc.freeze()  # what was there before it need not be looked at after it
    try:
        return _read_and_planned(settings, rule_sets, task)
    finally:
        gc.enable()
        gc.collect()  # or the next partition would be read into memory beside this one


def _read_and_planned(settings: KafkaSettings, rule_sets: RuleSets, task: Task) -> Planned:
    parts, cpu = Stopwatch(), time.process_time()
    with parts.of("restore"):
        live = live_partition(settings, task.generation, task.partition)
        if is_pending(live, decode_marker(live.marker)):
            settle(settings, rule_sets, live)
    planned = plan_state(live, rule_sets, task, parts)
    return dataclasses.replace(planned, cpu_s=round(time.process_time() - cpu, 3), rss_mb=peak_mb())


def part_of(folder: Path, partition: int) -> Path:
    """Where a partition's customers that change are written: one JSON object a line, customer, before, after."""
    return folder / f"{partition}.jsonl"


def plan_state(live: Partition, rule_sets: RuleSets, task: Task, parts: Stopwatch) -> Planned:
    """Of a partition whose customers have seen what was pending for them."""
    marker = decode_marker(live.marker)
    activation = marker.last(task.store)
    base = 0 if activation is None else activation.version
    rules = _rules_of(rule_sets, task.store, base)
    planner = Planner(
        decode_rule_set(task.document),
        version=task.version,
        base=None if rules is None else (base, rules),
        take_over=task.take_over,
    )
    found, unreadable, encoded = PlanTally(), 0, Shared(_encoded)
    with parts.of("look"), part_of(Path(task.folder), task.partition).open("wb") as out:
        for outlook in _outlooks(live, planner, task.store, marker.clocks):
            if outlook is None:
                unreadable += 1
                continue
            if found.add(outlook):
                _write(out, outlook, encoded)
        summed = found.sum()
    return Planned(task.partition, live.applied + 1, base, summed, unreadable, parts.seconds)


def _outlooks(
    live: Partition, planner: Planner, store: str, clocks: Mapping[str, datetime]
) -> Iterator[Outlook | None]:
    """Each customer of the store but graves; None for one that cannot be looked at."""
    beginning, now, offset = f"{store}:".encode(), clocks.get(store), live.applied + 1
    for key, value in live.records.items():
        if not key.startswith(beginning) or PAGE_SIGN in key:
            continue
        try:
            state = decode_state(value[MARK_BYTES:])
            pages = StoredPages(live, key) if live.pages(key) else NO_PAGES
            outlook = planner.look(state, offset=offset, now=now, pages=pages)
        except StateUnreadable:
            yield None
            continue
        except Exception:  # one customer must not hide what becomes of the others
            log.exception("task.failed", task="plan", partition=live.number)
            yield None
            continue
        if outlook is not None:
            yield outlook


def _rules_of(rule_sets: RuleSets, store: str, version: int) -> CompiledRules | None:
    known = rule_sets.find(store, version)
    return None if known is None else known.rules


def _write(out: IO[bytes], outlook: Outlook, encoded: Shared[Wanted, msgspec.Raw]) -> None:
    out.write(_ENCODE(_Changed(outlook.customer, encoded.of(outlook.before), encoded.of(outlook.after))))
    out.write(b"\n")


def _encoded(wanted: Wanted) -> msgspec.Raw:
    return msgspec.Raw(_ENCODE(wanted))
