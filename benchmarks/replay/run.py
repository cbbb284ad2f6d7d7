"""How fast a replay folds the year of a real shop, beside the live evaluator on the same events, in turns.

Run: `python -m benchmarks.replay.run --data FILE [--times 50]`; `--again` with a Kafka of one's own
(`HEADRACE_KAFKA_BOOTSTRAP_SERVERS`) repeats only the replays. Figures belong to the machine they are from.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import msgspec
from confluent_kafka import Producer

from benchmarks.engine.machine import cpu_seconds, describe_commit, describe_machine, peak_rss_mb
from benchmarks.replay.year import STORE, Fact, Record, load_year, multiply
from headrace.cli.activation import Version, write_markers
from headrace.contracts.actions import RuleSetRecord, encode
from headrace.contracts.topics import DEFAULT_PARTITIONS, EVENTS, RULES
from headrace.rules.load import load_rule_set, rule_set_hash
from headrace.rules.model import encode_rule_set
from headrace.runtime.embedded_kafka import EmbeddedKafka
from headrace.runtime.kafka import confluent_config, make_producer, topic
from headrace.runtime.settings import ServiceSettings
from headrace.runtime.topics import create_topics
from services.evaluator.replay.groups import positions
from services.evaluator.replay.log_reader import bounds

ROOT: Final = Path(__file__).resolve().parents[2]
DATA: Final = ROOT / "examples" / "online_retail" / "online_retail.parquet"
RULES_FILE: Final = ROOT / "examples" / "rules" / "demo" / "rules.yaml"
_WITHIN_S: Final = 3_600.0
_LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Measured:
    """One system in one round; CPU of all its processes and threads, the broker's apart (None: not ours to look at).

    `seconds_by_part`: of a replay's processes together.
    """

    system: str
    round: int
    events: int
    events_per_second: float
    cpu_us_per_event: float
    broker_cpu_us_per_event: float | None
    seconds: float
    rss_mb: float | None = None
    seconds_by_part: dict[str, float] | None = None


class _Broker(NamedTuple):
    """`pid` None: somebody else's."""

    servers: str
    pid: int | None

    def cpu_since(self, before: float, events: int) -> float | None:
        """Microseconds for each event."""
        return None if self.pid is None else (self.cpu_s() - before) / events * 1e6

    def cpu_s(self) -> float:
        """Used so far."""
        return 0.0 if self.pid is None else cpu_seconds(self.pid)


def main() -> None:
    """Prints one JSON object; progress goes to stderr."""
    given = _arguments()
    facts = [] if given.again else load_year(given.data, given.orders)
    _say(f"{len(facts)} events a shop, {given.times} shops")
    rounds: list[Measured] = []
    with _broker() as broker:
        for number in range(given.rounds):
            measured = _round(broker, number, facts, given)
            _say(", ".join(f"{each.system} {each.events_per_second:.0f}/s" for each in measured))
            rounds += measured
    sys.stdout.write(json.dumps(_summary(rounds, given), indent=2) + "\n")


def _settings(servers: str, number: int) -> ServiceSettings:
    return ServiceSettings(
        kafka_bootstrap_servers=servers, store=STORE, topic_prefix=f"year{number}.", log_level="warning"
    )


def _round(broker: _Broker, number: int, facts: list[Fact], given: argparse.Namespace) -> list[Measured]:
    settings, measured = _settings(broker.servers, number), []
    if not given.again:
        asyncio.run(_prepare(settings))
        _load(settings, multiply(facts, given.times, DEFAULT_PARTITIONS))
        measured.append(_live(broker, settings, number))
    one = _replay(broker, settings, number, "replay-1", 1)
    every = _replay(broker, settings, number, "replay", len(os.sched_getaffinity(0)))
    return [*measured, one, every]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--orders", type=int, help="of the file; default: all")
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--again", action="store_true", help="only the replays, of the logs that a run before left")
    return parser.parse_args()


@contextmanager
def _broker() -> Iterator[_Broker]:
    if servers := os.environ.get("HEADRACE_KAFKA_BOOTSTRAP_SERVERS"):
        yield _Broker(servers, None)
        return
    with tempfile.TemporaryDirectory(prefix="headrace-replay-") as folder:
        broker = EmbeddedKafka(Path(folder))
        try:
            info = broker.start()
            yield _Broker(info.bootstrap_servers, info.pid)
        finally:
            broker.stop()


