"""`headrace effects`: what was sent, what waits, what may have been sent; a person's word on what nobody else can know.

The book is the senders' database (HEADRACE_DATABASE_URL). Every word is kept there with its reason.
"""

import getpass
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, get_args

import typer
from sqlalchemy import Connection

from headrace.cli.book import in_book, told_at, why_of
from headrace.cli.output import EXIT_FINDINGS, CliError, JsonOption, emit
from headrace.cli.service_child import ask_service
from headrace.consumer.effects import people, rows
from headrace.consumer.effects.rows import UNDECIDED, Entry, State
from headrace.runtime.settings import variable
from headrace.runtime.stores import named_store

_STATES: Final[tuple[State, ...]] = get_args(State)
_Ids = Annotated[list[str], typer.Argument(metavar="ID", help="As `list` prints them.")]
_Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept for whoever asks later.")]
_Who = Annotated[str | None, typer.Option("--who", metavar="NAME", help="Who says so; you, by your login, without it.")]
_SenderOption = Annotated[
    str | None, typer.Option("--sender", metavar="NAME", help="Only this sender's: mail, coupon ...")
]
_Last = Annotated[int, typer.Option("--last", min=1, max=10_000, help="How many, the newest.")]


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    group = typer.Typer(
        help="Mails, coupons and calls: what was sent, and what a person has to decide.", no_args_is_help=True
    )
    group.command("list")(list_effects)
    group.command("unknown")(unknown)
    group.command("show")(show)
    group.command("resend")(resend)
    group.command("drop")(drop)
    group.command("check")(check)
    app.add_typer(group, name="effects")


def list_effects(
    state: Annotated[str | None, typer.Option(metavar="STATE", help=f"One of {', '.join(_STATES)}.")] = None,
    sender: _SenderOption = None,
    customer: Annotated[str | None, typer.Option(metavar="STORE:ID", help="Only of this customer.")] = None,
    last: _Last = 50,
    json: JsonOption = False,
) -> None:
    """List effects, the newest last: when they were taken in, what became of them, and why."""
    states = [_state(state)] if state else []
    entries = in_book(
        lambda connection: people.listed(
            connection, states=states, sender=sender, store=named_store(), customer=customer, limit=last
        )
    )
    emit({"effects": [_as_object(entry) for entry in entries], "states": _counts(entries)}, json, _list_text)


def unknown(sender: _SenderOption = None, last: _Last = 50, json: JsonOption = False) -> None:
    """List what may have been sent, and may not: look at the vendor, then `resend` or `drop`."""
    list_effects("unknown", sender, None, last, json)


def show(id: Annotated[str, typer.Argument(metavar="ID")], json: JsonOption = False) -> None:
    """Show one effect at each of its senders, and what people did with it."""

    def look(connection: Connection) -> list[dict[str, Any]]:
        entries = _named(connection, [id], None)
        acts = people.acts(connection, entries[0].id)
        return [
            _as_object(entry) | {"acts": [_act(act) for act in acts if act["sender"] == entry.sender]}
            for entry in entries
        ]

    emit({"effects": in_book(look)}, json, _show_text)


def resend(
    reason: _Reason,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="As `list` prints them.")] = None,
    entry: Annotated[
        str | None, typer.Option(metavar="ENTRY", help="All held ones of this entry: segment:vip, rule:thanks.")
    ] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="With --entry: yes, so many.")] = False,
    late: Annotated[
        bool, typer.Option("--late", help="However old they are by now: `max_age` does not count for them.")
    ] = False,
    sender: _SenderOption = None,
    who: _Who = None,
    json: JsonOption = False,
) -> None:
    """Send effects that are unknown, refused or held. What may have been sent may be sent a second time by this."""
    if bool(ids) == (entry is not None):
        raise CliError("usage", "resend needs ids, or --entry", hint="headrace effects resend ID --reason 'never came'")
    why, name = why_of(reason), who or getpass.getuser()

    def act(connection: Connection) -> list[str]:
        chosen = _named(connection, ids, sender) if ids else _held(connection, str(entry), sender)
        if entry is not None and chosen and not confirm:
            raise CliError(
                "confirm_needed",
                f"{len(chosen)} held effects of {entry} would be sent",
                hint="add --confirm if that is meant",
                exit_code=EXIT_FINDINGS,
            )
        return [
            one.id for one in chosen if _done(people.send_again(connection, one, reason=why, who=name, late=late), one)
        ]

    emit(
        {"resent": in_book(act), "reason": why},
        json,
        lambda said: f"to be sent: {', '.join(said['resent']) or 'none'}",
    )


