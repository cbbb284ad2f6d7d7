"""A whole audit: every partition of the live generation, shared out among processes, put together."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.rules.model import RuleSet
from headrace.runtime.generations import live_generation
from headrace.runtime.settings import KafkaSettings
from headrace.segmentation.audit.report import report
from headrace.segmentation.audit.tally import Tally
from headrace.segmentation.codec import StateUnreadable, decode_state
from services.evaluator.engine.state import MARK_BYTES, PAGE_SIGN, Partition
from services.evaluator.marker import decode_marker
from services.evaluator.replay.generations import Generations
from services.evaluator.replay.partition import live_partition
from services.evaluator.replay.pool import each, rule_sets_of
from services.evaluator.replay.refused import Refused
from services.evaluator.rules_feed import RuleSets


@dataclass(frozen=True, slots=True)
class Task:
    """`key`: of the hashes by which customers who are alike are found; of this run only."""

    generation: int
    partition: int
    store: str
    key: bytes


@dataclass(frozen=True, slots=True)
class Audited:
    """What came of a partition. `version`: in force there, 0 for none; `now`: the store's clock there."""

    version: int
    now: datetime | None
    tally: Tally


def audit(settings: KafkaSettings, store: str, *, processes: int) -> dict[str, Any]:
    """The verb's result. Raises `Refused`, `KafkaException`, `KafkaError`, `TimeoutError`."""
    generations, live = Generations(settings), live_generation(settings)
    if live not in generations.existing():
        raise Refused("no_live_generation", f"generation {live} has no changelog", "run `headrace topics create`")
    key = secrets.token_bytes(16)
    tasks = [Task(live, number, store, key) for number in range(generations.partitions())]
    whole, version, clocks = Tally(key), 0, list[datetime]()
    for audited in each(audit_partition, settings, tasks, processes=processes):
        whole.merge(audited.tally)
        version = max(version, audited.version)
        clocks += [] if audited.now is None else [audited.now]
    return {
        "generation": live,
        "rules_version": version,
        **report(whole, _rules_of(rule_sets_of(settings), store, version), min(clocks, default=None)),
    }


def audit_partition(settings: KafkaSettings, rule_sets: RuleSets, task: Task) -> Audited:
    """Counts the customers of one partition as they were last committed."""
    live = live_partition(settings, task.generation, task.partition)
    marker = decode_marker(live.marker)
    activation = marker.last(task.store)
    version = 0 if activation is None else activation.version
    return Audited(version, marker.clocks.get(task.store), _counted(live, task))


def _counted(live: Partition, task: Task) -> Tally:
    tally, beginning = Tally(task.key), f"{task.store}:".encode()
    for key, value in live.records.items():
        if not key.startswith(beginning) or PAGE_SIGN in key:
            continue
        try:
            tally.add(decode_state(value[MARK_BYTES:]))
        except StateUnreadable:
            tally.unreadable += 1
    return tally


def _rules_of(rule_sets: RuleSets, store: str, version: int) -> RuleSet | None:
    known = rule_sets.find(store, version)
    return None if known is None or known.rules is None else known.rules.rule_set
