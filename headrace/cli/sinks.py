"""`headrace sinks`: those that the guard has paused, and a person's word that they may go on.

When a sink is paused is decided in `headrace.consumer.guard`; its book is the sink's own database.
"""

import getpass
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from headrace.cli.book import in_book, told_at, why_of
from headrace.cli.output import EXIT_FINDINGS, CliError, JsonOption, emit
from headrace.consumer import guard
from headrace.consumer.guard import Pause
from headrace.runtime.stores import named_store


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    group = typer.Typer(help="Consumers that a rush has paused.", no_args_is_help=True)
    group.command("list")(list_sinks)
    group.command("resume")(resume)
    app.add_typer(group, name="sinks")


def list_sinks(json: JsonOption = False) -> None:
    """List the sinks that stand still since a rule moved more customers than is expected, and earlier resumes."""
    store = named_store()

    def look(connection: Connection) -> dict[str, Any]:
        return {
            "paused": [_as_object(found) for found in guard.paused(connection, store=store)],
            "resumed": [_said(row) for row in guard.resumes(connection)],
        }

    emit(in_book(look), json, _text)


def resume(
    sink: Annotated[str, typer.Argument(metavar="SINK", help="As `list` prints it: group, email-tags.mailchimp.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept for whoever asks later.")],
    who: Annotated[str | None, typer.Option("--who", metavar="NAME", help="You, by your login, without it.")] = None,
    json: JsonOption = False,
) -> None:
    """Let a paused sink go on: what waits is done, and counting begins anew."""
    why, store = why_of(reason), named_store()

    def act(connection: Connection) -> list[Pause]:
        found = guard.paused(connection, sink, store)
        if len(found) > 1:
            whose = ", ".join(one.store for one in found)
            hint = f"each is looked at by itself: --store and one of {whose}"
            raise CliError("several_paused", f"{sink} is paused for {whose}", hint=hint, exit_code=EXIT_FINDINGS)
        for one in found:
            guard.resume(connection, one, reason=why, who=who or getpass.getuser())
        return found

    resumed = in_book(act)
    if not resumed:
        raise CliError("not_paused", f"{sink} is not paused", hint="see `headrace sinks list`", exit_code=EXIT_FINDINGS)
    found = {"resumed": [_as_object(one) for one in resumed], "reason": why}
    emit(found, json, lambda said: "\n".join(f"{row['sink']} of {row['store']} goes on" for row in said["resumed"]))


def _as_object(found: Pause) -> dict[str, Any]:
    return {
        "sink": found.kind,
        "store": found.store,
        "entry": found.entry,
        "moved": found.moved,
        "customers": found.customers,
        "since": told_at(found.since),
    }


def _said(row: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: row[name] for name in ("store", "entry", "moved", "reason", "who")}
    return {"at": told_at(row["at"]), "sink": row["kind"], **said}


def _text(found: dict[str, Any]) -> str:
    lines = [
        f"{row['sink']} of {row['store']} stands still since {row['since']}: "
        f"{row['entry']} moved {row['moved']:,} of {row['customers']:,} customers"
        for row in found["paused"]
    ]
    lines += [f"  {row['at']} {row['sink']} resumed by {row['who']}: {row['reason']}" for row in found["resumed"]]
    return "\n".join(lines) or "no sink is paused"
