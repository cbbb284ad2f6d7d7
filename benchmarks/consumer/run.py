"""How long a consumer of one's own takes from `current state`: what 200,000 customers shall have, beside reading it.

The same partitions by aiokafka's `getmany` alone, in turns. Every customer's newest value is looked at, every time.
Run: `headrace bench consumer`.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Producer

from benchmarks.consumer.workload import STORE, records
from benchmarks.engine.bench import Bench, bench, say
from benchmarks.engine.cores import OUR_CORE, WORKER_CORE, on_cores
from benchmarks.engine.options import add_common, positive
from benchmarks.engine.report import finish, make_result
from benchmarks.engine.results import order_of_round, ratios, table
from headrace.contracts.topics import ACTIONS_GROUP
from headrace.runtime.kafka import confluent_config, topic
from headrace.runtime.settings import ServiceSettings
from headrace.runtime.topics import create_topics

SYSTEMS: Final = {"headrace": "bootstrap", "getmany": "raw"}
COLUMNS: Final = {
    "customers_per_second": "customers/s",
    "seconds": "s",
    "cpu_us_per_customer": "us CPU/customer",
    "rss_mb": "MB",
}
_WITHIN_S: Final = 400


def main(arguments: list[str]) -> int:
    """0 when every customer had the newest value every time."""
    parser = argparse.ArgumentParser("benchmarks.consumer.run", description=__doc__)
    add_common(parser)
    parser.add_argument("--customers", type=positive, default=200_000)
    options = parser.parse_args(arguments)
    with bench() as place:
        settings = ServiceSettings(
            kafka_bootstrap_servers=place.bootstrap, store=STORE, topic_prefix="consumer.", log_level="warning"
        )
        written = _fill(settings, options.customers)
        rounds = list(_rounds(settings, place, options.rounds, options.customers))
        version = place.broker.version
    workload = {"customers": options.customers, "records": written}
    result = make_result("consumer", rounds, kafka=version, workload=workload)
    result["ratios"] = ratios(result["medians"], "customers_per_second")
    cpu = ratios(result["medians"], "customers_per_cpu_second")
    result["cpu_ratios"] = cpu
    lines = [table(result["medians"], COLUMNS)]
    lines += [f"{pair}: {ratio:.2f} x, {cpu[pair]:.2f} x by CPU" for pair, ratio in result["ratios"].items()]
    return finish(result, "\n".join(lines), as_json=options.json, keep=options.keep)


def _fill(settings: ServiceSettings, customers: int) -> int:
    asyncio.run(create_topics(settings))
    producer = Producer({**confluent_config(settings), "linger.ms": 20, "enable.idempotence": True, "log_level": 2})
    name, count = topic(settings, ACTIONS_GROUP), 0
    for partition, key, value in records(customers):
        while True:
            try:
                producer.produce(name, value, key, partition)
                break
            except BufferError:
                producer.poll(0.1)
        count += 1
        producer.poll(0)
    assert producer.flush(300) == 0
    return count


def _rounds(settings: ServiceSettings, place: Bench, rounds: int, customers: int) -> Iterator[dict[str, Any]]:
    for number in range(rounds):
        for name in order_of_round(list(SYSTEMS), number):
            measured = _measure(settings, place, SYSTEMS[name], customers)
            yield {"system": name, "round": number + 1, **measured}
            say(f"round {number + 1}: {name}: {measured.get('error') or measured['seconds']}")


def _measure(settings: ServiceSettings, place: Bench, kind: str, customers: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=place.folder) as folder, on_cores(OUR_CORE, WORKER_CORE):
        environment = os.environ | {
            "HEADRACE_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
            "HEADRACE_TOPIC_PREFIX": settings.topic_prefix,
            "HEADRACE_STORE": settings.store,
            "HEADRACE_DATABASE_URL": f"sqlite:///{Path(folder) / 'ledger.db'}",
            "HEADRACE_CUSTOMERS": str(customers),
        }
        command = [sys.executable, "-m", "benchmarks.consumer.worker", kind]
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, text=True, timeout=_WITHIN_S, check=False
        )
    if done.returncode:
        return {"error": f"ended with {done.returncode}"}
    said = json.loads(done.stdout.splitlines()[-1])
    whole = said["right"] == said["held"] == customers
    return {
        "customers_per_second": round(customers / said["seconds"]),
        "customers_per_cpu_second": round(customers / said["cpu_s"]),
        "seconds": round(said["seconds"], 3),
        "cpu_us_per_customer": round(said["cpu_s"] / customers * 1e6, 2),
        "rss_mb": said["rss_mb"],
        "error": None if whole else f"{said['right']} of {customers} customers have the newest value",
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
