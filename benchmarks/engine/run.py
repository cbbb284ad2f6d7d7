"""How fast the systems fold a topic that is there already: rounds of all of them, one after the other, on one broker.

What is compared stands in `systems.py`, what is computed of it in `results.py`. Run: `headrace bench engine`.
"""

import shutil
import sys
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.engine.asked import Asked
from benchmarks.engine.bench import Bench, bench, prepare, say
from benchmarks.engine.figures import run_to_the_end
from benchmarks.engine.options import Options, parse_options
from benchmarks.engine.report import finish, make_result
from benchmarks.engine.results import order_of_round, ratios, table
from benchmarks.engine.systems import SYSTEMS, System
from benchmarks.engine.topics import Kept, create, fill, read_kept
from benchmarks.engine.worker_process import WorkerProcess
from benchmarks.engine.workload import records

COLUMNS: Final = {
    "events_per_second": "events/s",
    "cpu_us_per_event": "us CPU",
    "warm_events_per_second": "warm/s",
    "warm_cpu_us_per_event": "us CPU",
    "rss_mb": "MB",
    "changelog_bytes_per_event": "log B",
}
_START_S: Final = 60.0
_SLOWEST_PER_S: Final = 4_000
"""Events a second; whoever is slower is not waited for."""


def main(arguments: list[str]) -> int:
    """0 when every run of ours ended with the right counts, 1 when one did not, 3 when nothing could be measured."""
    options = parse_options(arguments)
    commands, unavailable = prepare(options.systems)
    if not commands:
        say(f"nothing to measure: {unavailable}")
        return 3
    with bench() as place:
        rounds = list(_rounds(options, commands, place))
    workload = {"name": options.workload, "events": options.events, "customers": options.customers}
    name = {"long": "engine", "large": "engine-large", "million": "memory"}[options.workload]
    result = make_result(name, rounds, kafka=place.broker.version, workload=workload, unavailable=unavailable)
    for prefix, figure in (("", "events_per_second"), ("cpu_", "cpu_us_per_event")):
        result[f"{prefix}ratios"] = ratios(result["medians"], figure)
        result[f"warm_{prefix}ratios"] = ratios(result["medians"], f"warm_{figure}")
    return finish(result, _text(result), as_json=options.json, keep=options.keep)


def _text(result: dict[str, Any]) -> str:
    lines = [table(result["medians"], COLUMNS)]
    lines += [f"{pair}: {ratio:.2f} x events/s" for pair, ratio in result["ratios"].items()]
    lines += [f"{name} was not measured: {reason}" for name, reason in result["unavailable"].items()]
    return "\n".join(lines)


def _rounds(options: Options, commands: dict[str, list[str]], place: Bench) -> Iterator[dict[str, Any]]:
    filled: set[str] = set()
    for number in range(options.rounds):
        for name in order_of_round(list(commands), number):
            system = SYSTEMS[name]
            events = min(options.events, system.at_most or options.events)
            asked = Asked(place.bootstrap, f"long-{events}", f"bench-{name}-{number}", events, str(place.folder / name))
            if asked.topic not in filled:
                said = records(events, options.customers, every_customer=options.workload == "million")
                fill(asked.bootstrap, asked.topic, said)
                filled.add(asked.topic)
            measured = _measure(system, commands[name], asked, place)
            yield {"system": name, "round": number + 1, "guarantee": system.guarantee, "events": events, **measured}
            say(f"round {number + 1}: {name}: {measured['error'] or _short(measured)}")


def _measure(system: System, command: list[str], asked: Asked, place: Bench) -> dict[str, Any]:
    changelog = system.changelog(asked)
    try:
        if not system.creates_changelog:
            create(asked.bootstrap, changelog, **{"cleanup.policy": "compact"})
        worker = WorkerProcess(command, asked, dict(system.environment))
        within_s = _START_S + asked.events / _SLOWEST_PER_S
        figures = run_to_the_end(worker, place.broker.pid, asked.events, within_s)
        kept = read_kept(asked.bootstrap, changelog, system.count)
        figures["changelog_bytes_per_event"] = round(kept.size / asked.events, 1)
        return {**figures, "counted": kept.events, "customers": kept.customers, "error": _wrong(kept, asked.events)}
    except Exception as error:  # whatever one system does, the others are still measured
        return {"error": f"{type(error).__name__}: {error}"}
    finally:
        shutil.rmtree(asked.state_dir, ignore_errors=True)


def _wrong(kept: Kept, events: int) -> str | None:
    if kept.events == events:
        return None
    return f"the changelog counts {kept.events} events of {kept.customers} customers, and there are {events}"


def _short(measured: dict[str, Any]) -> str:
    return f"{measured['events_per_second']:,} events/s, {measured['cpu_us_per_event']} us CPU per event"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
