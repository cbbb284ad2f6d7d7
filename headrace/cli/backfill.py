"""`headrace backfill`: how far the store's past has been read, and when it will be done; from Kafka alone.

Started with `python -m services.ingest feed --backfill`, and carried out there.
"""

import asyncio
from typing import Any

import msgspec
import typer

from headrace.cli import activation
from headrace.cli.output import EXIT_FINDINGS, CliError, JsonOption, emit
from headrace.cli.running_kafka import use_running_kafka
from headrace.contracts.progress import Progress, eta_s, feed_key
from headrace.contracts.topics import OWNERS
from headrace.runtime.broker_version import check_broker
from headrace.runtime.kafka import read_to_end, topic
from headrace.runtime.settings import ServiceSettings, load_settings

_STATES = {"customers": "running", "orders": "running", "changes": "not_started", "clock": "not_started"}


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("backfill")(backfill)


def backfill(json: JsonOption = False) -> None:
    """Show how far the store's customers and orders of the past are in the log, and how long the rest will take."""
    use_running_kafka()
    settings = load_settings(ServiceSettings)
    progress = asyncio.run(_progress(settings))
    if progress is None:
        raise CliError(
            "no_feed",
            f"no feed has run for store {settings.store}",
            hint="start one: python -m services.ingest feed --backfill",
            exit_code=EXIT_FINDINGS,
        )
    emit(status_of(settings.store, progress), json, _text)


async def _progress(settings: ServiceSettings) -> Progress | None:
    await check_broker(settings)
    key, found = feed_key(settings.store), None
    async with activation.kafka_errors(settings):
        for record in await read_to_end(settings, topic(settings, OWNERS)):
            if record.key == key and record.value:
                found = record.value
    return None if found is None else msgspec.json.decode(found, type=Progress)


def status_of(store: str, progress: Progress) -> dict[str, Any]:
    """The verb's object; totals and `eta_seconds` are null where nobody knows them."""
    left_s = eta_s(progress)
    state = "done" if progress.backfilled else _STATES[progress.phase]
    return {
        "store": store,
        "state": state,
        "phase": progress.phase,
        "customers": {"done": progress.customers, "total": progress.customers_total or None},
        "orders": {"done": progress.orders, "total": progress.orders_total or None},
        "eta_seconds": round(left_s) if state == "running" and left_s is not None else None,
        "clock": progress.changed_until.isoformat().replace("+00:00", "Z"),
    }


def _text(found: dict[str, Any]) -> str:
    if found["state"] == "not_started":
        return "no backfill: only what changed since the feed was first started is read"
    lines = [f"{kind}: {_share(found[kind])}" for kind in ("customers", "orders")]
    if found["state"] == "done":
        return "\n".join([*lines, "done"])
    left = found["eta_seconds"]
    return "\n".join([*lines, "how long the rest takes is not known yet" if left is None else f"{_span(left)} left"])


def _share(part: dict[str, Any]) -> str:
    if not part["total"]:
        return str(part["done"])
    return f"{part['done']} of {part['total']} ({min(100, 100 * part['done'] // part['total'])} %)"


def _span(seconds: int) -> str:
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds % 60} s"
