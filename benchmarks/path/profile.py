"""Where our worker's CPU goes: its stacks sampled by py-spy (found on PATH or named), and what each thread has used.

At full speed on a topic that is there already, under a paced load, and on the full path. Run: `headrace bench profile`.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.engine.asked import Asked
from benchmarks.engine.bench import Bench, bench, prepare, say
from benchmarks.engine.options import add_common, positive
from benchmarks.engine.paced import WARM_S, Load, Sink, run_paced
from benchmarks.engine.report import finish, make_result
from benchmarks.engine.stacks import functions_of, parts_of, read_stacks
from benchmarks.engine.systems import SYSTEMS
from benchmarks.engine.topics import create, fill
from benchmarks.engine.worker_process import RunFailed, WorkerProcess
from benchmarks.engine.workload import records
from benchmarks.path.options import SHOP
from benchmarks.path.run import evaluator, fill_evaluator
from benchmarks.path.shop_events import shop_records
from headrace.demo.scenario import load_scenario

_CUSTOMERS = 20_000
_SAMPLES_PER_S = 250
_WITHIN_S = 180.0


def main(arguments: list[str]) -> int:
    """0 with a profile, 3 without py-spy."""
    parser = argparse.ArgumentParser("benchmarks.path.profile", description=__doc__)
    add_common(parser, rounds=1)
    parser.add_argument("--events", type=positive, default=600_000, help="at full speed")
    parser.add_argument("--rate", type=positive, default=10_000, help="of the paced load")
    parser.add_argument("--seconds", type=positive, default=10, help="of the paced load")
    parser.add_argument("--copies", type=positive, default=6, help="of the shop, on the full path")
    parser.add_argument("--py-spy", default=shutil.which("py-spy"))
    options = parser.parse_args(arguments)
    if options.py_spy is None:
        say("py-spy is not on the PATH: `pip install py-spy` somewhere, or name it with --py-spy")
        return 3
    with bench() as place:
        rounds = [_round("headrace at full speed", _full, options, place)]
        rounds.append(_round(f"headrace at {options.rate:,}/s", _paced, options, place))
    with bench() as place:
        rounds.append(_round("headrace on the full path", _path, options, place))
    result = make_result("profile", rounds, kafka=place.broker.version)
    return finish(result, "\n".join(_text(each) for each in rounds), as_json=options.json, keep=options.keep)


def _round(name: str, run: Any, options: Any, place: Bench) -> dict[str, Any]:
    say(name)
    try:
        return {"system": name, "round": 1, "detail": run(options, place), "error": None}
    except Exception as error:  # whatever one system does, the others are still measured
        return {"system": name, "round": 1, "error": f"{type(error).__name__}: {error}"}


def _full(options: Any, place: Bench) -> dict[str, Any]:
    with _worker(place, "full", options.events) as (worker, _):
        worker.wait_for("first", _WITHIN_S)
        before = _threads(worker.pid)
        with _sampled(options.py_spy, worker.pid, place.folder / "full.txt") as path:
            worker.wait_for("last", _WITHIN_S)
            threads = _used(before, _threads(worker.pid))
        return {**_sampled_parts(path), "threads": threads}


def _paced(options: Any, place: Bench) -> dict[str, Any]:
    with _worker(place, "paced", 100_000) as (worker, asked):
        worker.wait_for("last", _WITHIN_S)
        sink = Sink(place.bootstrap, asked.output)
        load = Load(asked.topic, _CUSTOMERS, options.rate, options.seconds + WARM_S)
        before = _threads(worker.pid)
        with _sampled(options.py_spy, worker.pid, place.folder / "paced.txt") as path:
            figures = run_paced(worker, place.broker.pid, place.bootstrap, sink, load)
            threads = _used(before, _threads(worker.pid))
        sink.close()
        return {**_sampled_parts(path), "threads": threads, **figures}


def _path(options: Any, place: Bench) -> dict[str, Any]:
    records = list(shop_records(load_scenario(SHOP, seed=1), options.copies))
    asked = fill_evaluator(place, records)
    with evaluator(asked) as worker:
        worker.wait_for("first", _WITHIN_S)
        before = _threads(worker.pid)
        with _sampled(options.py_spy, worker.pid, place.folder / "path.txt") as path:
            worker.wait_for("last", _WITHIN_S)
            threads = _used(before, _threads(worker.pid))
        return {**_sampled_parts(path), "threads": threads}


@contextmanager
def _worker(place: Bench, name: str, events: int) -> Iterator[tuple[WorkerProcess, Asked]]:
    system = SYSTEMS["headrace"]
    asked = Asked(place.bootstrap, f"{name}-in", name, events, str(place.folder / name), output=f"{name}-out")
    fill(place.bootstrap, asked.topic, records(events, _CUSTOMERS))
    create(place.bootstrap, asked.output)
    create(place.bootstrap, system.changelog(asked), **{"cleanup.policy": "compact"})
    with WorkerProcess(prepare(["headrace"])[0]["headrace"], asked, {}) as worker:
        yield worker, asked


@contextmanager
def _sampled(py_spy: str, pid: int, path: Path) -> Iterator[Path]:
    """Samples a process meanwhile; the stacks are in the file afterwards, not before the context is left."""
    options = [
        "--rate",
        str(_SAMPLES_PER_S),
        "--duration",
        "600",
        "--format",
        "raw",
        "--full-filenames",
        "--gil",
        "--nonblocking",
    ]
    command = [py_spy, "record", "--pid", str(pid), *options, "--output", str(path)]
    sampling = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield path
    finally:
        sampling.send_signal(signal.SIGINT)
        sampling.wait(30)


def _threads(pid: int) -> dict[str, float]:
    """Name of a thread -> seconds of CPU; those of one name together."""
    found: dict[str, float] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        head, _, tail = (task / "stat").read_text().rpartition(")")
        fields = tail.split()
        name = head.partition("(")[2].rstrip("0123456789")
        found[name] = found.get(name, 0.0) + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def _used(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Thread -> percent of what all have used."""
    used = {name: seconds - before.get(name, 0.0) for name, seconds in after.items()}
    total = sum(used.values()) or 1.0
    return {name: round(100 * each / total, 1) for name, each in sorted(used.items(), key=lambda it: -it[1]) if each}


def _sampled_parts(path: Path) -> dict[str, Any]:
    stacks = read_stacks(path.read_text())
    if not stacks:
        raise RunFailed("no samples")
    return {"samples": sum(stacks.values()), "parts": parts_of(stacks), "functions": functions_of(stacks)}


def _text(each: dict[str, Any]) -> str:
    if each["error"]:
        return ""
    detail: dict[str, Any] = each["detail"]
    lines = [each["system"]]
    for kind in ("threads", "parts", "functions"):
        lines += [f"  {kind}", *(f"    {share:5.1f} %  {name}" for name, share in detail[kind].items())]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
