"""How long a plan takes beside reading and decoding the same states, in turns. Run: `headrace bench plan`.

All on one broker of its own, by one process on the second core; what counts is the time within it, so that its start,
which all have, flatters nobody. Figures belong to the machine they are from.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from confluent_kafka import Producer

from benchmarks.engine.bench import bench, say
from benchmarks.engine.cores import WORKER_CORE, on_cores
from benchmarks.engine.options import add_common, positive
from benchmarks.engine.report import finish, make_result
from benchmarks.engine.results import order_of_round, table
from benchmarks.plan.read import Look, read_partition
from benchmarks.plan.workload import CHANGES, NOW, STORE, records, rules
from headrace.cli.activation import Version, write_markers
from headrace.contracts.actions import RuleSetRecord, encode
from headrace.contracts.topics import DEFAULT_PARTITIONS, PARTITION_WIDE_KEY, RULES, changelog
from headrace.rules.load import rule_set_hash
from headrace.rules.model import encode_rule_set
from headrace.runtime.kafka import confluent_config, make_producer, topic
from headrace.runtime.settings import ServiceSettings
from headrace.runtime.topics import create_topics
from services.evaluator.engine.state import encode_record
from services.evaluator.marker import Activation, Marker, encode_marker
from services.evaluator.plan.run import Options as PlanOptions
from services.evaluator.plan.run import plan
from services.evaluator.replay.pool import each

READ: Final = "read and decode"
OPENED: Final = "read and decode, orders too"
FIRST: Final = "the first rules of all"
"""Everybody changes: nobody has any group or label yet, and a rule goes over all orders."""
PLANS: Final = (*CHANGES, FIRST)
SYSTEMS: Final = (READ, OPENED, *PLANS)
COLUMNS: Final = {
    "us_per_customer": "us/customer",
    "seconds": "s",
    "cpu_us_per_customer": "us CPU/customer",
    "rss_mb": "MB",
    "changed": "changed",
}
_RATIOS: Final = {
    "read_ratios": ("us_per_customer", READ),
    "read_cpu_ratios": ("cpu_us_per_customer", READ),
    "opened_ratios": ("us_per_customer", OPENED),
    "opened_cpu_ratios": ("cpu_us_per_customer", OPENED),
}
_MARK: Final = 1
"""Of every state: behind the marker of the rules in force."""


def main(arguments: list[str]) -> int:
    """0 when every plan looked at every customer."""
    parser = argparse.ArgumentParser("benchmarks.plan.run", description=__doc__)
    add_common(parser)
    parser.add_argument("--customers", type=positive, default=200_000)
    options = parser.parse_args(arguments)
    with bench() as place:
        settings = ServiceSettings(
            kafka_bootstrap_servers=place.bootstrap, store=STORE, topic_prefix="plan.", log_level="warning"
        )
        bare = settings.model_copy(update={"topic_prefix": "first."})
        state_bytes = asyncio.run(_fill(settings, options.customers))
        asyncio.run(_fill(bare, options.customers, settled=False))
        rounds = list(_rounds(settings, bare, options.rounds, options.customers))
        version = place.broker.version
    workload = {"customers": options.customers, "rules": 20, "state_bytes": state_bytes}
    result = make_result("plan", rounds, kafka=version, workload=workload)
    for ratios, (figure, of) in _RATIOS.items():
        result[ratios] = _ratios(result["medians"], figure, of)
    lines = [table(result["medians"], COLUMNS)]
    lines += [
        f"{name}: {ratio:.2f} x of reading and decoding, {result['read_cpu_ratios'][name]:.2f} x of its CPU; with the "
        f"orders opened {result['opened_ratios'][name]:.2f} x, {result['opened_cpu_ratios'][name]:.2f} x"
        for name, ratio in result["read_ratios"].items()
    ]
    lines.append(f"states of {state_bytes} bytes")
    wrong = any(each["error"] for each in rounds)
    return finish(result, "\n".join(lines), as_json=options.json, keep=options.keep) or int(wrong)


def _ratios(medians: Mapping[str, Mapping[str, Any]], figure: str, of: str) -> dict[str, float]:
    """By plan; empty where nothing was read."""
    read = medians.get(of, {}).get(figure)
    return {name: round(medians[name][figure] / read, 2) for name in PLANS if name in medians} if read else {}


def _rounds(settings: ServiceSettings, bare: ServiceSettings, rounds: int, customers: int) -> Iterator[dict[str, Any]]:
    for number in range(rounds):
        for name in order_of_round(SYSTEMS, number):
            with on_cores(WORKER_CORE):
                if name in (READ, OPENED):
                    found = _read(settings, orders=name == OPENED)
                else:
                    found = _plan(bare if name == FIRST else settings, name)
            whole = found.pop("customers") == customers
            yield {"system": name, "round": number + 1, **found, "error": None if whole else "not every customer"}
            say(f"round {number + 1}: {name}: {found['us_per_customer']} us a customer")


def _read(settings: ServiceSettings, *, orders: bool) -> dict[str, Any]:
    looks = [Look(1, number, orders) for number in range(DEFAULT_PARTITIONS)]
    done = list(each(read_partition, settings, looks, processes=1))
    seconds, cpu_s = sum(one.seconds for one in done), sum(one.cpu_s for one in done)
    rss_mb = max(one.rss_mb for one in done)
    return _figures(seconds, cpu_s, rss_mb, sum(one.customers for one in done), None)


def _plan(settings: ServiceSettings, name: str) -> dict[str, Any]:
    document = encode_rule_set(rules(CHANGES.get(name)))
    with tempfile.TemporaryDirectory() as folder:
        said = plan(settings, PlanOptions(STORE, document, version=2, folder=folder, processes=1))
    seconds = sum(said["seconds_by_part"].values())
    return _figures(seconds, said["cpu_s"], said["rss_mb"], said["customers"], said["changed"])


def _figures(seconds: float, cpu_s: float, rss_mb: int, customers: int, changed: int | None) -> dict[str, Any]:
    return {
        "seconds": round(seconds, 3),
        "us_per_customer": round(seconds / max(1, customers) * 1e6, 1),
        "cpu_us_per_customer": round(cpu_s / max(1, customers) * 1e6, 1),
        "rss_mb": rss_mb,
        "changed": changed,
        "customers": customers,
    }


async def _fill(settings: ServiceSettings, customers: int, *, settled: bool = True) -> int:
    """The states in the live generation's changelog, their rules (if any) in force; the mean size of a state."""
    await create_topics(settings)
    if settled:
        await _put_rules(settings)
    return await asyncio.to_thread(_append, settings, customers, settled=settled)


