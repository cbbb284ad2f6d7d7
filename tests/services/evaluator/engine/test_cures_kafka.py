"""Cures that only a real Kafka can show: workers stop within a transaction, and others take over.

Each scenario goes well with its cure, and ends in the fault without it.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from headrace.runtime.kafka import confluent_config, read_to_end, topic
from headrace.runtime.settings import ServiceSettings
from services.evaluator.engine.cures import Cure
from tests.services.evaluator.engine.counting import HUGE, OUTPUTS, SOURCE
from tests.services.evaluator.engine.harness import (
    GROUP,
    Process,
    Workers,
    committed,
    create_topics,
    judge,
    lag,
    load,
    restores,
    wait_for,
)
from tests.services.evaluator.engine.world import WELL

EVENTS = 600
SESSION_S = 3.0


@dataclass
class Stage:
    """Topics of its own with some events, and workers over them. `out`: the cure that is taken out, if one is."""

    settings: ServiceSettings
    workers: Workers
    out: Cure | None = None

    def start(self, worker_id: str = "0", **options: object) -> Process:
        return self.workers.start(worker_id, session_s=SESSION_S, heartbeat_s=0.5, **options)

    def members(self) -> list[str]:
        """Those of the group that have partitions."""
        group = topic(self.settings, GROUP)
        admin = AdminClient(confluent_config(self.settings))
        described: Any = admin.describe_consumer_groups([group])[group].result(10)
        return [member.member_id for member in described.members if member.assignment.topic_partitions]

    def settle(self, within_s: float = 30.0) -> str:
        """Until all is committed; then what a separate fold says of it."""
        if not came(lambda: lag(self.settings) == 0, within_s):
            return "stuck"
        verdict = asyncio.run(judge(self.settings))
        if verdict.repeated or verdict.extra:
            return "outputs repeated"
        if verdict.missing:
            return "outputs lost"
        return WELL if verdict.exact else "wrong state"


Scenario = Callable[[Stage], str]


def came(condition: Callable[[], bool], within_s: float) -> bool:
    """Whether it holds in time; for what comes with or without the cure only."""
    with contextlib.suppress(AssertionError):
        wait_for("it", condition, within_s)
        return True
    return False


def is_stopped(process: Process) -> bool:
    """Whether it has stopped itself (SIGSTOP)."""
    status = Path(f"/proc/{process.popen.pid}/stat").read_text()
    return status.rpartition(")")[2].split()[0] == "T"


def killed_after_its_first_commit(stage: Stage) -> str:
    assert stage.start(test_stop="committed:kill").popen.wait(30) == -signal.SIGKILL
    stage.start()
    return stage.settle()


def killed_before_its_first_commit(stage: Stage) -> str:
    """Its records lie in the changelog, but were never committed."""
    assert stage.start(test_stop="flushed:kill").popen.wait(30) == -signal.SIGKILL
    load(stage.settings, EVENTS, seed=2)
    stage.start()
    return stage.settle()


def first_transaction_aborted(stage: Stage) -> str:
    worker = stage.start(test_stop="flushed:abort")
    wait_for("the abort", lambda: bool(worker.events("epoch.aborted")))
    load(stage.settings, EVENTS, seed=2)
    return stage.settle()


def first_transaction_aborted_and_nothing_comes(stage: Stage) -> str:
    """No later record shows that these are missing."""
    worker = stage.start(test_stop="flushed:abort")
    wait_for("the abort", lambda: bool(worker.events("epoch.aborted")))
    return stage.settle(10)


def another_takes_over_between_offsets_and_commit(stage: Stage) -> str:
    """With its cure the other waits for the transaction, so we wake its owner soon; the group does not ask again.

    Without it the other restores beside the transaction, and that is waited for. The transaction must not time out
    meanwhile, however slow the machine (`_LASTING`).
    """
    zombie = stage.start(test_stop="offsets_sent:stop")
    wait_for("it stands still", lambda: is_stopped(zombie))
    before = stage.members()
    other = stage.start("1")
    wait_for("the other has the partitions", lambda: (now := stage.members()) != [] and not set(now) & set(before))
    wait_for("the other knows how far to restore", lambda: bool(other.events("partitions.restoring")))
    came(lambda: restores(other) > 0, 30 if stage.out == "high_watermark" else 2.5)
    zombie.popen.send_signal(signal.SIGCONT)
    wait_for("the zombie has restored", lambda: restores(zombie) > 1)
    return stage.settle()


def zombie_wakes_before_its_first_record(stage: Stage) -> str:
    """The other did everything meanwhile."""
    zombie = stage.start(test_stop="begin:stop")
    wait_for("it stands still", lambda: is_stopped(zombie))
    stage.start("1")
    wait_for("the other has done all", lambda: lag(stage.settings) == 0)
    zombie.popen.send_signal(signal.SIGCONT)
    wait_for("the zombie has restored", lambda: restores(zombie) > 1)
    return stage.settle()


def replaced_under_its_own_id(stage: Stage) -> str:
    """What was stopped is started again; the old process wakes, and must go."""
    zombie = stage.start(test_stop="begin:stop")
    wait_for("it stands still", lambda: is_stopped(zombie))
    successor = stage.start()
    wait_for("the successor has restored", lambda: restores(successor) > 0)
    zombie.popen.send_signal(signal.SIGCONT)
    wait_for("the zombie has ended or goes on", lambda: zombie.popen.poll() is not None or restores(zombie) > 1)
    return WELL if zombie.popen.poll() == 3 else "two workers under one id"


def vanished_within_a_transaction(stage: Stage) -> str:
    """For good: the other must get on by itself, within the time-out and Kafka's look at it every 10 s."""
    assert stage.start(test_stop="flushed:kill").popen.wait(30) == -signal.SIGKILL
    stage.start("1")
    return stage.settle(40)


