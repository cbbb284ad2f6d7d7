"""The book of effects, and the paused sink, that the pages look at: an effect of each fate, at fixed times."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, update

from headrace.consumer import guard
from headrace.consumer.database import open_database
from headrace.consumer.effects import book, rows
from headrace.consumer.ledger import migrate_ledger
from headrace.contracts.actions import Cause
from headrace.contracts.effects import Effect, EffectKind, effect_id

NOW: Final = datetime(2026, 11, 20, 21, 30, tzinfo=UTC)
VIP, BIG, NEWS = "segment:vip", "rule:big-order", "rule:back-in-stock"


def open_book(folder: Path) -> None:
    """`headrace.db` in the folder, as the consumers would have left it."""

    async def make() -> None:
        database = open_database(f"sqlite:///{folder / 'headrace.db'}")
        migrate_ledger(database)
        await database.write(_fill)
        await database.close()

    asyncio.run(make())


def an_effect(number: int, customer: int, kind: EffectKind, entry: str) -> Effect:
    key = f"demo:{customer}"
    return Effect(
        id=effect_id(key, entry, kind, str(number)),
        customer=key,
        version=(1, number, 0),
        kind=kind,
        entry=entry,
        key=kind,
        cause_id=str(number),
        cause=Cause(event=f"order {number}"),
        rules_version=1,
        decided_at=NOW,
        fact_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )


def _fill(connection: Connection) -> None:
    fates: list[tuple[int, str, EffectKind, str, rows.State, dict[str, Any]]] = [
        (42, "mail", "send_email", VIP, "sent", {"receipt": "4Zb3Hk1x2y"}),
        (57, "mail", "send_email", VIP, "unknown", {"reason": "DATA: no answer in time"}),
        (58, "mail", "send_email", VIP, "unknown", {"reason": "worker_lost"}),
        (
            61,
            "mail",
            "send_email",
            NEWS,
            "refused",
            {"reason": "template", "detail": "news.html:3: there is no 'product'"},
        ),
        (64, "mail", "send_email", NEWS, "cancelled", {"reason": "consent_withdrawn"}),
        (70, "mail", "send_email", VIP, "waiting", {"reason": "quiet_hours"}),
        (42, "webhook", "webhook", VIP, "waiting", {"reason": "answered 503", "attempts": 3}),
        (71, "notify", "notify_staff", BIG, "held", {"reason": "too_many", "attempts": 0}),
        (72, "notify", "notify_staff", BIG, "held", {"reason": "too_many", "attempts": 0}),
    ]
    for number, (customer, sender, kind, entry, state, values) in enumerate(fates, start=1):
        effect = an_effect(number, customer, kind, entry)
        book.take_in(connection, sender, [(effect, 0)])
        at = (NOW + timedelta(seconds=number)).timestamp()
        row = {"attempts": int(state != "waiting"), "state": state, "taken": at, "changed": at, **values}
        if state in ("sent", "cancelled"):
            row["payload"] = None
        connection.execute(update(rows.BOOK).where(rows.BOOK.c.id == effect.id).values(**row))
    guard.pause(connection, "email-tags.mailchimp", "demo", "segment:sleepers", 1204, 4310)
    connection.execute(update(guard.PAUSES).values(since=NOW.timestamp()))
