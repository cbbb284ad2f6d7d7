"""How fast a state comes back from its changelog: the engine's bulk restore, aiokafka alone, and Kafka Streams.

The same keys and states for each, one record a key (a compacted changelog): ours and aiokafka's in committed
transactions, with the mark in front, Kafka Streams' as it writes them. Run: `headrace bench restore`.
"""

import argparse
import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from confluent_kafka import Producer

from benchmarks.engine.asked import Asked
from benchmarks.engine.bench import Bench, bench, prepare, say
from benchmarks.engine.options import add_common, positive
from benchmarks.engine.report import finish, make_result
from benchmarks.engine.results import order_of_round, ratios, speed, table
from benchmarks.engine.topics import append, create
from benchmarks.engine.worker_process import RunFailed, WorkerProcess
from benchmarks.engine.workload import PARTITIONS, Record
from services.evaluator.engine.state import encode_record

COLUMNS: Final = {"keys_per_second": "keys/s", "cpu_us_per_key": "us CPU", "seconds": "s", "rss_mb": "MB"}
_CHANGELOG: Final = "restore-ours"
_SOURCE: Final = "restore-source"
_OURS: Final = {"headrace": "engine", "getmany": "raw"}
_IN_A_TRANSACTION: Final = 10_000
_WITHIN_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Options:
    """`keys` are restored `rounds` times by each system."""

    rounds: int
    keys: int
    json: bool
    keep: bool


def main(arguments: list[str]) -> int:
    """0 when our restores were whole, 1 when one was not."""
    parser = argparse.ArgumentParser("benchmarks.engine.restore", description=__doc__)
    add_common(parser)
    parser.add_argument("--keys", type=positive, default=200_000)
    options = Options(**vars(parser.parse_args(arguments)))
    commands, unavailable = prepare(["kafka-streams"])
    for name, kind in _OURS.items():
        commands[name] = [sys.executable, "-m", "benchmarks.engine.restore_worker", kind]
    with bench() as place:
        rounds = list(_rounds(options, commands, place))
    result = make_result(
        "restore", rounds, kafka=place.broker.version, workload={"keys": options.keys}, unavailable=unavailable
    )
    result["ratios"] = ratios(result["medians"], "keys_per_second")
    lines = [table(result["medians"], COLUMNS), *(f"{pair}: {ratio:.2f} x" for pair, ratio in result["ratios"].items())]
    return finish(result, "\n".join(lines), as_json=options.json, keep=options.keep)


def states(keys: int) -> Iterator[Record]:
    """Customers with 5 to 20 orders, about 500 bytes each, the same ones each time."""
    chance = random.Random(2)
    for number in range(keys):
        count = 5 + number % 16
        orders = [(f"o{chance.randrange(10**9):010d}", chance.randrange(100, 99999) / 100) for _ in range(count)]
        state = {"n": len(orders), "sum": sum(amount for _, amount in orders), "last": 1_700_000_000_000, "o": orders}
        yield Record(number % PARTITIONS, f"c{number:08d}".encode(), msgspec.json.encode(state), 0)


def _rounds(options: Options, commands: dict[str, list[str]], place: Bench) -> Iterator[dict[str, Any]]:
    create(place.bootstrap, _SOURCE)
    _fill_ours(place.bootstrap, options.keys)
    for number in range(options.rounds):
        for name in order_of_round(list(commands), number):
            measured = _measure(name, commands[name], options, place, number)
            yield {"system": name, "round": number + 1, **measured}
            say(f"round {number + 1}: {name}: {measured['error'] or _short(measured)}")


def _fill_ours(bootstrap: str, keys: int) -> None:
    create(bootstrap, _CHANGELOG, **{"cleanup.policy": "compact"})
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "restore", "linger.ms": 5, "log_level": 2})
    producer.init_transactions(60)
    producer.begin_transaction()
    for number, record in enumerate(states(keys)):
        if number and number % _IN_A_TRANSACTION == 0:
            producer.commit_transaction(60)
            producer.begin_transaction()
        producer.produce(_CHANGELOG, encode_record(number, record.value), record.key, record.partition)
    producer.commit_transaction(60)


def _measure(name: str, command: list[str], options: Options, place: Bench, number: int) -> dict[str, Any]:
    group = f"restore-{name}-{number}"
    topic, environment = _CHANGELOG, {}
    try:
        if name not in _OURS:
            # An application of its own for each round: a member that has just left would be waited for.
            changelog = f"{group}-counts-changelog"
            create(place.bootstrap, changelog, **{"cleanup.policy": "compact"})
            append(place.bootstrap, changelog, states(options.keys))
            topic, environment = _SOURCE, {"BENCH_RESTORE": "1", "BENCH_GUARANTEE": "at_least_once"}
        asked = Asked(place.bootstrap, topic, group, options.keys, str(place.folder / name))
        return _run(command, asked, environment)
    except Exception as error:  # whatever one system does, the others are still measured
        return {"error": f"{type(error).__name__}: {error}"}


def _run(command: list[str], asked: Asked, environment: dict[str, str]) -> dict[str, Any]:
    # Our restore asks where the source begins; Kafka Streams must have no output, or it would be another topology.
    environment = environment or {"BENCH_OUTPUT": _SOURCE}
    try:
        with WorkerProcess(command, asked, environment) as worker:
            worker.wait_for("last", _WITHIN_S)
            found, rss, last = speed(worker.marks(), "first", "last"), worker.peak_rss_mb, worker.marks()[-1]
    finally:
        shutil.rmtree(asked.state_dir, ignore_errors=True)
    if last["events"] != asked.events:
        raise RunFailed(f"{last['events']} keys of {asked.events} came back")
    return {
        "keys_per_second": round(found.events_per_second),
        "cpu_us_per_key": round(found.cpu_us_per_event, 2),
        "seconds": round(asked.events / found.events_per_second, 3),
        "rss_mb": rss,
        "error": None,
    }


def _short(measured: dict[str, Any]) -> str:
    return f"{measured['keys_per_second']:,} keys/s, {measured['seconds']} s"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
