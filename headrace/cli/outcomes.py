"""`headrace outcomes`: what the consumers did with a customer's actions, and why.

Read from the outcomes topic, which keeps 30 days; what is wanted now is `headrace explain`'s.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias, cast

import msgspec
import typer
from aiokafka import ConsumerRecord, TopicPartition

from headrace.cli.activation import kafka_errors
from headrace.cli.customer import CustomerArgument, customer_key
from headrace.cli.output import JsonOption, emit
from headrace.cli.running_kafka import use_running_kafka
from headrace.contracts.actions import OutcomeRecord
from headrace.contracts.topics import OUTCOMES, partition_of
from headrace.runtime.broker_version import check_broker
from headrace.runtime.kafka import make_consumer, partitions_of, topic
from headrace.runtime.settings import KafkaSettings, load_settings

Record: TypeAlias = "ConsumerRecord[bytes | None, bytes | None]"
LastOption = Annotated[int, typer.Option("--last", min=1, help="So many at most, the newest.")]
_DECODER = msgspec.json.Decoder(OutcomeRecord)
_POLL_MS = 500


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("outcomes")(outcomes)


def outcomes(customer: CustomerArgument, last: LastOption = 50, json: JsonOption = False) -> None:
    """Show what was applied, sent, refused or skipped for a customer, by which platform or sender; the newest last."""
    key = customer_key(customer)
    use_running_kafka()
    found = asyncio.run(_read(load_settings(KafkaSettings), key))
    emit({"customer": key, "outcomes": found[-last:], "omitted": max(0, len(found) - last)}, json, _text)


def describe(record: Record) -> dict[str, Any] | None:
    """One outcome with its time; None for a record that is none."""
    try:
        outcome = _DECODER.decode(record.value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    at = datetime.fromtimestamp(record.timestamp / 1000, UTC).isoformat(timespec="milliseconds")
    return {
        "at": at.replace("+00:00", "Z"),
        "kind": outcome.kind,
        "platform": outcome.platform,
        "result": outcome.result,
        "reason": outcome.reason,
        "detail": outcome.detail,
        "version": list(outcome.version),
        "effect": outcome.effect,
    }


async def _read(settings: KafkaSettings, key: str) -> list[dict[str, Any]]:
    """All of the customer's that are kept, oldest first."""
    await check_broker(settings)
    async with kafka_errors(settings):
        name = topic(settings, OUTCOMES)
        place = partition_of(key.encode(), len(await partitions_of(settings, name)))
        rows = [describe(record) async for record in _of_partition(settings, TopicPartition(name, place), key.encode())]
    return [row for row in rows if row is not None]


async def _of_partition(settings: KafkaSettings, at: TopicPartition, key: bytes) -> AsyncIterator[Record]:
    """The records of a key, without keeping the others: a partition may hold millions."""
    consumer = make_consumer(settings)
    await consumer.start()
    try:
        consumer.assign([at])
        end = int((await consumer.end_offsets([at]))[at])
        await consumer.seek_to_beginning(at)
        while await consumer.position(at) < end:
            polled = cast("dict[TopicPartition, list[Record]]", await consumer.getmany(at, timeout_ms=_POLL_MS))
            for records in polled.values():
                for record in records:
                    if record.key == key and record.offset < end:
                        yield record
    finally:
        await consumer.stop()


def _text(found: dict[str, Any]) -> str:
    rows = found["outcomes"]
    if not rows:
        return f"nothing was done for {found['customer']} in the last 30 days"
    lines = [f"... and {found['omitted']} older ones"] if found["omitted"] else []
    return "\n".join(lines + [_line(row) for row in rows])


def _line(row: dict[str, Any]) -> str:
    why = ": ".join(part for part in (row["reason"], row["detail"]) if part)
    version = ".".join(map(str, row["version"]))
    result = f"{row['result']}{f' ({why})' if why else ''}"
    what = f"{row['kind']} {row['effect']} by" if row["effect"] else f"{row['kind']} at"
    return f"{row['at']}  {what} {row['platform']}: {result}, version {version}"
