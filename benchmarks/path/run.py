"""The full path: a real shop's events through the evaluator as it is, beside what their bytes cost in the same run.

Kafka, envelope, ledger state, the demo's rules, actions, one transaction an epoch. Run: `headrace bench path`.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

from benchmarks.engine.asked import Asked
from benchmarks.engine.bench import Bench, bench, say
from benchmarks.engine.cores import WORKER_CORE, on_cores
from benchmarks.engine.figures import run_to_the_end
from benchmarks.engine.report import finish, make_result
from benchmarks.engine.results import table
from benchmarks.engine.systems import ROOT
from benchmarks.engine.topics import append, read_committed
from benchmarks.engine.worker_process import RunFailed, WorkerProcess
from benchmarks.engine.workload import PARTITIONS, Record
from benchmarks.path.floor import event_us, state_us
from benchmarks.path.options import parse_options
from benchmarks.path.shop_events import STORE
from headrace.contracts.topics import EVENTS, PARTITION_WIDE_KEY, changelog
from services.evaluator.engine.state import MARK_BYTES

COLUMNS: Final = {
    "events_per_second": "events/s",
    "cpu_us_per_event": "us CPU",
    "floor_us_per_event": "floor us",
    "ratio": "ratio",
    "warm_events_per_second": "warm/s",
    "warm_cpu_us_per_event": "us CPU",
    "rss_mb": "MB",
}
_RULES: Final = ROOT / "examples" / "rules" / "demo"
PREFIX: Final = "headrace."
_PAGE: Final = b"#"
_WITHIN_S: Final = 300.0


def main(arguments: list[str]) -> int:
    """0 when every round folded all, 1 when one did not."""
    options = parse_options("benchmarks.path.run", __doc__, arguments)
    records = options.records()
    size = round(sum(len(record.value) for record in records) / len(records))
    workload = {"name": options.data.stem, "copies": options.copies, "events": len(records), "event_bytes": size}
    say(f"{len(records):,} events of {size:,} bytes")
    rounds = []
    for number in range(options.rounds):
        # A broker of its own for each round: the topics' names are the evaluator's.
        with bench() as place:
            rounds.append({"system": "headrace", "round": number + 1, **_measure(records, place)})
        say(f"round {number + 1}: {rounds[-1]['error'] or _short(rounds[-1])}")
    result = make_result("path", rounds, kafka=place.broker.version, workload=workload)
    return finish(result, table(result["medians"], COLUMNS), as_json=options.json, keep=options.keep)


def _measure(records: Sequence[Record], place: Bench) -> dict[str, Any]:
    try:
        asked = fill_evaluator(place, records)
        found = run_to_the_end(evaluator(asked), place.broker.pid, asked.events, _WITHIN_S)
        return {**found, **_beside_the_floor(place.bootstrap, records, found["cpu_us_per_event"]), "error": None}
    except Exception as error:  # whatever one system does, the others are still measured
        return {"error": f"{type(error).__name__}: {error}"}


def fill_evaluator(place: Bench, records: Sequence[Record], prefix: str = PREFIX) -> Asked:
    """The evaluator's topics with the demo's rules in force, then the records. Raises `RunFailed`, `TopicFailed`."""
    for command in (["topics", "create"], ["apply", "--from", str(_RULES)]):
        _headrace(place, prefix, *command)
    append(place.bootstrap, prefix + EVENTS, records)
    events = len(records) + PARTITIONS
    return Asked(place.bootstrap, prefix + EVENTS, f"{prefix}evaluator-1", events, str(place.folder / f"{prefix}state"))


def evaluator(asked: Asked, worker_id: str = "bench", *, core: int = WORKER_CORE) -> WorkerProcess:
    """The evaluator, to be started."""
    command = [sys.executable, "-m", "benchmarks.path.worker"]
    environment = {
        "HEADRACE_STORE": STORE,
        "HEADRACE_WORKER_ID": worker_id,
        "HEADRACE_TOPIC_PREFIX": asked.topic.removesuffix(EVENTS),
    }
    return WorkerProcess(command, asked, environment, core=core)


def _beside_the_floor(bootstrap: str, records: Sequence[Record], cpu_us: float) -> dict[str, Any]:
    """The goal's floor takes a state for every event; `written` takes as many as the worker wrote, which is fewer."""
    states = list(_states(bootstrap))
    if not states:
        raise RunFailed("no state was written")
    with on_cores(WORKER_CORE):
        event, state = event_us([record.value for record in records]), state_us(states)
    share = len(states) / len(records)
    floor, written = event + state, event + state * share
    return {
        "event_us": round(event, 2),
        "state_us": round(state, 2),
        "state_bytes": round(sum(map(len, states)) / len(states)),
        "states_per_event": round(share, 3),
        "floor_us_per_event": round(floor, 2),
        "ratio": round(cpu_us / floor, 2),
        "written_floor_us_per_event": round(written, 2),
        "written_ratio": round(cpu_us / written, 2),
    }


def _states(bootstrap: str) -> Iterator[bytes]:
    """The customers' states as the run wrote them; neither pages nor the partitions' own records."""
    for key, value in read_committed(bootstrap, PREFIX + changelog(1)):
        if value and key != PARTITION_WIDE_KEY and _PAGE not in key:
            yield value[MARK_BYTES:]


def _headrace(place: Bench, prefix: str, *arguments: str) -> None:
    environment = {
        **os.environ,
        "HEADRACE_KAFKA_BOOTSTRAP_SERVERS": place.bootstrap,
        "HEADRACE_STORE": STORE,
        "HEADRACE_TOPIC_PREFIX": prefix,
    }
    command = [sys.executable, "-c", "from headrace.cli.main import run; run()", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RunFailed(f"headrace {' '.join(arguments)}: {(done.stdout + done.stderr).strip()[-300:]}")


def _short(measured: dict[str, Any]) -> str:
    return (
        f"{measured['events_per_second']:,} events/s, {measured['cpu_us_per_event']} us CPU per event, "
        f"{measured['ratio']} of the floor"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
