"""A process that sends paced events: at a fixed rate, whatever becomes of them, each at the time it is meant for.

Run: `python -m benchmarks.engine.loader BOOTSTRAP TOPIC EVENTS CUSTOMERS RATE`. It says in one JSON line when it
begins, in another how late it was.
"""

import json
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from confluent_kafka import Producer

from benchmarks.engine.results import percentile
from benchmarks.engine.topics import make_loader, send
from benchmarks.engine.workload import Record, paced_records

_PREPARE_PER_S: Final = 100_000
"""How many events a second are surely made before the first is due."""
_REST_S: Final = 0.001


def main(arguments: list[str]) -> int:
    """0 when everything was acknowledged."""
    bootstrap, name, events, customers, rate = arguments
    producer = make_loader(bootstrap)
    producer.list_topics(name, timeout=10)
    begin_ns = time.time_ns() + int((0.5 + int(events) / _PREPARE_PER_S) * 1e9)
    records = list(paced_records(int(events), int(customers), rate=float(rate), begin_ns=begin_ns))
    _say({"begin_ns": begin_ns})
    late_ms = sorted(_send_all(producer, name, records, float(rate), begin_ns))
    left = producer.flush(30)
    _say({"events": len(records), "late_p99_ms": round(percentile(late_ms, 0.99), 1), "left": left})
    return 1 if left else 0


def _send_all(producer: Producer, name: str, records: Sequence[Record], rate: float, begin_ns: int) -> list[float]:
    """How late each step's first event was handed over, ms."""
    late, sent = [], 0
    while sent < len(records):
        due = int((time.time_ns() - begin_ns) / 1e9 * rate) + 1
        if due > sent:
            late.append((time.time_ns() - begin_ns) / 1e6 - sent / rate * 1e3)
            for record in records[sent:due]:
                send(producer, name, record)
            sent = min(due, len(records))
        producer.poll(0)
        time.sleep(_REST_S)
    return late


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
