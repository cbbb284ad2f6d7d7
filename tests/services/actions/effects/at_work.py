"""`python -m services.actions effects` as a process of its own: what it needs, what it is told, what its book says."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from headrace.consumer.database import Database
from headrace.consumer.effects import people
from headrace.contracts import topics
from headrace.contracts.actions import DesiredContact, encode
from headrace.contracts.effects import Effect, encode_effect
from headrace.contracts.events import CLOCK, Clock, encode_event
from tests.services.consumer_harness import Bench, eventually

Process = asyncio.subprocess.Process
COMMAND = ("-m", "services.actions", "effects")


def smtp_fields(bench: Bench, folder: Path) -> dict[str, Any]:
    """Mails by SMTP, from the templates of a folder; `thanks` is made there."""
    host, _, port = bench.addresses.smtp.removeprefix("smtp://").partition(":")
    (folder / "thanks.html").write_text("Subject: Thanks, {{ customer.first_name }}\n\n<b>Thank you</b>")
    return {
        "effects_email": "smtp",
        "smtp_host": host,
        "smtp_port": port,
        "smtp_security": "none",
        "mail_from": "shop@shop.example",
        "effects_templates": folder,
    }


async def start(
    bench: Bench,
    database_url: str,
    fields: Mapping[str, Any],
    *,
    command: Sequence[str] = COMMAND,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> Process:
    """As a child; `log` gets its lines."""
    given: dict[str, Any] = {name: bench.environment[name] for name in ("kafka_bootstrap_servers", "topic_prefix")}
    given |= {"store": bench.store, "database_url": database_url, "vendor_deadline_s": 20.0, **fields}
    told = {name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in given.items()}
    named = {f"HEADRACE_{name.upper()}": str(value) for name, value in told.items()}
    with (log or Path(os.devnull)).open("ab") as lines:
        return await asyncio.create_subprocess_exec(
            sys.executable, *command, env=os.environ | named | dict(environment or {}), stdout=lines, stderr=lines
        )


@asynccontextmanager
async def working(bench: Bench, database_url: str, fields: Mapping[str, Any], **how: Any) -> AsyncIterator[Process]:
    """Until the block ends; then it is asked to stop, and has to end well."""
    process = await start(bench, database_url, fields, **how)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 15)
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode == 0, how["log"].read_text()[-3000:] if "log" in how else ""


def records(*told: Effect | DesiredContact) -> list[tuple[str, bytes, bytes]]:
    """Topic, key, value."""
    return [
        (topics.ACTIONS_EFFECTS, one.customer.encode(), encode_effect(one))
        if isinstance(one, Effect)
        else (topics.ACTIONS_CONTACT, one.customer.encode(), encode(one))
        for one in told
    ]


def clock(store: str, now: datetime) -> bytes:
    """The store's clock, as it stands in the log under the key of a whole partition."""
    return encode_event(
        Clock(store=store, now=now), type=CLOCK, id=f"c{now}", store=store, subject="~", time=now, origin="live"
    )


async def states(database: Database) -> dict[str, str]:
    """Id -> state."""
    entries = await database.read(lambda connection: people.listed(connection, limit=1_000_000))
    return {entry.id: entry.state for entry in entries}


async def ended(database: Database, ids: Collection[str], *, deadline_s: float = 60.0) -> dict[str, str]:
    """Waits until none of these is open."""

    async def holds() -> bool:
        found = await states(database)
        return all(found.get(one) not in (None, "waiting", "sending") for one in ids)

    try:
        await eventually(holds, what="the effects' ends", deadline_s=deadline_s)
    except AssertionError as error:
        entries = await database.read(lambda connection: people.listed(connection, limit=1_000_000))
        late = [(one.sender, one.kind, one.state, one.reason, one.detail) for one in entries if one.state != "sent"]
        raise AssertionError(f"{error}: {len(entries)} taken in; {late[:20]}") from None
    return await states(database)
