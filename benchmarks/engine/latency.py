"""Event to committed output, and CPU per event, at one rate for all systems and at half of what each of them can do.

Every worker first catches up with a topic that is there already: that compiles the JIT's code, fills the state, and
tells its full speed. Then come the paced loads, on the same worker. Run: `headrace bench latency`.
"""

import argparse
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.engine.asked import Asked
from benchmarks.engine.bench import Bench, bench, prepare, say
from benchmarks.engine.options import add_common, positive, system_names
from benchmarks.engine.paced import WARM_S, Load, Sink, run_paced
from benchmarks.engine.prototype import prototype
from benchmarks.engine.report import finish, make_result
from benchmarks.engine.results import order_of_round, ratios, speed, table
from benchmarks.engine.systems import SYSTEMS, System, Unavailable
from benchmarks.engine.topics import committed, create, fill
from benchmarks.engine.worker_process import WorkerProcess
from benchmarks.engine.workload import records

COLUMNS: Final = {
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "cpu_us_per_event": "us CPU",
    "half_rate": "half load/s",
    "half_p50_ms": "p50 ms",
    "half_p99_ms": "p99 ms",
    "half_cpu_us_per_event": "us CPU",
    "full_rate": "full/s",
}
_SYSTEMS: Final = ("headrace", "quix", "kafka-streams", "kafka-streams-eos")
_CUSTOMERS: Final = 20_000
_CAUGHT_UP_WITHIN_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Options:
    """`events` to catch up with, then `rate` a second for `seconds` that count, then half of the full speed."""

    rounds: int
    rate: int
    seconds: int
    events: int
    systems: tuple[str, ...]
    prototype: Path | None
    commit_ms: int | None
    json: bool
    keep: bool


def parse_options(arguments: Sequence[str]) -> Options:
    """Exits with 2 and a usage text when they are wrong."""
    parser = argparse.ArgumentParser("benchmarks.engine.latency", description=__doc__)
    add_common(parser)
    parser.add_argument("--rate", type=positive, default=10_000)
    parser.add_argument("--seconds", type=positive, default=10)
    parser.add_argument("--events", type=positive, default=240_000)
    parser.add_argument("--systems", type=system_names, default=_SYSTEMS, help=", ".join(_SYSTEMS))
    parser.add_argument("--prototype", type=Path, help="the prototype's script, to measure it beside")
    parser.add_argument("--commit-ms", type=positive, help="of the peers that run at least once (default: 1000)")
    return Options(**vars(parser.parse_args(arguments)))


def main(arguments: list[str]) -> int:
    """0 when every run of ours gave its figures, 1 when one did not, 3 when nothing could be measured."""
    options = parse_options(arguments)
    systems = {name: SYSTEMS[name] for name in options.systems}
    commands, unavailable = prepare(systems)
    if options.prototype is not None:
        _add_prototype(options.prototype, systems, commands, unavailable)
    if not commands:
        return 3
    with bench() as place:
        rounds = list(_rounds(options, systems, commands, place))
    workload = {"name": "long, paced", "rate": options.rate, "seconds": options.seconds, "customers": _CUSTOMERS}
    settings = {name: _settings(systems[name], options) for name in commands}
    result = make_result(
        "latency", rounds, kafka=place.broker.version, workload=workload, settings=settings, unavailable=unavailable
    )
    for figure in ("p99_ms", "half_p99_ms", "cpu_us_per_event"):
        result[f"{figure}_ratios"] = ratios(result["medians"], figure)
    return finish(result, table(result["medians"], COLUMNS), as_json=options.json, keep=options.keep)


def _add_prototype(
    path: Path, systems: dict[str, System], commands: dict[str, list[str]], unavailable: dict[str, str]
) -> None:
    system = prototype(path)
    try:
        commands[system.name] = system.prepare()
    except Unavailable as error:
        unavailable[system.name] = str(error)
    systems[system.name] = system


def _rounds(
    options: Options, systems: dict[str, System], commands: dict[str, list[str]], place: Bench
) -> Iterator[dict[str, Any]]:
    for number in range(options.rounds):
        for name in order_of_round(list(commands), number):
            group = f"paced-{name}-{number}"
            asked = Asked(
                place.bootstrap,
                f"{group}-in",
                group,
                options.events,
                str(place.folder / name),
                output=f"{group}-out",
            )
            measured = _measure(systems[name], commands[name], asked, options, place)
            yield {"system": name, "round": number + 1, "guarantee": systems[name].guarantee, **measured}
            say(f"round {number + 1}: {name}: {measured['error'] or _short(measured)}")


def _measure(system: System, command: list[str], asked: Asked, options: Options, place: Bench) -> dict[str, Any]:
    try:
        fill(asked.bootstrap, asked.topic, records(asked.events, _CUSTOMERS))
        create(asked.bootstrap, asked.output)
        if not system.creates_changelog:
            create(asked.bootstrap, system.changelog(asked), **{"cleanup.policy": "compact"})
        sink = Sink(asked.bootstrap, asked.output)
        try:
            return {**_run(system, command, asked, options, place, sink), "error": None}
        finally:
            sink.close()
    except Exception as error:  # whatever one system does, the others are still measured
        return {"error": f"{type(error).__name__}: {error}"}
    finally:
        shutil.rmtree(asked.state_dir, ignore_errors=True)


def _run(
    system: System, command: list[str], asked: Asked, options: Options, place: Bench, sink: Sink
) -> dict[str, Any]:
    with WorkerProcess(command, asked, {**dict(system.environment), **_settings(system, options)}) as worker:
        full = _catch_up(worker, asked, says_marks=system.says_marks)
        loads = [float(options.rate)] if full is None else [float(options.rate), full / 2]
        found: dict[str, Any] = {"full_rate": full and round(full)}
        for prefix, rate in zip(("", "half_"), loads, strict=False):
            load = Load(asked.topic, _CUSTOMERS, rate, options.seconds + WARM_S)
            figures = run_paced(worker, place.broker.pid, asked.bootstrap, sink, load)
            found |= {f"{prefix}{name}": value for name, value in figures.items()}
            found[f"{prefix}rate"] = round(rate)
    return found


def _settings(system: System, options: Options) -> dict[str, str]:
    settings = dict(system.paced)
    if options.commit_ms and system.guarantee == "at_least_once":
        settings["BENCH_COMMIT_MS"] = str(options.commit_ms)
    return settings


def _catch_up(worker: WorkerProcess, asked: Asked, *, says_marks: bool) -> float | None:
    """Events a second of the second half; None for a system that does not tell."""
    if says_marks:
        worker.wait_for("last", _CAUGHT_UP_WITHIN_S)
        return speed(worker.marks(), "half", "last").events_per_second
    worker.wait_until(
        lambda: committed(asked.bootstrap, asked.group, asked.topic) >= asked.events, _CAUGHT_UP_WITHIN_S, "end"
    )
    return None


def _short(measured: dict[str, Any]) -> str:
    half = f"; at {measured['half_rate']:,}/s p99 {measured['half_p99_ms']} ms" if "half_rate" in measured else ""
    return f"p50 {measured['p50_ms']}, p99 {measured['p99_ms']} ms, {measured['cpu_us_per_event']} us CPU{half}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
