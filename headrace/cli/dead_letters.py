"""`headrace dead-letters`: the records that were set aside: list them, look at one, send them again, drop them.

Content is shown by `show` only, and without personal data unless that is asked for.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from headrace.cli.activation import kafka_errors
from headrace.cli.letter_content import content
from headrace.cli.letter_text import describe, list_text, meaning, resend_text, show_text, shown_key
from headrace.cli.letter_topic import all_letters, append_marks
from headrace.cli.letters import Filter, Letter, named
from headrace.cli.moments import moment
from headrace.cli.output import EXIT_FINDINGS, CliError, JsonOption, emit
from headrace.cli.resend import Report, resend
from headrace.cli.running_kafka import use_running_kafka
from headrace.cli.textfile import MetricsOption, text_format, write_whole
from headrace.contracts.actions import DeadLetterMark
from headrace.contracts.topics import DEAD_LETTERS
from headrace.runtime.broker_version import check_broker
from headrace.runtime.kafka import make_producer, topic
from headrace.runtime.settings import KafkaSettings, SettingsError, load_settings, variable
from headrace.runtime.stores import store_names

MAX_REASON: Final = 500
_ServiceOption = Annotated[str | None, typer.Option(metavar="NAME", help="Only what this service set aside.")]
_ReasonOption = Annotated[str | None, typer.Option(metavar="WORD", help="Only those of this reason.")]
_StoreOption = Annotated[str | None, typer.Option("--store", metavar="HASH", help="Only those of this store.")]
_Ids = Annotated[list[str], typer.Argument(metavar="ID", help="partition:offset, as `list` prints it.")]


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    group = typer.Typer(help="Records that were set aside, with their causes.", no_args_is_help=True)
    group.command("list")(list_letters)
    group.command("show")(show_letter)
    group.command("resend")(resend_letters)
    group.command("drop")(drop_letters)
    app.add_typer(group, name="dead-letters")


def list_letters(
    service: _ServiceOption = None,
    reason: _ReasonOption = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Only those set aside since (RFC 3339).")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also those dealt with, and what became of them.")] = False,
    metrics: MetricsOption = None,
    store: _StoreOption = None,
    json: JsonOption = False,
) -> None:
    """List the open dead letters, oldest first, without their content. Without --store: every store's."""
    wanted = Filter(service, reason, None if since is None else moment("--since", since), every, _known(store))
    letters = asyncio.run(_read(_settings()))
    if metrics is not None:
        write_whole(metrics, metrics_of(letters, by_store=bool(store_names())))
    letters = [letter for letter in letters if store is None or letter.store == store]
    found = [letter for letter in letters if wanted.takes(letter)]
    rows = [describe(letter) for letter in found]
    hidden = sum(letter.state not in ("open", "resending") for letter in letters) if not every else 0
    emit({"dead_letters": rows, "reasons": _reasons(found)}, json, lambda said: list_text(said, hidden))


def metrics_of(letters: Sequence[Letter], *, by_store: bool = False) -> str:
    """The open ones, counted by service and reason, and by store if asked; 0 without labels when there are none."""
    is_open = Filter().takes
    counts = Counter(
        (_service(letter), letter.reason, letter.store if by_store else "") for letter in letters if is_open(letter)
    )
    series = [
        ({"service": service, "reason": reason} | ({"store": store} if by_store else {}), count)
        for (service, reason, store), count in sorted(counts.items())
    ]
    return text_format({"headrace_dead_letters_open": series or [({}, 0)]})


def _service(letter: Letter) -> str:
    return "" if letter.record is None else letter.record.service