def drop(ids: _Ids, reason: _Reason, sender: _SenderOption = None, who: _Who = None, json: JsonOption = False) -> None:
    """Never send these: not yet sent ones, and those that may have been. Nothing is taken back."""
    why, name = why_of(reason), who or getpass.getuser()

    def act(connection: Connection) -> list[str]:
        entries = _named(connection, ids, sender)
        return [one.id for one in entries if _done(people.drop(connection, one, reason=why, who=name), one)]

    emit({"dropped": in_book(act), "reason": why}, json, lambda said: f"dropped: {', '.join(said['dropped'])}")


def check(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of mail templates.")],
    json: JsonOption = False,
) -> int:
    """Fill every mail template with sample values and say what is wrong, with its line. Nothing is sent."""
    found, code = ask_service("services.actions.effects", str(folder))
    emit(found, json, _check_text)
    return code


def _check_text(found: dict[str, Any]) -> str:
    said = [f"{name}: ready" for name in found["ready"]]
    parts = f"without a subject, so only part of others: {', '.join(found['parts'])}"
    return "\n".join([*found["problems"], *said, *([parts] if found["parts"] else [])]) or "no template there"


def _done(changed: bool, entry: Entry) -> bool:
    if not changed:
        mend = {"sent": "it was sent", "sending": "it is being sent: wait a minute"}
        raise CliError(
            "not_open",
            f"{entry.id} is {entry.state} at {entry.sender}",
            hint=mend.get(entry.state, f"only {', '.join(sorted(UNDECIDED))} ones can be decided on"),
            exit_code=EXIT_FINDINGS,
        )
    return True


def _held(connection: Connection, entry: str, sender: str | None) -> list[Entry]:
    held = people.listed(connection, states=["held"], sender=sender, store=named_store(), limit=100_000)
    found = [one for one in held if one.entry == entry]
    stores = sorted({one.customer.partition(":")[0] for one in found})
    if len(stores) > 1:
        whose = ", ".join(stores)
        hint = f"each is looked at by itself: --store and one of {whose}"
        raise CliError("several_held", f"{entry} is held for {whose}", hint=hint, exit_code=EXIT_FINDINGS)
    return found


def _named(connection: Connection, ids: Sequence[str], sender: str | None) -> list[Entry]:
    found: list[Entry] = []
    for one in ids:
        rows = people.listed(connection, id=one, sender=sender, store=named_store())
        if not rows:
            raise CliError(
                "unknown_effect",
                f"no effect {one} is in the book",
                hint=f"see `headrace effects list`; the book is where {variable('database_url')} leads",
                exit_code=EXIT_FINDINGS,
            )
        found += rows
    return found


def _state(written: str) -> State:
    found = next((state for state in _STATES if state == written), None)
    if found is None:
        raise CliError("usage", f"--state {written} is none of {', '.join(_STATES)}")
    return found


def _as_object(entry: Entry) -> dict[str, Any]:
    effect = entry.effect
    return {
        "id": entry.id,
        "sender": entry.sender,
        "customer": entry.customer,
        "kind": entry.kind,
        "entry": entry.entry,
        "state": entry.state,
        "reason": entry.reason,
        "detail": entry.detail,
        "receipt": entry.receipt,
        "attempts": entry.attempts,
        "taken_at": told_at(entry.taken),
        "changed_at": told_at(entry.changed),
        "expires_at": None
        if effect is None or effect.expires_at == rows.NEVER
        else effect.expires_at.isoformat().replace("+00:00", "Z"),
    }


def _act(row: dict[str, Any]) -> dict[str, Any]:
    return {"at": told_at(row["at"]), "act": row["act"], "reason": row["reason"], "who": row["who"]}


def _counts(entries: Sequence[Entry]) -> dict[str, int]:
    return dict(sorted(Counter(entry.state for entry in entries).items()))


def _list_text(found: dict[str, Any]) -> str:
    rows = [_line(row) for row in found["effects"]]
    return "\n".join(rows) if rows else "no such effects"


def _line(row: dict[str, Any]) -> str:
    why = ": ".join(part for part in (row["reason"], row["detail"]) if part)
    result = f"{row['state']}{f' ({why})' if why else ''}"
    what = f"{row['kind']} of {row['entry']} to {row['customer']}"
    return f"{row['changed_at']}  {row['id']}  {what} at {row['sender']}: {result}"


def _show_text(found: dict[str, Any]) -> str:
    lines = []
    for row in found["effects"]:
        tried = "not tried yet" if not row["attempts"] else f"tried {row['attempts']} time{'s' * (row['attempts'] > 1)}"
        ends = "" if row["expires_at"] is None else f", never sent after {row['expires_at']}"
        lines += [_line(row), f"  taken in {row['taken_at']}, {tried}{ends}"]
        lines += [f"  receipt {row['receipt']}"] if row["receipt"] else []
        lines += [f"  {act['at']} {act['act']} by {act['who']}: {act['reason']}" for act in row["acts"]]
    return "\n".join(lines)
