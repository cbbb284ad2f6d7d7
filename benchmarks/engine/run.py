"""The harness: one broker, one preloaded topic, the systems in rounds one after the other, cores kept apart.

Broker, loader and this process have the first core, the worker that is measured the second. What is compared stands
in `systems.py`, what is computed of it in `results.py`. Run: `headrace bench engine`.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from confluent_kafka import KafkaException

from benchmarks.engine.asked import Asked
from benchmarks.engine.machine import cpu_seconds, describe_commit, describe_machine, describe_versions, peak_rss_mb
from benchmarks.engine.options import Options, parse_options
from benchmarks.engine.results import MarksMissing, medians, order_of_round, ratios, speeds
from benchmarks.engine.systems import BUILD, ROOT, SYSTEMS, System, Unavailable
from benchmarks.engine.topics import Kept, TopicFailed, create, fill, read_kept, warm_up
from headrace.runtime.broker_state import BrokerInfo
from headrace.runtime.embedded_kafka import EmbeddedKafka
from headrace.runtime.logs import configure_logs

REPORT: Final = ROOT / "build" / "reports" / "bench-engine.json"
HEAP_MB: Final = 512
OUR_CORE: Final = 0
WORKER_CORE: Final = 1
_RUN_WITHIN_S: Final = 300.0
_STOP_WITHIN_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.05
_TAIL_LINES: Final = 5


class RunFailed(Exception):
    """A run that gave no figures, and why."""


def main(arguments: list[str]) -> int:
    """0 when every run ended with the right counts, 1 when one did not, 3 when nothing could be measured."""
    options = parse_options(arguments)
    configure_logs("bench", "warning")
    commands, unavailable = _prepare(options.systems)
    if not commands:
        _say(f"nothing to measure: {unavailable}")
        return 3
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as folder, _on_core(OUR_CORE):
        broker = EmbeddedKafka(Path(folder) / "kafka", heap_mb=HEAP_MB)
        with broker:
            info = broker.info
            assert info is not None
            rounds = list(_rounds(options, commands, info, Path(folder)))
            result = _result(options, rounds, unavailable, info.version)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write((json.dumps(result) if options.json else table(result)) + "\n")
    return 1 if any(each["error"] for each in rounds) else 0


def table(result: dict[str, Any]) -> str:
    """The medians, for people."""
    lines = [f"{'system':18} {'events/s':>10} {'us CPU':>8} {'warm/s':>10} {'us CPU':>8} {'MB':>7} {'log B':>7}"]
    names = ("events_per_second", "cpu_us_per_event", "warm_events_per_second", "warm_cpu_us_per_event", "rss_mb")
    for system, found in result["medians"].items():
        values = [found[name] or 0 for name in (*names, "changelog_bytes_per_event")]
        lines.append("{:18} {:10,.0f} {:8.1f} {:10,.0f} {:8.1f} {:7.0f} {:7.0f}".format(system, *values))
    lines += [f"{pair}: {ratio:.2f} x events/s" for pair, ratio in result["ratios"].items()]
    lines += [f"{name} was not measured: {reason}" for name, reason in result["unavailable"].items()]
    lines += [f"{each['system']}, round {each['round']}: {each['error']}" for each in result["rounds"] if each["error"]]
    return "\n".join(lines)


def _prepare(names: tuple[str, ...]) -> tuple[dict[str, list[str]], dict[str, str]]:
    commands, unavailable = {}, {}
    for name in names:
        try:
            commands[name] = SYSTEMS[name].prepare()
        except Unavailable as error:
            unavailable[name] = str(error)
            _say(f"{name} is left out: {error}")
    return commands, unavailable


def _rounds(
    options: Options, commands: dict[str, list[str]], broker: BrokerInfo, folder: Path
) -> Iterator[dict[str, Any]]:
    warm_up(broker.bootstrap_servers)
    filled: set[str] = set()
    for number in range(options.rounds):
        for name in order_of_round(list(commands), number):
            system = SYSTEMS[name]
            events = max(2, int(options.events * system.share))
            asked = Asked(
                broker.bootstrap_servers, f"long-{events}", f"bench-{name}-{number}", events, str(folder / name)
            )
            if asked.topic not in filled:
                fill(asked.bootstrap, asked.topic, events, options.customers)
                filled.add(asked.topic)
            measured = _measure(system, commands[name], asked, broker)
            yield {"system": name, "round": number + 1, "guarantee": system.guarantee, "events": events, **measured}
            _say(f"round {number + 1}: {name}: {measured['error'] or _short(measured)}")


def _measure(system: System, command: list[str], asked: Asked, broker: BrokerInfo) -> dict[str, Any]:
    state = Path(asked.state_dir)
    state.mkdir(parents=True, exist_ok=True)
    changelog = system.changelog(asked)
    try:
        if not system.creates_changelog:
            create(asked.bootstrap, changelog, **{"cleanup.policy": "compact"})
        figures = _run(system, command, asked, broker)
        kept = read_kept(asked.bootstrap, changelog, system.count)
        figures["changelog_bytes_per_event"] = round(kept.size / asked.events, 1)
        return {**figures, "counted": kept.events, "error": _wrong(kept, asked.events)}
    except (RunFailed, MarksMissing, TopicFailed, KafkaException, ValueError, KeyError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
    finally:
        shutil.rmtree(state, ignore_errors=True)


def _wrong(kept: Kept, events: int) -> str | None:
    if kept.events == events:
        return None
    return f"the changelog counts {kept.events} events of {kept.customers} customers, and there are {events}"


def _run(system: System, command: list[str], asked: Asked, broker: BrokerInfo) -> dict[str, Any]:
    """From the start of the worker to its end. Raises `RunFailed`, `MarksMissing`."""
    marks_path, log_path = (Path(f"{asked.state_dir}.{name}") for name in ("marks", "log"))
    before = cpu_seconds(broker.pid)
    with marks_path.open("wb") as marks, log_path.open("wb") as log, _on_core(WORKER_CORE):
        worker = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=marks, stderr=log, env=_environment(system, asked)
        )
    try:
        _wait_for_last(worker, marks_path, log_path)
        rss, broker_cpu = peak_rss_mb(worker.pid), cpu_seconds(broker.pid) - before
    finally:
        _stop(worker)
    whole, warm = speeds(_read_marks(marks_path))
    return {
        "events_per_second": round(whole.events_per_second),
        "cpu_us_per_event": round(whole.cpu_us_per_event, 2),
        "warm_events_per_second": round(warm.events_per_second),
        "warm_cpu_us_per_event": round(warm.cpu_us_per_event, 2),
        "p50_ms": None,
        "p99_ms": None,
        "rss_mb": rss,
        "broker_cpu_us_per_event": round(broker_cpu / asked.events * 1e6, 2),
    }


def _environment(system: System, asked: Asked) -> dict[str, str]:
    return {
        **os.environ,
        **asked.environment(),
        **dict(system.environment),
        "PYTHONPATH": str(ROOT),
        "HEADRACE_KAFKA_BOOTSTRAP_SERVERS": asked.bootstrap,
        "HEADRACE_STORE": "bench",
        "HEADRACE_LOG_LEVEL": "warning",
        "HEADRACE_PARENT_PID": str(os.getpid()),
    }


def _wait_for_last(worker: subprocess.Popen[bytes], marks: Path, log: Path) -> None:
    deadline = time.monotonic() + _RUN_WITHIN_S
    while b'"last"' not in marks.read_bytes():
        if worker.poll() is not None:
            tail = log.read_text(errors="replace").strip().splitlines()[-_TAIL_LINES:]
            raise RunFailed(f"ended with {worker.returncode}: {' | '.join(tail)}")
        if time.monotonic() > deadline:
            raise RunFailed(f"not done within {_RUN_WITHIN_S:g} s")
        time.sleep(_LOOK_EVERY_S)


def _read_marks(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.startswith('{"mark"')]


def _stop(worker: subprocess.Popen[bytes]) -> None:
    """A clean end: what is pending is committed. One that hangs is killed, and its count will tell."""
    worker.terminate()
    try:
        worker.wait(_STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()


@contextmanager
def _on_core(core: int) -> Iterator[None]:
    """Children started meanwhile keep to this core, where the machine has it and can do so."""
    if not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) <= WORKER_CORE:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _result(options: Options, rounds: list[dict[str, Any]], unavailable: dict[str, str], kafka: str) -> dict[str, Any]:
    by_system = medians(rounds)
    return {
        "machine": describe_machine(),
        "commit": describe_commit(),
        "versions": describe_versions(kafka),
        "workload": {"name": "long", "events": options.events, "customers": options.customers},
        "rounds": rounds,
        "medians": by_system,
        "ratios": ratios(by_system),
        "warm_ratios": ratios(by_system, "warm_events_per_second"),
        "cpu_ratios": ratios(by_system, "cpu_us_per_event"),
        "warm_cpu_ratios": ratios(by_system, "warm_cpu_us_per_event"),
        "unavailable": unavailable,
    }


def _short(measured: dict[str, Any]) -> str:
    return f"{measured['events_per_second']:,} events/s, {measured['cpu_us_per_event']} us CPU per event"


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
