"""Two of our workers on two cores beside one, on a topic that is there already.

All workers have joined and restored, and wait at a gate before their first event; the time runs from its opening to the
commit of the last event. The broker has a core of its own where the machine has three, else it shares theirs.
Run: `headrace bench scale`.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.engine.asked import Asked
from benchmarks.engine.bench import Bench, bench, say
from benchmarks.engine.machine import cpu_seconds
from benchmarks.engine.options import add_common, positive
from benchmarks.engine.report import finish, make_result
from benchmarks.engine.results import order_of_round, ratios, table
from benchmarks.engine.systems import SYSTEMS
from benchmarks.engine.topics import Kept, create, fill, members, read_kept
from benchmarks.engine.worker_process import WorkerProcess
from benchmarks.engine.workload import records

COLUMNS: Final = {"events_per_second": "events/s", "cpu_us_per_event": "us CPU", "broker_cpu_us_per_event": "broker us"}
WORKERS: Final = {"headrace, 1 worker": 1, "headrace, 2 workers": 2}
_CUSTOMERS: Final = 20_000
_READY_WITHIN_S: Final = 60.0
_WITHIN_S: Final = 180.0


@dataclass(frozen=True, slots=True)
class Options:
    """`events` are folded `rounds` times by one worker and by two."""

    rounds: int
    events: int
    json: bool
    keep: bool


def main(arguments: list[str]) -> int:
    """0 when all events were counted once, 1 when not."""
    parser = argparse.ArgumentParser("benchmarks.engine.scale", description=__doc__)
    add_common(parser)
    parser.add_argument("--events", type=positive, default=480_000)
    options = Options(**vars(parser.parse_args(arguments)))
    broker, cores = shared_out()
    with bench(*broker) as place:
        fill(place.bootstrap, "scale-in", records(options.events, _CUSTOMERS))
        rounds = list(_rounds(options, place, cores))
    shares = set(broker) & set(cores) != set()
    workload = {"name": "long", "events": options.events, "customers": _CUSTOMERS, "broker_shares_cores": shares}
    result = make_result("scale", rounds, kafka=place.broker.version, workload=workload)
    return finish(with_ratio(result), scale_table(result), as_json=options.json, keep=options.keep)


def shared_out() -> tuple[Sequence[int], Sequence[int]]:
    """The broker's cores and the two workers', apart where the machine has three."""
    count = os.cpu_count() or 1
    return ((0,), (1, 2)) if count > 2 else (range(count), (1, 0))


def with_ratio(result: dict[str, Any]) -> dict[str, Any]:
    """The result with two workers beside one."""
    one, two = WORKERS
    result["ratios"] = {f"{two}/{one}": ratio for ratio in ratios(result["medians"], ours=two).values()}
    return result


def scale_table(result: dict[str, Any]) -> str:
    """For people."""
    lines = [table(result["medians"], COLUMNS), *(f"{pair}: {ratio:.2f} x" for pair, ratio in result["ratios"].items())]
    return "\n".join(lines)


def _rounds(options: Options, place: Bench, cores: Sequence[int]) -> Iterator[dict[str, Any]]:
    for number in range(options.rounds):
        for name in order_of_round(list(WORKERS), number):
            count = WORKERS[name]
            group = f"scale-{count}-{number}"
            gate = str(place.folder / f"{group}.open")
            asked = Asked(place.bootstrap, "scale-in", group, options.events, str(place.folder / group), gate=gate)
            measured = _measure(asked, place, cores[:count])
            yield {"system": name, "round": number + 1, **measured}
            say(f"round {number + 1}: {name}: {measured['error'] or measured['events_per_second']}")


def _measure(asked: Asked, place: Bench, cores: Sequence[int]) -> dict[str, Any]:
    system = SYSTEMS["headrace"]
    changelog = system.changelog(asked)
    try:
        create(asked.bootstrap, changelog, **{"cleanup.policy": "compact"})
        figures = run_gated(asked, place, cores, _worker)
        kept: Kept = read_kept(asked.bootstrap, changelog, system.count)
        wrong = None if kept.events == asked.events else f"{kept.events} events counted of {asked.events}"
        return {**figures, "counted": kept.events, "error": wrong}
    except Exception as error:  # whatever one system does, the others are still measured
        return {"error": f"{type(error).__name__}: {error}"}
    finally:
        shutil.rmtree(asked.state_dir, ignore_errors=True)


def run_gated(
    asked: Asked, place: Bench, cores: Sequence[int], start: Callable[[Asked, int, int], WorkerProcess]
) -> dict[str, Any]:
    """The figures of one run; `start` makes the worker of a number on a core. Raises `RunFailed`."""
    with ExitStack() as stack:
        workers = [stack.enter_context(start(asked, number, core)) for number, core in enumerate(cores)]
        for worker in workers:
            worker.wait_for("ready", _READY_WITHIN_S)
        workers[0].wait_until(lambda: members(asked.bootstrap, asked.group) == len(cores), _READY_WITHIN_S, "group")
        broker_before, before = cpu_seconds(place.broker.pid), sum(worker.cpu_s for worker in workers)
        Path(asked.gate).touch()
        workers[0].wait_until(lambda: _committed(workers) >= asked.events, _WITHIN_S, "last commit")
        used = sum(worker.cpu_s for worker in workers) - before
        broker_used = cpu_seconds(place.broker.pid) - broker_before
        marks = [mark for worker in workers for mark in worker.marks()]
        shares = [_last(worker) for worker in workers]
    begun = min(mark["at_s"] for mark in marks if mark["mark"] == "first")
    ended = max(mark["at_s"] for mark in marks if mark["mark"] == "committed")
    return {
        "events_per_second": round(asked.events / (ended - begun)),
        "cpu_us_per_event": round(used / asked.events * 1e6, 2),
        "broker_cpu_us_per_event": round(broker_used / asked.events * 1e6, 2),
        "detail": {"events_of_each": shares},
    }


def _worker(asked: Asked, number: int, core: int) -> WorkerProcess:
    own = asked._replace(state_dir=f"{asked.state_dir}-{number}")
    command = SYSTEMS["headrace"].prepare()
    return WorkerProcess(command, own, {"HEADRACE_WORKER_ID": str(number)}, core=core)


def _committed(workers: Sequence[WorkerProcess]) -> int:
    return sum(map(_last, workers))


def _last(worker: WorkerProcess) -> int:
    return max((int(mark["events"]) for mark in worker.marks() if mark["mark"] == "committed"), default=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
