"""`headrace replay`: the log folded again into a generation of its own, compared with what is live, put in its place.

The work is the evaluator's (`python -m services.evaluator replay`).
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.cli.moments import moment
from headrace.cli.output import CliError, JsonOption, emit
from headrace.cli.running_kafka import use_running_kafka
from headrace.cli.service_child import ask_service
from headrace.runtime.settings import KafkaSettings, load_settings


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("replay")(replay)


def replay(
    rules: Annotated[
        Path | None, typer.Option(help="Rule files, in force from the log's beginning instead of its own.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Stop before the store's clock passes it (RFC 3339).")
    ] = None,
    partitions: Annotated[str | None, typer.Option(metavar="0,1", help="Only these; default: all.")] = None,
    promote: Annotated[
        bool, typer.Option("--promote", help="Let the new generation take over from the live one.")
    ] = False,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Fold what there is, though the log's beginning is gone.")
    ] = False,
    processes: Annotated[int | None, typer.Option(min=1, help="Default: one for each core.")] = None,
    json: JsonOption = False,
) -> int:
    """Fold the log anew, beside the live state, and say whether and where the two differ. Sends nothing to anyone."""
    if rules is not None and not rules.exists():
        raise CliError("usage", f"--rules {rules}: there is no such file or folder", hint="name rule files")
    words = [*_words("--rules", rules), *_words("--processes", processes)]
    words += [
        *_words("--until", None if until is None else moment("--until", until).isoformat()),
        *_words("--partitions", _numbers(partitions)),
    ]
    words += ["--promote"] * promote + ["--allow-missing"] * allow_missing
    use_running_kafka()
    load_settings(KafkaSettings)  # what is wrong with them is said here, before anything starts
    found, code = ask_service("services.evaluator", "replay", *words)
    emit(found, json, _text)
    return code


def _words(option: str, value: object) -> list[str]:
    return [] if value is None else [option, str(value)]


def _numbers(text: str | None) -> str | None:
    if text is not None and not all(part.isdigit() for part in text.split(",")):
        raise CliError("usage", f"--partitions {text}: not numbers with commas between them", hint="write 0,1")
    return text


def _text(found: dict[str, Any]) -> str:
    lines = [
        f"{found['events']} events of {found['customers']} customers in {found['seconds']:g} s",
        f"digest      {found['digest']}",
        f"live digest {found['live_digest']}",
        _verdict(found),
    ]
    if found["generation"] is not None:
        state = "is live now" if found["promoted"] else "is written, and not live"
        lines.append(f"generation {found['generation']} {state}")
    return "\n".join(lines)


def _verdict(found: dict[str, Any]) -> str:
    moved = found["differences"]
    if found["equal"]:
        return "equal: nobody would move"
    if not any(moved.values()):
        return "different, though nobody would move: in what is kept of customers and told to nobody"
    return (
        f"different: {moved['groups']} customers in another group, {moved['attributes']} with other attributes,"
        f" {moved['tags']} with other tags"
    )
