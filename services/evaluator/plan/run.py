"""A whole plan: every partition of the live generation, shared out among processes, summed up.

Texts for people, files and costs are made by the verb (`headrace.cli.plan`).
"""

import time
from dataclasses import dataclass
from typing import Any

from headrace.contracts.topics import EVENTS
from headrace.rules.model import decode_rule_set
from headrace.runtime.generations import live_generation
from headrace.runtime.kafka import topic
from headrace.runtime.settings import KafkaSettings
from headrace.segmentation.plan_sum import PlanSum
from headrace.segmentation.plan_warnings import warnings_of
from services.evaluator.plan.partition import Planned, Task, plan_partition
from services.evaluator.replay.generations import Generations
from services.evaluator.replay.log_reader import bounds
from services.evaluator.replay.pool import each
from services.evaluator.replay.refused import Refused
from services.evaluator.replay.stopwatch import rounded


@dataclass(frozen=True, slots=True)
class Options:
    """`document`: the encoded rule set; `version`: the number it would have. `folder`: who changes, by partition."""

    store: str
    document: bytes
    version: int
    folder: str
    processes: int
    take_over: bool = False


def plan(settings: KafkaSettings, options: Options) -> dict[str, Any]:
    """The verb's result. Raises `Refused`, `KafkaException`, `KafkaError`, `TimeoutError`."""
    began = time.monotonic()
    generations, live = Generations(settings), live_generation(settings)
    if live not in generations.existing():
        raise Refused("no_live_generation", f"generation {live} has no changelog", "run `headrace topics create`")
    numbers = range(generations.partitions())
    tasks = [
        Task(live, number, options.store, options.document, options.version, options.folder, options.take_over)
        for number in numbers
    ]
    done = sorted(
        each(plan_partition, settings, tasks, processes=options.processes), key=lambda planned: planned.partition
    )
    ends = {number: end for number, (_, end) in bounds(settings, topic(settings, EVENTS), tuple(numbers)).items()}
    return _result(done, ends, options, live, time.monotonic() - began)


def _result(
    done: list[Planned], ends: dict[int, int], options: Options, generation: int, seconds: float
) -> dict[str, Any]:
    bases = {planned.base for planned in done}
    if len(bases) > 1:
        raise Refused(
            "activation_pending",
            f"partitions have different rule sets in force: versions {', '.join(map(str, sorted(bases)))}",
            "wait until `headrace rules status` says that one is in force everywhere, then plan again",
        )
    found, rule_set = PlanSum(), decode_rule_set(options.document)
    for planned in done:
        found.merge(planned.found)
    parts = dict.fromkeys(part for planned in done for part in planned.seconds)
    return {
        "generation": generation,
        "in_force": bases.pop() if bases else 0,
        "offsets": {str(planned.partition): planned.position for planned in done},
        "behind": sum(max(0, ends[planned.partition] - planned.position) for planned in done),
        "unreadable": sum(planned.unreadable for planned in done),
        "seconds": round(seconds, 3),
        "seconds_by_part": rounded({part: sum(one.seconds.get(part, 0.0) for one in done) for part in parts}),
        "cpu_s": round(sum(one.cpu_s for one in done), 3),
        "rss_mb": max((one.rss_mb for one in done), default=0),
        **found.as_object(rule_set),
        "tagged": dict(sorted(found.tagged.items())),
        "warnings": warnings_of(found, rule_set),
    }
