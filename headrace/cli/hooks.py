"""`headrace hooks sync`: the store's webhooks made, woken and corrected, and what the vendor says of their deliveries.

The work is ingest's (`python -m services.ingest hooks`).
"""

from typing import Annotated, Any

import typer

from headrace.cli.output import JsonOption, emit
from headrace.cli.service_child import ask_service


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    group = typer.Typer(help="The webhooks by which the store tells of changes.", no_args_is_help=True)
    group.command("sync")(sync)
    app.add_typer(group, name="hooks")


def sync(
    moved_from: Annotated[
        str | None, typer.Option(metavar="URL", help="Where our hooks went before: they are sent here from now on.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")] = False,
    json: JsonOption = False,
) -> int:
    """Make, wake and correct the store's webhooks, then see how deliveries fare. Exit 1: something is not in order."""
    words = [] if moved_from is None else ["--moved-from", moved_from]
    found, code = ask_service("services.ingest", "hooks", *words, *["--dry-run"] * dry_run)
    emit(found, json, _text)
    return code


def _text(found: dict[str, Any]) -> str:
    would = "would be " if found["dry_run"] else ""
    lines = [f"{found['destination']}: {len(found['in_place'])} hooks in place"]
    for key, said in (("created", "made"), ("activated", "woken"), ("updated", "corrected")):
        lines += [f"  {would}{said}: {', '.join(found[key])}"] if found[key] else []
    if found["left_out"]:
        lines.append(f"  left out, as the token may not read carts: {', '.join(found['left_out'])}")
    if found["activated"] and not found["dry_run"]:
        lines.append("  what happened while they slept is not sent again: the change feed brings it in")
    if found["missing"] and not found["dry_run"]:
        lines.append(f"  still not in order: {', '.join(found['missing'])}")
    lines += [f"  goes elsewhere: {_hook(each)}" for each in found["elsewhere"]]
    lines += [f"  asleep: {_hook(each)}" for each in found["deactivated"]]
    if found["blocked"] is None:
        lines.append("  the token may not ask how deliveries fare")
    for each in found["blocked"] or ():
        why = f": {', '.join(each['reasons'])}" if each["reasons"] else ""
        lines.append(f"  blocked for {each['seconds_left']} s more: {each['destination']}{why}")
    if found["emails"] == 0:
        lines.append("  nobody is told by e-mail when a hook is put to sleep: name somebody at BigCommerce")
    return "\n".join(lines)


def _hook(each: dict[str, Any]) -> str:
    return f"{each['scope']} -> {each['destination']} (#{each['id']})"