async def _prepare(settings: ServiceSettings) -> None:
    """Topics, and the demo's rules in force from the first record on."""
    await create_topics(settings)
    loaded = load_rule_set([RULES_FILE])
    assert loaded.rule_set is not None
    record = RuleSetRecord(
        store=STORE,
        version=1,
        hash=rule_set_hash(loaded.rule_set),
        document=msgspec.Raw(encode_rule_set(loaded.rule_set)),
    )
    producer = make_producer(settings)
    await producer.start()
    try:
        await producer.send_and_wait(topic(settings, RULES), encode(record), partition=0)
    finally:
        await producer.stop()
    await write_markers(settings, Version(record, 0, 0), range(DEFAULT_PARTITIONS))


def _load(settings: ServiceSettings, records: Iterator[Record]) -> None:
    producer = Producer(
        {**confluent_config(settings), "linger.ms": 20, "batch.size": 1_000_000, "enable.idempotence": True}
    )
    name = topic(settings, EVENTS)
    for partition, key, value in records:
        while True:
            try:
                producer.produce(name, value, key, partition)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    assert producer.flush(300) == 0


def _live(broker: _Broker, settings: ServiceSettings, number: int) -> Measured:
    """From the first commit that is seen to the last: neither start nor restore."""
    ends = {at: end for at, (_, end) in bounds(settings, topic(settings, EVENTS), _all()).items()}
    total = sum(ends.values())
    worker = subprocess.Popen([sys.executable, "-m", "services.evaluator"], env=_environment(settings), cwd=ROOT)
    try:
        began, first, cpu, broker_cpu = 0.0, 0, 0.0, 0.0
        deadline = time.monotonic() + _WITHIN_S
        while (done := sum(positions(settings, 1).values())) < total:
            if done and not first:
                began, first, cpu, broker_cpu = time.monotonic(), done, cpu_seconds(worker.pid), broker.cpu_s()
            assert time.monotonic() < deadline
            time.sleep(_LOOK_S)
        seconds, used = time.monotonic() - began, cpu_seconds(worker.pid) - cpu
        events = total - first
        broker_used, rss = broker.cpu_since(broker_cpu, events), peak_rss_mb(worker.pid)
    finally:
        worker.terminate()
        worker.wait()
    return Measured("live", number, events, events / seconds, used / events * 1e6, broker_used, seconds, rss)


def _replay(broker: _Broker, settings: ServiceSettings, number: int, system: str, processes: int) -> Measured:
    """All of it, from its start to its end: reading, folding, writing, reading the live state and comparing."""
    before, broker_cpu = resource.getrusage(resource.RUSAGE_CHILDREN), broker.cpu_s()
    done = subprocess.run(
        [sys.executable, "-m", "services.evaluator", "replay", "--processes", str(processes)],
        env=_environment(settings),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = json.loads(done.stdout)
    assert said["equal"], said
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    events, seconds = said["events"], said["seconds"]
    return Measured(
        system,
        number,
        events,
        events / seconds,
        used / events * 1e6,
        broker.cpu_since(broker_cpu, events),
        seconds,
        seconds_by_part=said["seconds_by_part"],
    )


def _all() -> tuple[int, ...]:
    return tuple(range(DEFAULT_PARTITIONS))


def _environment(settings: ServiceSettings) -> dict[str, str]:
    return {
        **os.environ,
        "HEADRACE_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "HEADRACE_TOPIC_PREFIX": settings.topic_prefix,
        "HEADRACE_STORE": settings.store,
        "HEADRACE_LOG_LEVEL": "warning",
    }


def _summary(rounds: list[Measured], given: argparse.Namespace) -> dict[str, Any]:
    def middle(system: str, field: str) -> float:
        return float(median(getattr(one, field) for one in rounds if one.system == system))

    systems = list(dict.fromkeys(one.system for one in rounds))
    return {
        "machine": describe_machine(),
        "commit": describe_commit(),
        "times": given.times,
        "rounds": [asdict(one) for one in rounds],
        "medians": {
            system: {name: middle(system, name) for name in ("events_per_second", "cpu_us_per_event")}
            for system in systems
        },
        "ratios": {
            f"{system}/live": middle(system, "events_per_second") / middle("live", "events_per_second")
            for system in systems
            if "live" in systems and system != "live"
        },
    }


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    main()
