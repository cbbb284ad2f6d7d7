"""A file into the log: composition, and the writing of what a pass gathers. The only place here that builds clients."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from pydantic import SecretStr

from headrace.contracts import topics
from headrace.contracts.actions import RuleSetRecord
from headrace.rules.model import RuleSet, decode_rule_set
from headrace.runtime.kafka import make_producer, read_to_end, topic
from headrace.runtime.logs import log
from headrace.runtime.settings import ServiceSettings
from services.ingest.importing.facts import Setting
from services.ingest.importing.passes import Pass
from services.ingest.importing.reading import How, Unreadable, opened
from services.ingest.importing.records import Maker
from services.ingest.importing.report import Report
from services.ingest.owner_log import OwnerLog
from services.ingest.owners import Owners
from services.ingest.publish import EventWriter
from services.ingest.publisher import write_in_order
from services.ingest.snapshots import Batch

AT_ONCE: Final = 1000
TOLD_EVERY_S: Final = 5.0


class ImportSettings(ServiceSettings):
    """`headrace import`."""

    kafka_bootstrap_servers: str = ""
    """host:port, comma separated. A dry run needs none: then nothing is known of groups and addresses."""
    hash_key: SecretStr | None = None
    """Keys the hash that stands for an e-mail address. The same as for receive, hydrate and feed."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the verb was told."""

    path: Path
    how: How
    dry_run: bool = False
    report: Path | None = None
    as_of: datetime | None = None
    timezone: str | None = None
    currency: str | None = None


@dataclass(slots=True)
class Sink:
    """Where records go; all None in a dry run without Kafka."""

    owners: Owners | None = None
    owner_log: OwnerLog | None = None
    writer: EventWriter | None = None
    rules: RuleSet | None = None
    rules_version: int | None = None


async def run_import(settings: ImportSettings, options: Options) -> dict[str, Any]:
    """The verb's result. Raises `Unreadable`, `KafkaError`."""
    began = time.monotonic()
    async with _sink(settings, options) as sink:
        setting = _setting(settings, options, sink)
        with opened(options.path, options.how) as found, Report(options.report) as report:
            maker, events = Maker(setting, sink.owners), Counter[str]()
            told_at = began
            for _ in Pass(setting, maker, report, found.header).run(found, AT_ONCE):
                await _write(sink, maker, events, dry_run=options.dry_run)
                if time.monotonic() - told_at > TOLD_EVERY_S:
                    told_at = time.monotonic()
                    log.info("import.advanced", rows=report.rows, refused=report.refused)
            return {
                "file": str(options.path),
                "format": found.format,
                "dry_run": options.dry_run,
                **report.as_object(),
                "events": dict(sorted(events.items())),
                "ignored_columns": list(found.header.ignored),
                "rules_version": sink.rules_version,
                "as_of": setting.as_of.isoformat().replace("+00:00", "Z"),
                "seconds": round(time.monotonic() - began, 3),
            }


async def _write(sink: Sink, maker: Maker, events: Counter[str], *, dry_run: bool) -> None:
    batch, maker.batch = maker.batch, Batch()
    events.update(record.type for record in (*batch.removals, *batch.records))
    if not dry_run and sink.writer is not None and sink.owner_log is not None:
        await write_in_order(sink.writer, sink.owner_log, batch)


def _setting(settings: ImportSettings, options: Options, sink: Sink) -> Setting:
    store = sink.rules.store if sink.rules is not None else None
    if options.as_of is not None:
        as_of = options.as_of
    else:
        try:
            as_of = datetime.fromtimestamp(int(options.path.stat().st_mtime), UTC)
        except OSError as error:
            raise Unreadable("file_unreadable", f"cannot be read: {error.strerror}", "name a file") from error
    return Setting(
        store=settings.store,
        as_of=as_of,
        zone=ZoneInfo(options.timezone or (store.timezone if store is not None else "UTC")),
        currency=options.currency or (store.currency if store is not None else ""),
        groups=None if sink.rules is None else sink.rules.groups,
        reason=f"import of {options.path.name}",
    )


@asynccontextmanager
async def _sink(settings: ImportSettings, options: Options) -> AsyncIterator[Sink]:
    if not settings.kafka_bootstrap_servers:
        yield Sink()
        return
    sink = Sink()
    found = await _rules(settings)
    if found is not None:
        sink.rules_version, sink.rules = found
    producer = make_producer(settings)
    await producer.start()
    owners = Owners(settings.store, settings.hash_key.get_secret_value().encode() if settings.hash_key else b"")
    owner_log = OwnerLog(settings, producer, owners)
    try:
        await owner_log.catch_up(asyncio.Event())
        sink.owners, sink.owner_log = owners, owner_log
        sink.writer = EventWriter(producer, topic(settings, topics.EVENTS))
        yield sink
    finally:
        await owner_log.close()
        await producer.stop()


async def _rules(settings: ImportSettings) -> tuple[int, RuleSet] | None:
    """The newest rule set of the store."""
    newest: RuleSetRecord | None = None
    for record in await read_to_end(settings, topic(settings, topics.RULES)):
        found = msgspec.json.decode(record.value or b"", type=RuleSetRecord)
        if found.store == settings.store and (newest is None or found.version > newest.version):
            newest = found
    return None if newest is None else (newest.version, decode_rule_set(newest.document))
