"""What the replay's tests share: a log with customers, clocks and rule sets, a live evaluator over it, the verb itself.

What is expected of a replay is in the tests.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from headrace.contracts.topics import DEAD_LETTERS, DESIRED_STATE_TOPICS
from headrace.rules.model import Group, Ladder, RuleSet, Rung, Store
from headrace.runtime.kafka import read_to_end, topic
from headrace.runtime.settings import ServiceSettings
from services.evaluator.engine.state import MARK_BYTES, mark_of
from tests.services.evaluator.service import (
    BEGIN,
    PARTITIONS,
    Record,
    clock,
    committed_lag,
    customer,
    order,
    until,
)

CUSTOMERS = 60


def ladder(gold: int) -> RuleSet:
    """Silver, and Gold from so many pence."""
    rungs = (Rung(group="Silver"), Rung(group="Gold", bound="from", threshold=gold))
    return RuleSet(
        store=Store(timezone="Europe/London", currency="GBP"),
        groups=(Group(name="Gold"), Group(name="Silver")),
        group_order=(("Gold",), ("Silver",)),
        ladders=(Ladder(id="loyalty", by="customer.spend", rungs=rungs),),
    )


def traffic(seed: int, count: int, *, days: int = 10) -> list[Record]:
    """Orders of random customers with a clock now and then, the same for the same seed; some records are none."""
    chance = random.Random(seed)
    records: list[Record] = []
    for number in range(count):
        day = seed * days + number * days // count
        who = chance.randrange(CUSTOMERS)
        records.append(order(who, seed * 100_000 + number, chance.randrange(500, 9_000), day=day))
        if number % 25 == 0:
            records += clock(BEGIN + timedelta(days=day))
        if number % 40 == 0:
            records.append((number % PARTITIONS, f"teststore:{who}".encode(), b"no event"))
    return records


def people() -> list[Record]:
    """A snapshot of every customer."""
    return [customer(number) for number in range(CUSTOMERS)]


async def caught_up(settings: ServiceSettings) -> None:
    """Returns when the live generation has committed everything."""

    async def done() -> bool:
        return await committed_lag(settings) == 0

    await until("the evaluator to catch up", done)


@dataclass(frozen=True)
class Said:
    """How a verb ended, and its object."""

    code: int
    json: dict[str, Any]
    stderr: str


def environment_of(settings: ServiceSettings) -> dict[str, str]:
    """Variables that lead a child to this test's Kafka and topics."""
    return {
        **os.environ,
        "HEADRACE_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "HEADRACE_TOPIC_PREFIX": settings.topic_prefix,
        "HEADRACE_STORE": settings.store,
    }


def command(*words: str) -> list[str]:
    """The command line of `headrace`."""
    return [sys.executable, "-m", "headrace.cli.main", *words]


async def headrace(settings: ServiceSettings, *words: str) -> Said:
    """Runs `headrace <words> --json` to its end."""
    done = await asyncio.to_thread(
        subprocess.run,
        command(*words, "--json"),
        env=environment_of(settings),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout, done.stderr[-4000:]
    return Said(done.returncode, json.loads(done.stdout), done.stderr)


async def changelog_of(settings: ServiceSettings, generation: int) -> dict[bytes, tuple[int, bytes]]:
    """Mark and body by key, of what the generation's changelog holds, without the partitions' own records."""
    name = topic(settings, f"evaluator-{generation}-state-changelog")
    found: dict[bytes, bytes] = {}
    for record in await read_to_end(settings, name, range(PARTITIONS)):
        assert record.key is not None
        if record.value is None:
            found.pop(record.key, None)
        else:
            found[record.key] = record.value
    return {key: (mark_of(value), value[MARK_BYTES:]) for key, value in found.items() if key != b"~"}


async def outputs(settings: ServiceSettings, names: Sequence[str] = (*DESIRED_STATE_TOPICS, DEAD_LETTERS)) -> int:
    """How many records the topics hold that everyone else reads."""
    return sum([len(await read_to_end(settings, topic(settings, name), range(PARTITIONS))) for name in names])
