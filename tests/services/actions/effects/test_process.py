"""`python -m services.actions effects` on real Kafka and the simulated vendors: each kind arrives once and says so."""

import asyncio
import signal
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from headrace.consumer.database import Database, open_database
from headrace.consumer.effects import people
from headrace.consumer.ledger import migrate_ledger
from headrace.contracts import topics
from headrace.contracts.effects import Effect
from headrace.runtime.kafka import make_producer, topic
from tests.headrace.consumer.effects.made import NOW, STORE, a_contact, an_effect
from tests.services.actions.effects.at_work import clock, ended, records, smtp_fields, working
from tests.services.consumer_harness import PARTITIONS, Bench, eventually

pytestmark = pytest.mark.kafka
SECRET: Final = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
VENDORS: Final = ("mailchimp", "klaviyo", "omnisend")


async def tick(bench: Bench, now: datetime) -> None:
    producer = make_producer(bench.settings)
    await producer.start()
    try:
        for partition in range(PARTITIONS):
            at, key = topic(bench.settings, topics.EVENTS), topics.PARTITION_WIDE_KEY
            await producer.send_and_wait(at, clock(STORE, now), key=key, partition=partition)
    finally:
        await producer.stop()


def opened(folder: Path) -> tuple[str, Database]:
    url = f"sqlite:///{folder / 'book.db'}"
    database = open_database(url)
    migrate_ledger(database)
    return url, database


def every_vendor(bench: Bench, folder: Path) -> dict[str, Any]:
    given = {name: value for name, value in bench.environment.items() if name.startswith((*VENDORS, "sendgrid"))}
    return {
        **given,
        **smtp_fields(bench, folder),
        "bigcommerce_url": bench.addresses.bigcommerce,
        "bigcommerce_token": "token",
        "hash_key": "0123456789abcdef" * 4,
        "effects_webhook_secret": SECRET,
        "effects_webhook_allow": "127.0.0.0/8",
        "effects_export_folder": folder / "rows",
    }


def one_of_each(bench: Bench) -> dict[str, Effect]:
    """Sink -> effect."""
    told: list[tuple[str, str, dict[str, Any]]] = [
        ("smtp", "send_email", {"template": "thanks"}),
        *((name, "start_sequence", {"name": "welcome", "platform": name}) for name in VENDORS),
        ("coupon", "issue_coupon", {"percent": 10}),
        ("note", "notify_staff", {"to": ["staff@shop.example"], "text": "A new VIP"}),
        ("webhook", "webhook", {"url": f"{bench.addresses.receiver}/hooks/erp"}),
        ("row", "export_row", {"file": "rows.csv", "columns": ["customer"], "row": {}}),
    ]
    return {
        sink: an_effect(number, customer=number, kind=kind, with_=with_)
        for number, (sink, kind, with_) in enumerate(told, 1)
    }


async def applied(bench: Bench, ids: set[str]) -> Counter[str]:
    """Waits until each of these was told of."""
    found: Counter[str] = Counter()

    async def holds() -> bool:
        found.clear()
        found.update(one["effect"] for one in await bench.outcomes() if one["result"] == "applied")
        return set(found) == ids

    await eventually(holds, what="the outcomes")
    return found


async def test_process__one_effect_of_each_kind__arrives_once_and_is_told(bench: Bench, tmp_path: Path) -> None:
    url, database = opened(tmp_path)
    made = one_of_each(bench)
    ids = {effect.id for effect in made.values()}
    await tick(bench, NOW)
    contacts = [a_contact(number) for number in range(1, len(made) + 1)]
    await bench.publish_raw(records(*contacts, *made.values(), *made.values()))
    async with working(bench, url, every_vendor(bench, tmp_path), log=tmp_path / "log"):
        found = await ended(database, ids)
        assert {kind: found[effect.id] for kind, effect in made.items()} == dict.fromkeys(made, "sent")
        assert set((await applied(bench, ids)).values()) == {1}
    await database.close()
    counts: dict[tuple[str, str], int] = {}

    async def all_seen() -> bool:
        """Some platforms work off later what they took in; the row is in our own file."""
        counts.update({(row["sink"], row["id"]): row["count"] for row in (await bench.truth())["effects"]})
        return len(counts) >= len(ids) - 1

    await eventually(all_seen, what="every effect at its platform")
    assert len(counts) == len(ids) - 1
    assert set(counts.values()) == {1}
    for sink in ("smtp", *VENDORS, "webhook"):
        assert counts[sink, made[sink].id] == 1
    assert counts["smtp", made["note"].id] == 1
    (rows,) = (tmp_path / "rows").glob("*.csv")
    assert len(rows.read_text().splitlines()) == 2


@pytest.mark.slow
@pytest.mark.parametrize("email", ["sendgrid", *VENDORS])
async def test_process__mails_by_each_platform__arrive_once(bench: Bench, tmp_path: Path, email: str) -> None:
    url, database = opened(tmp_path)
    made = [
        an_effect(number, customer=number, with_={"template": "d-1" if email == "sendgrid" else "thanks"})
        for number in range(1, 21)
    ]
    await tick(bench, NOW)
    await bench.publish_raw(records(*(a_contact(number) for number in range(1, 21)), *made))
    async with working(bench, url, every_vendor(bench, tmp_path) | {"effects_email": email}):
        assert set((await ended(database, {effect.id for effect in made})).values()) == {"sent"}
        await bench.publish_raw(records(*made))
        await bench.settled("actions.effects.mail", topics.ACTIONS_EFFECTS)
    await database.close()
    counts = {row["id"]: row["count"] for row in (await bench.truth())["effects"]}
    assert counts == {effect.id: 1 for effect in made}


async def test_process__asked_to_stop_while_a_mail_is_on_its_way__it_is_told_what_became_of_it(
    bench: Bench, tmp_path: Path
) -> None:
    url, database = opened(tmp_path)
    effect = an_effect(with_={"template": "thanks"})
    await tick(bench, NOW)
    await bench.publish_raw(records(a_contact(), effect))
    await bench.fault({"vendor": "smtp", "method": "DATA"}, {"pause": "post", "after": True})
    async with working(bench, url, smtp_fields(bench, tmp_path)) as process:
        assert await bench.simulator.hold.until(1, "post", deadline_s=60)
        process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0)
        bench.simulator.hold.release("post")
    (entry,) = await database.read(lambda connection: people.listed(connection, id=effect.id))
    await database.close()
    assert entry.state == "sent"
