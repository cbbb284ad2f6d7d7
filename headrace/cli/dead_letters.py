"""`headrace dead-letters list`: the records that were set aside, with their causes.

Content is not printed: it may be personal.
"""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
import typer
from aiokafka import ConsumerRecord

from headrace.cli.activation import kafka_errors
from headrace.cli.output import JsonOption, emit
from headrace.cli.running_kafka import use_running_kafka
from headrace.contracts.actions import DeadLetter
from headrace.contracts.topics import DEAD_LETTERS
from headrace.runtime.broker_version import check_broker
from headrace.runtime.kafka import read_to_end, topic
from headrace.runtime.settings import KafkaSettings, load_settings

_DECODER = msgspec.json.Decoder(DeadLetter)


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    group = typer.Typer(help="Records that were set aside, with their causes.", no_args_is_help=True)
    group.command("list")(list_letters)
    app.add_typer(group, name="dead-letters")


def list_letters(json: JsonOption = False) -> None:
    """List the dead letters, oldest first, without their content."""
    use_running_kafka()
    letters = [describe(record) for record in asyncio.run(_read(load_settings(KafkaSettings)))]
    emit({"dead_letters": sorted(letters, key=lambda letter: letter["at"])}, json, _text)


def describe(record: "ConsumerRecord[bytes | None, bytes | None]") -> dict[str, Any]:
    """One letter: its own place (`id`), when, why, and where the record it holds came from."""
    at = datetime.fromtimestamp(record.timestamp / 1000, UTC).isoformat().replace("+00:00", "Z")
    place = {"id": f"{record.partition}:{record.offset}", "at": at}
    try:
        letter = _DECODER.decode(record.value or b"")
    except msgspec.DecodeError:
        return place | {"reason": "unreadable", "detail": "the dead letter itself cannot be read"}
    return place | {
        "reason": letter.reason,
        "detail": letter.detail,
        "service": letter.service,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "key": letter.key.decode(errors="replace") if letter.key is not None else None,
    }


async def _read(settings: KafkaSettings) -> Iterable["ConsumerRecord[bytes | None, bytes | None]"]:
    await check_broker(settings)
    async with kafka_errors(settings):
        return await read_to_end(settings, topic(settings, DEAD_LETTERS))


def _text(found: dict[str, Any]) -> str:
    letters = found["dead_letters"]
    if not letters:
        return "no dead letters"
    return "\n".join(
        f"{one['at']}  {one['reason']}: {one['detail']}\n"
        f"    {one.get('topic')} partition {one.get('partition')} offset {one.get('offset')}, key {one.get('key')},"
        f" set aside by {one.get('service')}"
        for one in letters
    )
