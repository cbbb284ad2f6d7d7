"""The workers of a run as an orchestrator would keep them, and the faults that befall them, one script at a time.

Whoever ends by itself is started again under its name; what was done, and whether it landed, is counted.
"""

import contextlib
import heapq
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

import msgspec

from headrace.runtime.settings import ServiceSettings
from services.evaluator.engine.phases import Phase
from tests.kill.plan import MOST_WORKERS, STAYS_AWAY, Fault, Plan
from tests.kill.told import TELL_TASKS, TELL_THREADS, Told

_STOP_WITHIN_S: Final = 20.0
_LOOK_EVERY_S: Final = 0.1


class Worker:
    """One worker process and its log so far."""

    def __init__(self, popen: "subprocess.Popen[bytes]", log: Path, stop_file: Path) -> None:
        self.popen, self.log, self.stop_file = popen, log, stop_file
        self.ready = self.begun = False
        self.ending_since: float | None = None
        self.waking_at: float | None = None
        self.armed_for = 0.0
        """How long it is to stand still when it has stopped itself; 0 = it was not told to."""
        self.away_s = STAYS_AWAY
        """After which time it comes back when it has ended as asked."""
        self._read_to = 0

    def look(self) -> None:
        """Takes in what its log says since the last look."""
        with self.log.open("rb") as lines:
            lines.seek(self._read_to)
            for line in lines:
                if not line.endswith(b"\n"):
                    return
                self._read_to += len(line)
                if b'"health.changed"' in line:
                    self.ready, self.begun = bool(json.loads(line)["ready"]), True

    @property
    def stands_still(self) -> bool:
        """Whether it was stopped, by us or by itself."""
        try:
            return Path(f"/proc/{self.popen.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        except (FileNotFoundError, ProcessLookupError, IndexError):
            return False


class Crew:
    """All workers of a run. `counts`: faults that landed; `problems`: what a worker must never do."""

    def __init__(self, plan: Plan, settings: ServiceSettings, folder: Path, partitions: int) -> None:
        self._plan, self._settings, self._folder, self._partitions = plan, settings, folder, partitions
        self.workers: dict[int, Worker] = {}
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self._back_at: dict[int, float] = {}
        self._starts: Counter[int] = Counter()
        self._over = False

    def start(self, slot: int) -> None:
        """A worker of this name, with a log of its own: a killed one leaves half a line."""
        self._starts[slot] += 1
        log, stop_file = self._folder / f"worker-{slot}.{self._starts[slot]}.log", self._folder / f"stop-{slot}"
        told = Told(self._plan.fold, str(stop_file), self._partitions, self._plan.pauses)
        environment = {
            **os.environ,
            "HEADRACE_KAFKA_BOOTSTRAP_SERVERS": self._settings.kafka_bootstrap_servers,
            "HEADRACE_STORE": self._settings.store,
            "HEADRACE_WORKER_ID": str(slot),
            "HEADRACE_PARENT_PID": str(os.getpid()),
            "HEADRACE_SESSION_TIMEOUT_MS": "6000",
            "HEADRACE_CHUNK_RECORDS": "500",
        }
        command = [sys.executable, "-m", "tests.kill.worker", msgspec.json.encode(told).decode()]
        stop_file.unlink(missing_ok=True)
        with log.open("wb") as sink:
            popen = subprocess.Popen(command, env=environment, stdout=sink, stderr=sink)
        self.workers[slot] = Worker(popen, log, stop_file)
        self._back_at.pop(slot, None)

    def look(self) -> None:
        """Wakes who slept long enough, starts again who is due, notices who ended by itself."""
        now = time.monotonic()
        for slot, worker in list(self.workers.items()):
            worker.look()
            if worker.popen.poll() is not None:
                self._ended(slot, worker, now)
            elif worker.waking_at is not None:
                if now >= worker.waking_at:
                    worker.popen.send_signal(signal.SIGCONT)
                    worker.waking_at = None
            elif worker.armed_for and worker.stands_still:
                self.counts["inside"] += 1
                worker.waking_at, worker.armed_for = now + worker.armed_for, 0.0
            elif worker.ending_since is not None and now - worker.ending_since > _STOP_WITHIN_S:
                self.problems.append(f"worker {slot} did not end within {_STOP_WITHIN_S:g} s of SIGTERM")
                self.tell(worker)
                worker.popen.kill()
        for slot, at in list(self._back_at.items()):
            if now >= at:
                self.start(slot)

    @property
    def resting(self) -> bool:
        """Whether nothing is under way: nobody stopped, ending, or away for a while."""
        busy = (worker.waking_at is not None or worker.ending_since is not None for worker in self.workers.values())
        return not self._back_at and not any(busy)

    @property
    def ready(self) -> bool:
        """Whether all that live say they are."""
        return bool(self.workers) and all(worker.ready for worker in self.workers.values())

    # -- faults ------------------------------------------------------------------------------------------------------
    def befall(self, fault: Fault) -> None:
        """One line of the script; on another worker when the one it names does not fit."""
        if fault.kind == "join":
            self._join(fault)
            return
        slot = next((s for s in _from(fault.worker) if s in self.workers and _is_free(self.workers[s])), None)
        if slot is None:
            return
        worker = self.workers[slot]
        if fault.kind == "inside":
            worker.armed_for = fault.lasts_s
            _arm(worker.stop_file, fault.phase)
            return
        self.counts[fault.kind] += 1
        if fault.kind == "stop":
            worker.popen.send_signal(signal.SIGSTOP)
            worker.waking_at = time.monotonic() + fault.lasts_s
        elif fault.kind == "kill":
            worker.popen.kill()
            worker.popen.wait()
            self._away(slot, fault.lasts_s)
        else:
            worker.popen.terminate()
            worker.ending_since = time.monotonic()
            worker.away_s = fault.lasts_s

    def disarm(self) -> None:
        """No more stops inside transactions, but those that have begun."""
        for worker in self.workers.values():
            worker.stop_file.unlink(missing_ok=True)

    def stop(self) -> None:
        """SIGTERM for everybody; who does not end in time is a problem."""
        self._over = True
        for worker in self.workers.values():
            worker.ending_since, worker.away_s = time.monotonic(), STAYS_AWAY
            worker.popen.terminate()
        while self.workers:
            self.look()
            time.sleep(_LOOK_EVERY_S)

    def kill(self) -> None:
        """Whoever is left, at once."""
        for worker in self.workers.values():
            worker.popen.kill()
            worker.popen.wait()

    def tell(self, worker: Worker) -> None:
        """Has a worker write to its log what it is waiting for."""
        for number in (TELL_TASKS, TELL_THREADS):
            with contextlib.suppress(ProcessLookupError):
                worker.popen.send_signal(number)
            time.sleep(0.5)

    def lines(self) -> Iterator[dict[str, Any]]:
        """All that any worker logged."""
        for path in sorted(self._folder.glob("worker-*.log")):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                if line.startswith("{") and line.endswith("}"):
                    yield json.loads(line)

    def _join(self, fault: Fault) -> None:
        slot = next((s for s in _from(fault.worker) if s not in self.workers and s not in self._back_at), None)
        if slot is not None:
            self.counts["join"] += 1
            self.start(slot)

    def _away(self, slot: int, lasts_s: float) -> None:
        del self.workers[slot]
        if self._over:
            return
        alone = not self.workers and not self._back_at
        if lasts_s < STAYS_AWAY or alone:
            self._back_at[slot] = time.monotonic() + min(lasts_s, 2.0 if alone else lasts_s)

    def _ended(self, slot: int, worker: Worker, now: float) -> None:
        if worker.ending_since is None:
            self.counts["ended by itself"] += 1
            self._away(slot, 0.5)
            return
        if worker.popen.returncode != 0:
            self.problems.append(f"worker {slot} ended with {worker.popen.returncode} after SIGTERM")
        self._away(slot, worker.away_s)


def play(script: Iterable[Fault], crew: Crew, kill_broker: Callable[[float], "Future[None]"]) -> None:
    """Carries a script out, and returns when all it did to workers and broker is over."""
    began = time.monotonic()
    agenda = [(fault.at_s, number, fault) for number, fault in enumerate(script)]
    heapq.heapify(agenda)
    broker: Future[None] | None = None
    while agenda or not crew.resting or (broker is not None and not broker.done()):
        if agenda and time.monotonic() - began >= agenda[0][0]:
            fault = heapq.heappop(agenda)[2]
            if fault.kind == "broker":
                broker = kill_broker(fault.lasts_s)
                crew.counts["broker"] += 1
            else:
                crew.befall(fault)
        if not agenda:
            crew.disarm()
        crew.look()
        time.sleep(_LOOK_EVERY_S)
    if broker is not None:
        broker.result()


def _is_free(worker: Worker) -> bool:
    """Whether it runs, at work or in the middle of a restore, and no other fault has it in hand."""
    unharmed = worker.waking_at is None and worker.ending_since is None and not worker.armed_for
    return unharmed and worker.begun and worker.popen.poll() is None


def _arm(file: Path, phase: Phase) -> None:
    """Whole at once: the worker may look at any time."""
    draft = file.with_suffix(".new")
    draft.write_text(phase)
    draft.replace(file)


def _from(first: int) -> Iterator[int]:
    return ((first + step) % MOST_WORKERS for step in range(MOST_WORKERS))