def show_letter(
    letter: Annotated[str, typer.Argument(metavar="ID", help="partition:offset, as `list` prints it.")],
    personal: Annotated[bool, typer.Option("--personal", help="Show personal data too.")] = False,
    store: _StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Show one dead letter whole: why, where it came from, and the record, personal data masked."""
    (found,) = _named([letter], _known(store), _settings())
    record = found.record
    said = describe(found)
    if record is not None:
        said |= {"key": shown_key(record.key, personal=personal)} | content(record.value, personal=personal)
    emit(said, json, show_text)


def resend_letters(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="As `list` prints them.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All open ones of the --reason (and --service).")] = False,
    reason: _ReasonOption = None,
    service: _ServiceOption = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="With --all: yes, so many.")] = False,
    store: _StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Put records back where they came from: same topic, partition, key and bytes. Each letter once."""
    if bool(ids) == every or (every and reason is None) or (ids and (reason or service)):
        raise CliError(
            "usage",
            "resend needs ids, or --all with a --reason",
            hint="headrace dead-letters resend 3:17, or --all --reason failed",
        )
    whose, settings = _known(store), _settings()
    if ids:
        chosen = _named(ids, whose, settings)
    else:
        wanted = Filter(service, reason, store=whose)
        chosen = [letter for letter in asyncio.run(_read(settings)) if wanted.takes(letter)]
        if chosen and not confirm:
            raise _unconfirmed(chosen)
    report = asyncio.run(_resend(settings, chosen)) if chosen else Report()
    emit(_as_object(report), json, resend_text)
    if report.refused:
        raise typer.Exit(EXIT_FINDINGS)


def drop_letters(
    ids: _Ids,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; shown to whoever asks later.")],
    store: _StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Mark dead letters as dealt with. They stay in the topic for its 30 days; `list --all` shows them."""
    why = " ".join(reason.split())
    if not why or len(why) > MAX_REASON:
        raise CliError("usage", f"--reason has 1 to {MAX_REASON} characters", hint="say why, for whoever asks later")
    whose, settings = _known(store), _settings()
    letters = _named(ids, whose, settings)
    for letter in letters:
        _refuse_drop(letter)
    asyncio.run(_drop([letter for letter in letters if letter.state == "open"], settings, why))
    dropped = [letter.id for letter in letters]
    emit({"dropped": dropped, "reason": why}, json, lambda said: f"dropped: {', '.join(said['dropped'])}")


def _settings() -> KafkaSettings:
    use_running_kafka()
    return load_settings(KafkaSettings)


def _known(store: str | None) -> str | None:
    """The same; raises SettingsError for one that the file of stores does not have."""
    names = store_names()
    if store is not None and names and store not in names:
        raise SettingsError({variable("store"): f"there is no store {store}; there are {', '.join(names)}"})
    return store


def _named(ids: Sequence[str], store: str | None, settings: KafkaSettings) -> list[Letter]:
    """The letters of these ids. Raises CliError for one that is not there, or is another store's."""
    found = named(asyncio.run(_read(settings)), ids, topic(settings, DEAD_LETTERS))
    for letter in found:
        if store not in (None, letter.store):
            whose = f"is of store {letter.store}" if letter.store else "tells of no store"
            raise CliError(
                "other_store",
                f"{letter.id} {whose}, not of {store}",
                hint="leave --store out if it is meant all the same",
                exit_code=EXIT_FINDINGS,
            )
    return found


async def _read(settings: KafkaSettings) -> list[Letter]:
    await check_broker(settings)
    async with kafka_errors(settings):
        return await all_letters(settings)


async def _resend(settings: KafkaSettings, chosen: Sequence[Letter]) -> Report:
    async with kafka_errors(settings):
        return await resend(settings, chosen, now=datetime.now(UTC))


async def _drop(letters: Sequence[Letter], settings: KafkaSettings, why: str) -> None:
    async with kafka_errors(settings):
        producer = make_producer(settings)
        await producer.start()
        try:
            marks = [(one, DeadLetterMark(letter=one.offset, became="dropped", reason=why)) for one in letters]
            await append_marks(producer, settings, marks)
        finally:
            await producer.stop()


def _refuse_drop(letter: Letter) -> None:
    if letter.state in ("open", "dropped"):
        return
    begun = letter.state == "resending"
    raise CliError(
        "dealt_with",
        f"{letter.id} {'was begun to be sent again' if begun else 'is dealt with already: ' + letter.state}",
        hint=f"`headrace dead-letters resend {letter.id}` finds out whether it was sent" if begun else "",
        exit_code=EXIT_FINDINGS,
    )


def _unconfirmed(chosen: Sequence[Letter]) -> CliError:
    sources = Counter((letter.record.topic, letter.record.service) for letter in chosen if letter.record is not None)
    parts = ", ".join(f"{count} of {name} set aside by {service}" for (name, service), count in sources.items())
    return CliError(
        "confirm_needed",
        f"{len(chosen)} dead letters would be sent again{': ' if parts else ''}{parts}",
        hint="add --confirm if that is meant",
        exit_code=EXIT_FINDINGS,
    )


def _reasons(letters: Sequence[Letter]) -> dict[str, int]:
    return dict(sorted(Counter(letter.reason for letter in letters).items()))


def _as_object(report: Report) -> dict[str, Any]:
    return {
        "resent": [
            {"id": letter.id, **_place(place), "times": letter.resends + 1, "note": meaning(letter)}
            for letter, place in report.resent
        ],
        "superseded": [{"id": letter.id, **_place(place)} for letter, place in report.superseded],
        "refused": [{"id": letter.id, "why": why} for letter, why in report.refused],
    }


def _place(place: tuple[str, int, int]) -> dict[str, Any]:
    return dict(zip(("topic", "partition", "offset"), place, strict=True))
