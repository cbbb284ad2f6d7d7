"""Consent, quiet hours and caps over the real process: between the decision and the sending much may change."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headrace.consumer.database import Database, open_database
from headrace.consumer.effects import people
from headrace.consumer.ledger import migrate_ledger
from headrace.contracts.effects import Cap, Effect, Quiet
from tests.headrace.consumer.effects.made import NOW, a_contact, an_effect
from tests.services.actions.effects.at_work import ended, records, smtp_fields, states, working
from tests.services.actions.effects.test_process import opened, tick
from tests.services.consumer_harness import Bench, eventually

pytestmark = pytest.mark.kafka
NIGHT = Quiet(start="21:00", end="08:00", zone="Europe/Berlin")
EVENING = datetime(2026, 3, 2, 19, 59, 59, tzinfo=UTC)
"""One second before it is quiet in Berlin."""
DAY = 86_400


def a_mail(number: int, **given: Any) -> Effect:
    fields = {"customer": number, "with_": {"template": "thanks"}, "expires_at": NOW + timedelta(days=9)}
    return an_effect(number, **{**fields, **given})


async def shown(bench: Bench, database: Database, now: datetime) -> None:
    """The store's clock, and that the process goes by it: one more mail is too old by then."""
    probe = a_mail(1000 + now.second, expires_at=now)
    await tick(bench, now)
    await bench.publish_raw(records(probe))
    assert (await ended(database, [probe.id]))[probe.id] == "expired"


async def waits_for(database: Database, reason: str, *effects: Effect) -> None:
    """Until these wait, and why."""

    async def holds() -> bool:
        entries = {entry.id: entry for entry in await database.read(people.listed)}
        return all(effect.id in entries and entries[effect.id].reason == reason for effect in effects)

    await eventually(holds, what=reason)


async def test_consent__mails_that_wait_for_the_morning__withdrawn_gone_or_sent(bench: Bench, tmp_path: Path) -> None:
    url, database = opened(tmp_path)
    withdrawn, gone, back, sent = (a_mail(number, quiet=NIGHT) for number in range(1, 5))
    early = a_mail(5, quiet=NIGHT)
    await tick(bench, EVENING)
    await bench.publish_raw(records(a_contact(5), early))
    async with working(bench, url, smtp_fields(bench, tmp_path)):
        assert (await ended(database, [early.id]))[early.id] == "sent"  # the last second before
        await shown(bench, database, EVENING + timedelta(seconds=1))
        four = (withdrawn, gone, back, sent)
        await bench.publish_raw(records(*(a_contact(number) for number in range(1, 5)), *four))
        await waits_for(database, "quiet_hours", *four)
        changed = [a_contact(1, offset=50, subscribed=False), a_contact(2, offset=50, deleted=True)]
        again = [a_contact(3, offset=50, subscribed=False), a_contact(3, offset=60)]
        await bench.publish_raw(records(*changed, *again))
        ids = [withdrawn.id, gone.id, back.id]
        assert {(await ended(database, ids))[one] for one in ids} == {"cancelled"}
        seven = datetime(2026, 3, 3, 7, tzinfo=UTC)  # eight in Berlin
        await shown(bench, database, seven - timedelta(seconds=1))
        assert (await states(database))[sent.id] == "waiting"
        await tick(bench, seven)
        assert (await ended(database, [sent.id]))[sent.id] == "sent"
    await database.close()
    assert {row["id"] for row in (await bench.truth())["effects"]} == {early.id, sent.id}
    told = {one["effect"]: (one["result"], one.get("reason")) for one in await bench.outcomes()}
    assert told[withdrawn.id] == told[back.id] == ("skipped", "consent_withdrawn")
    assert told[gone.id] == ("skipped", "customer_gone")


def three_kinds(number: int) -> list[Effect]:
    """A mail, a coupon and a sequence of one customer, who gets one of them a day."""
    cap = Cap(at_most=1, per_s=DAY)
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("send_email", {"template": "thanks"}),
        ("issue_coupon", {"percent": 10}),
        ("start_sequence", {"name": "welcome", "platform": "klaviyo"}),
    ]
    return [a_mail(number, kind=kind, with_=with_, cap=cap) for kind, with_ in kinds]


def three_senders(bench: Bench, folder: Path) -> dict[str, Any]:
    return {
        **smtp_fields(bench, folder),
        "klaviyo_url": bench.addresses.klaviyo,
        "klaviyo_key": "klaviyo-key",
        "bigcommerce_url": bench.addresses.bigcommerce,
        "bigcommerce_token": "token",
        "effects_coupon_key": "coupons",
    }


async def capped(bench: Bench, database: Database, effects: list[Effect]) -> None:
    """One of each customer's is sent and the others wait; a second before the day is over no more, then one more."""

    async def settled() -> bool:
        entries = await database.read(lambda connection: people.listed(connection, limit=1000))
        over = [one for one in entries if one.state == "sent" or one.reason == "frequency_cap"]
        return len(over) == len(effects)

    await eventually(settled, what="caps", deadline_s=60)
    assert await sent_to(database) == {effect.customer: 1 for effect in effects}
    await shown(bench, database, NOW + timedelta(seconds=DAY - 1))
    assert await sent_to(database) == {effect.customer: 1 for effect in effects}
    await tick(bench, NOW + timedelta(seconds=DAY))

    async def twice() -> bool:
        return await sent_to(database) == {effect.customer: 2 for effect in effects}

    await eventually(twice, what="the next day's", deadline_s=60)


async def sent_to(database: Database) -> dict[str, int]:
    """Customer -> how many."""
    entries = await database.read(lambda connection: people.listed(connection, states=["sent"], limit=1000))
    return dict(Counter(entry.customer for entry in entries))


async def test_cap__three_senders_of_one_database__count_together(bench: Bench, tmp_path: Path) -> None:
    url, database = opened(tmp_path)
    effects = [effect for number in range(1, 4) for effect in three_kinds(number)]
    await tick(bench, NOW)
    await bench.publish_raw(records(*(a_contact(number) for number in range(1, 4)), *effects))
    async with working(bench, url, three_senders(bench, tmp_path)):
        await capped(bench, database, effects)
    await database.close()


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_cap__two_replicas_race__never_more_than_it_lets(bench: Bench, tmp_path: Path, database_url: str) -> None:
    database = open_database(database_url)
    migrate_ledger(database)
    effects = [effect for number in range(1, 41) for effect in three_kinds(number)]
    await tick(bench, NOW)
    fields = three_senders(bench, tmp_path)
    first, second = tmp_path / "first", tmp_path / "second"
    async with working(bench, database_url, fields, log=first), working(bench, database_url, fields, log=second):

        async def both() -> bool:
            return all(log.exists() and log.read_text().count("consumer.assigned") >= 3 for log in (first, second))

        await eventually(both, what="partitions for both", deadline_s=60)
        await bench.publish_raw(records(*(a_contact(number) for number in range(1, 41)), *effects))
        await capped(bench, database, effects)
    await database.close()
