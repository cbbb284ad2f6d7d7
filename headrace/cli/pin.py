"""`headrace pin` and `headrace unpin`: a person's decision about one customer's group, published like any other event.

What a pin does is the evaluator's; here it is checked that the rules in force have the group.
"""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
import typer

from headrace.cli import activation
from headrace.cli.customer import CustomerArgument, customer_key
from headrace.cli.moments import moment
from headrace.cli.output import EXIT_FINDINGS, CliError, JsonOption, emit
from headrace.cli.running_kafka import use_running_kafka
from headrace.contracts.events import (
    CUSTOMER_PINNED,
    CUSTOMER_UNPINNED,
    CustomerPinned,
    CustomerUnpinned,
    EventData,
    encode_event,
)
from headrace.contracts.topics import EVENTS
from headrace.rules.findings import did_you_mean
from headrace.rules.model import RuleSet, decode_rule_set
from headrace.runtime.broker_version import check_broker
from headrace.runtime.kafka import make_producer, topic
from headrace.runtime.settings import KafkaSettings, load_settings

MAX_REASON: Final = 500


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    app.command("pin")(pin)
    app.command("unpin")(unpin)


def pin(
    customer: CustomerArgument,
    group: Annotated[str, typer.Argument(metavar="GROUP", help="One of the groups of the rules in force.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; shown to whoever asks later.")],
    until: Annotated[str | None, typer.Option(metavar="TIME", help="When it ends by itself (RFC 3339).")] = None,
    json: JsonOption = False,
) -> None:
    """Put a customer into a group, whatever the rules say, until TIME or until it is taken off."""
    key, why, ends, now = _key(customer), _reason(reason), _until(until), datetime.now(UTC)
    if ends is not None and ends <= now:
        raise CliError("usage", f"--until {until}: that is over already", hint="name a later time, or leave it out")
    use_running_kafka()
    settings = load_settings(KafkaSettings)
    pinned = CustomerPinned(group=group, reason=why, until=ends)
    where = asyncio.run(publish_pin(settings, key, pinned, now=now))
    emit({"customer": key, "group": group, "until": None if ends is None else ends.isoformat(), **where}, json, _pinned)


def unpin(
    customer: CustomerArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.")] = "",
    json: JsonOption = False,
) -> None:
    """Take a customer's pin off: the rules decide again."""
    key, why = _key(customer), _reason(reason, needed=False)
    use_running_kafka()
    settings = load_settings(KafkaSettings)
    where = asyncio.run(publish_unpin(settings, key, CustomerUnpinned(reason=why), now=datetime.now(UTC)))
    emit({"customer": key, **where}, json, lambda found: f"{found['customer']} is no longer pinned")


async def publish_pin(settings: KafkaSettings, key: str, pinned: CustomerPinned, *, now: datetime) -> dict[str, int]:
    """Appends the event; its partition and offset. Raises `CliError` for a group that the rules in force lack."""
    await check_broker(settings)
    async with activation.kafka_errors(settings):
        known = await activation.versions(settings, key.partition(":")[0])
        refuse_group(pinned.group, _in_force(known))
        return await _publish(settings, key, pinned, CUSTOMER_PINNED, now)


async def publish_unpin(settings: KafkaSettings, key: str, data: CustomerUnpinned, *, now: datetime) -> dict[str, int]:
    """Appends the event; its partition and offset. A customer who is not pinned stays as it is."""
    await check_broker(settings)
    async with activation.kafka_errors(settings):
        return await _publish(settings, key, data, CUSTOMER_UNPINNED, now)


def refuse_group(group: str, rules: RuleSet | None) -> None:
    """Raises for a group nobody could be put into."""
    if rules is None:
        raise CliError(
            "no_rules",
            "no rule set is in force: nobody knows the groups",
            hint="apply one first",
            exit_code=EXIT_FINDINGS,
        )
    names = tuple(known.name for known in rules.groups)
    if group not in names:
        hint = did_you_mean(group, names, otherwise=f"groups are: {', '.join(names) or 'none'}")
        raise CliError("unknown_group", f"{group!r} is not a group of the rules in force", hint=hint)


def _in_force(known: list[activation.Version]) -> RuleSet | None:
    if not known:
        return None
    try:
        return decode_rule_set(known[-1].record.document)
    except msgspec.DecodeError as error:
        raise CliError(
            "rules_unreadable", "the rule set in force was written by another release", hint="use that release"
        ) from error


async def _publish(settings: KafkaSettings, key: str, data: EventData, kind: str, now: datetime) -> dict[str, int]:
    value = encode_event(
        data,
        type=kind,
        id=f"{kind}:{now.isoformat()}",
        store=key.partition(":")[0],
        subject=key,
        time=now,
        origin="live",
    )
    producer = make_producer(settings)
    await producer.start()
    try:
        sent = await producer.send_and_wait(topic(settings, EVENTS), value, key=key.encode())
    finally:
        await producer.stop()
    return {"partition": sent.partition, "offset": sent.offset}


def _key(customer: str) -> str:
    key = customer_key(customer)
    if "#" in key:
        raise CliError("usage", f"{key}: not a customer", hint="write store:customer, or the number with --store")
    if key.partition(":")[2].startswith("guest-"):
        raise CliError("guest", f"{key} is a guest: only customers with an account have a group")
    return key


def _until(text: str | None) -> datetime | None:
    return None if text is None else moment("--until", text)


def _reason(text: str, *, needed: bool = True) -> str:
    said = " ".join(text.split())
    if (needed and not said) or len(said) > MAX_REASON:
        raise CliError("usage", f"--reason has 1 to {MAX_REASON} characters", hint="say why, for whoever asks later")
    return said


def _pinned(found: dict[str, Any]) -> str:
    until = f" until {found['until']}" if found["until"] else ""
    return f"{found['customer']} is pinned to {found['group']}{until}"
