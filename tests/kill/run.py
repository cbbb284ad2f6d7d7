"""One seed from its plan to its verdict: a broker of its own, a load, a crew with faults, quiet, and the judgement.

What is drawn is in `plan.py`; many seeds, one after the other, are `soak.py`'s.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException

from headrace.runtime.settings import ServiceSettings
from tests.kill import counting_oracle, customers_oracle
from tests.kill.cluster import PARTITIONS, Cluster
from tests.kill.counting_load import CountingSource
from tests.kill.crew import Crew, play
from tests.kill.customers_load import CustomersSource
from tests.kill.judge import Expected, Found, LogRecord, judge, judge_logs
from tests.kill.load import Load, Source
from tests.kill.plan import Plan
from tests.kill.progress import Progress, is_done

AT_WORK_WITHIN_S: Final = 180.0
STUCK_AFTER_S: Final = 90.0
"""Three times what a takeover from a worker that vanished inside a transaction may take: the machine may be busy."""
_QUIET_S: Final = 5.0
_QUIET_WITHIN_S: Final = 180.0
_LOOK_EVERY_S: Final = 0.3
KILLS: Final = ("kill", "stop", "inside", "broker")


@dataclass(slots=True)
class Outcome:
    """What one run came to. `settled_s`: from the last fault to the last commit."""

    plan: Plan
    faults: dict[str, int] = field(default_factory=dict)
    events: int = 0
    outputs: int = 0
    pages: int = 0
    timers: int = 0
    settled_s: float = 0.0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """Faults that nobody was asked about: SIGKILLs, stops, the broker."""
        return sum(self.faults.get(kind, 0) for kind in KILLS)


def run_seed(plan: Plan, folder: Path) -> Outcome:
    """Runs the plan in an empty folder."""
    began = time.monotonic()
    outcome = Outcome(plan)
    with Cluster(folder, plan.fold, compacted=plan.compacted) as cluster:
        crew = Crew(plan, cluster.settings, folder, PARTITIONS)
        try:
            _live(plan, cluster, crew, outcome)
            crew.stop()
            outcome.problems += _judge(plan, cluster, outcome)
        except TimeoutError as error:
            outcome.problems.append(str(error))
        finally:
            crew.kill()
        outcome.faults = dict(crew.counts)
        outcome.problems += crew.problems + judge_logs(crew.lines()) + green_but_broken(outcome)
    outcome.seconds = round(time.monotonic() - began, 1)
    return outcome


def green_but_broken(outcome: Outcome) -> list[str]:
    """A run in which nothing happened proves nothing."""
    problems = []
    if not any(outcome.faults.get(kind, 0) for kind in outcome.plan.kinds):
        problems.append("no fault landed")
    if not all((outcome.events, outcome.outputs, outcome.pages, outcome.timers)):
        problems.append("there was nothing to judge")
    return problems


def _live(plan: Plan, cluster: Cluster, crew: Crew, outcome: Outcome) -> None:
    with Load(cluster.settings, cluster.events, _source(plan, cluster.settings), plan.load):
        for slot in range(plan.workers):
            crew.start(slot)
        _until(
            "somebody at work", AT_WORK_WITHIN_S, lambda: crew.ready and any(cluster.committed().values()), crew.look
        )
        play(plan.faults, crew, cluster.kill_broker)
    _follow(cluster, crew, outcome)
    _until("everybody ready", AT_WORK_WITHIN_S, lambda: crew.ready, crew.look)
    _until_quiet(cluster, crew)


def _follow(cluster: Cluster, crew: Crew, outcome: Outcome) -> None:
    """Until all is committed. Raises `TimeoutError` when a partition is stuck."""
    last_fault = time.monotonic()
    progress = Progress(STUCK_AFTER_S, last_fault)
    while True:
        crew.look()
        ends = {number: end for (_, number), end in cluster.ends([cluster.events]).items()}
        committed = cluster.committed()
        outcome.settled_s = round(time.monotonic() - last_fault, 1)
        if is_done(committed, ends):
            return
        if stuck := progress.look(time.monotonic(), committed, ends):
            for worker in crew.workers.values():
                crew.tell(worker)
            raise TimeoutError(f"stuck for {STUCK_AFTER_S:g} s: {_places(stuck, committed, ends)}")
        time.sleep(_LOOK_EVERY_S)


def _until_quiet(cluster: Cluster, crew: Crew) -> None:
    """Until nothing is written any more: what no record waits for, timers and activations, was worked off."""
    topics = (cluster.changelog, *cluster.outputs)
    deadline = time.monotonic() + _QUIET_WITHIN_S
    ends, since = cluster.ends(topics), time.monotonic()
    while time.monotonic() - since < _QUIET_S:
        crew.look()
        time.sleep(_LOOK_EVERY_S)
        if (now := cluster.ends(topics)) != ends:
            ends, since = now, time.monotonic()
        if time.monotonic() > deadline:
            raise TimeoutError(f"still written to after {_QUIET_WITHIN_S:g} s")


def _judge(plan: Plan, cluster: Cluster, outcome: Outcome) -> list[str]:
    cluster.settle()
    expected = _expect(plan, cluster, cluster.read(cluster.events))
    outputs = {name: cluster.read(name) for name in cluster.outputs}
    outcome.events, outcome.pages, outcome.timers = expected.events, expected.pages, expected.timers
    outcome.outputs = sum(map(len, outputs.values()))
    return judge(expected, Found(cluster.read(cluster.changelog), outputs, cluster.committed()))


def _source(plan: Plan, settings: ServiceSettings) -> Source:
    return CountingSource(plan.seed) if plan.fold == "counting" else CustomersSource(plan.seed, settings)


def _expect(plan: Plan, cluster: Cluster, log: Iterable[LogRecord]) -> Expected:
    expect = counting_oracle.expect if plan.fold == "counting" else customers_oracle.expect
    return expect(log, cluster.settings.topic_prefix)


def _until(what: str, within_s: float, holds: Callable[[], bool], look: Callable[[], None]) -> None:
    deadline = time.monotonic() + within_s
    while True:
        look()
        try:
            if holds():
                return
        except KafkaException:
            pass  # Kafka is away: asked again
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {within_s:g} s for: {what}")
        time.sleep(_LOOK_EVERY_S)


def _places(stuck: list[int], committed: dict[int, int], ends: dict[int, int]) -> str:
    return ", ".join(f"partition {number} at {committed.get(number, 0)} of {ends[number]}" for number in stuck)