def ends_and_leaves_the_group(stage: Stage) -> str:
    worker = stage.start()
    stage.settle()
    worker.popen.terminate()
    worker.popen.wait(10)
    return WELL if came(lambda: not stage.members(), SESSION_S / 2) else "still a member"


def ends_under_load(stage: Stage) -> str:
    load(stage.settings, 50_000, seed=2)
    worker = stage.start()
    wait_for("it is at work", lambda: committed(stage.settings) > 0)
    worker.popen.terminate()
    worker.popen.wait(15)
    reason: str = worker.events("process.stopped")[-1]["reason"]
    return WELL if reason == "asked" else reason


def a_record_that_is_not_taken(stage: Stage) -> str:
    """Larger than the client sends; nothing may be committed past it."""
    producer = Producer(confluent_config(stage.settings))
    producer.produce(topic(stage.settings, SOURCE), b"9000000", HUGE, 0)
    producer.flush()
    worker = stage.start()
    came(lambda: worker.popen.poll() is not None or lag(stage.settings) == 0, 30)
    outputs = asyncio.run(read_to_end(stage.settings, topic(stage.settings, OUTPUTS)))
    if lag(stage.settings) == 0 and not any(record.key == HUGE for record in outputs):
        return "an output is lost"
    return WELL if worker.popen.poll() == 3 else "goes on for ever"


SCENARIOS: dict[Cure, tuple[Scenario, str]] = {
    "one_transaction": (killed_after_its_first_commit, "outputs repeated"),
    "read_committed": (killed_before_its_first_commit, "outputs lost"),
    "abort_discards": (first_transaction_aborted, "outputs lost"),
    "seek_without_commit": (first_transaction_aborted_and_nothing_comes, "stuck"),
    "high_watermark": (another_takes_over_between_offsets_and_commit, "outputs repeated"),
    "flush_first": (another_takes_over_between_offsets_and_commit, "outputs repeated"),
    "group_fence": (zombie_wakes_before_its_first_record, "outputs repeated"),
    "stable_id": (replaced_under_its_own_id, "two workers under one id"),
    "dynamic_membership": (ends_and_leaves_the_group, "still a member"),
    "own_drain": (ends_under_load, "stop_timed_out"),
    "failed_send_aborts": (a_record_that_is_not_taken, "an output is lost"),
    "transaction_timeout": (vanished_within_a_transaction, "stuck"),
}
_SLOW: set[Cure] = {"transaction_timeout", "seek_without_commit"}  # the second is shown in memory too
_LASTING: dict[Cure, str] = {"high_watermark": ",transaction_timeout", "flush_first": ",transaction_timeout"}
"""What is out with and without the cure: these need a transaction that lasts, for Kafka's own minute."""
EACH = [pytest.param(cure, marks=[pytest.mark.slow] if cure in _SLOW else []) for cure in SCENARIOS]
_SAME_IN_PLACE: Cure = "high_watermark"
"""With its cure in place this one's scenario is flush_first's, word for word."""


def _slow_without(each: Any) -> Any:
    """Ten seconds for a fault that is a time-out."""
    return pytest.param("own_drain", marks=pytest.mark.slow) if each.values == ("own_drain",) else each


@pytest.fixture
def stage(kafka_settings: ServiceSettings, tmp_path: Path) -> Iterator[Stage]:
    create_topics(kafka_settings)
    load(kafka_settings, EVENTS)
    workers = Workers(kafka_settings, tmp_path)
    yield Stage(kafka_settings, workers)
    workers.kill_all()


@pytest.mark.parametrize("cure", [each for each in EACH if each.values != (_SAME_IN_PLACE,)])
def test_cure__in_place__all_is_well(cure: Cure, stage: Stage, without: Callable[[str], None]) -> None:
    scenario, _ = SCENARIOS[cure]
    without(_LASTING.get(cure, ""))
    assert scenario(stage) == WELL


@pytest.mark.parametrize("cure", [_slow_without(each) for each in EACH])
def test_cure__taken_out__ends_in_its_fault(cure: Cure, stage: Stage, without: Callable[[str], None]) -> None:
    scenario, fault = SCENARIOS[cure]
    stage.out = cure
    without(cure + _LASTING.get(cure, ""))
    assert scenario(stage) == fault