async def _put_rules(settings: ServiceSettings) -> None:
    rule_set = rules()
    record = RuleSetRecord(
        store=STORE, version=1, hash=rule_set_hash(rule_set), document=msgspec.Raw(encode_rule_set(rule_set))
    )
    async with make_producer(settings) as producer:
        await producer.send_and_wait(topic(settings, RULES), encode(record), partition=0)
    await write_markers(settings, Version(record, 0, 0), range(DEFAULT_PARTITIONS))


def _append(settings: ServiceSettings, customers: int, *, settled: bool) -> int:
    name, size = topic(settings, changelog(1)), 0
    producer = Producer({**confluent_config(settings), "linger.ms": 20, "enable.idempotence": True, "log_level": 2})
    for partition, key, body in records(customers, settled=settled):
        size += len(body)
        _send(producer, name, partition, key, encode_record(_MARK, body))
    activations = (Activation(STORE, 1, 0, f"{STORE}:1", NOW),) if settled else ()
    marker = Marker(activations, {STORE: NOW})
    for partition in range(DEFAULT_PARTITIONS):
        _send(producer, name, partition, PARTITION_WIDE_KEY, encode_record(_MARK, encode_marker(marker)))
    assert producer.flush(300) == 0
    return size // customers


def _send(producer: Producer, name: str, partition: int, key: bytes, value: bytes) -> None:
    while True:
        try:
            producer.produce(name, value, key, partition)
            break
        except BufferError:
            producer.poll(0.1)
    producer.poll(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
