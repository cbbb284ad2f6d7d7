"""`headrace plan`: what these rules would do to every customer, before they are in force. Changes nothing.

The evaluator looks at the customers (`planning.py`); what is added here is what it would cost and what to mind.
"""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from headrace.cli.apply import dropped_entries, show_refused, written
from headrace.cli.output import EXIT_FINDINGS, JsonOption, emit
from headrace.cli.own_consumers import own_consumers
from headrace.cli.plan_file import changed_lines, write_customers, write_plan
from headrace.cli.plan_text import plan_text
from headrace.cli.planning import Ground, Question, evaluate, read_ground
from headrace.cli.running_kafka import use_running_kafka
from headrace.platforms.cost import DEFAULT_QUOTA, Writes, cost_of
from headrace.rules.load import load_rule_set, rule_set_hash
from headrace.rules.model import RuleSet, encode_rule_set
from headrace.runtime.settings import ServiceSettings, load_settings, variable
from headrace.runtime.stores import one_store

EXIT_CHANGES: Final = 4
BEHIND: Final = 1_000
"""So many events, all partitions together, a live evaluator is behind at most without a word about it."""
_SHARE: Final = 0.5


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("plan")(plan)


def plan(
    source: Annotated[
        Path, typer.Argument(metavar="PATH", exists=True, help="A rule file, or a folder of them: the whole rule set.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="PLAN", dir_okay=False, help="Write the plan, for apply.")
    ] = None,
    customers: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Write each customer that changes: JSON Lines."),
    ] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit 4 when there is something to apply, 0 when not.")
    ] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Also move customers who are in a group that is not ours.")
    ] = False,
    quota: Annotated[
        int, typer.Option(min=1, metavar="CALLS", help="How many calls the store allows in 30 seconds.")
    ] = DEFAULT_QUOTA,
    processes: Annotated[int | None, typer.Option(min=1, help="Default: one for each core.")] = None,
    json: JsonOption = False,
) -> int:
    """Say who would move if these rules were in force, and what that would cost. Changes nothing, tells nobody."""
    loaded = load_rule_set([source], consumers=own_consumers())
    rule_set = loaded.rule_set
    if rule_set is None:
        show_refused(loaded, json=json)
        return EXIT_FINDINGS
    use_running_kafka()
    settings = load_settings(ServiceSettings)
    ground = asyncio.run(read_ground(settings))
    document = encode_rule_set(rule_set)
    with tempfile.TemporaryDirectory(prefix="headrace-plan-") as folder:
        question = Question(document, ground.base_version + 1, take_over, processes)
        said = evaluate(settings, question, Path(folder), ground)
        found = _plan(said, rule_set, ground, quota=quota, take_over=take_over)
        if out is not None:
            head = {**found, "store": settings.store, "source": written(loaded)}
            write_plan(out, head, document, changed_lines(Path(folder)))
        if customers is not None:
            write_customers(customers, changed_lines(Path(folder)))
    emit(found, json, lambda it: plan_text(it, None if out is None else str(out)))
    return EXIT_CHANGES if detailed_exitcode and _is_something(found, ground) else 0


def _plan(said: dict[str, Any], rule_set: RuleSet, ground: Ground, *, quota: int, take_over: bool) -> dict[str, Any]:
    """The object of `interface.md`, and what else is known."""
    writes = Writes(groups=said["moved"], attributes=said["attributes"], tags=said.pop("tagged"))
    cost = cost_of(writes, share=_quota_share(), quota=quota)
    leaving = sum(move["count"] for move in said["moves"] if move["from"])
    warnings = [*_warnings(said, rule_set, ground), *said.pop("warnings")]
    return {
        "base_version": ground.base_version,
        "rule_set_hash": rule_set_hash(rule_set),
        **said,
        "leaving": leaving,
        "take_over": take_over,
        "vendor_calls": cost.total,
        "calls": cost.calls,
        "minutes": cost.minutes,
        "warnings": warnings,
    }


def _warnings(said: dict[str, Any], rule_set: RuleSet, ground: Ground) -> list[str]:
    found = []
    if ground.newest is not None and (dropped := dropped_entries(ground.newest, rule_set)):
        found.append(f"gone are {', '.join(dropped)}: all they gave to customers is taken back")
    if ground.in_force != ground.base_version:
        found.append(f"version {ground.base_version} was refused by the evaluator: compared with {ground.in_force}")
    if said["behind"] > BEHIND:
        found.append(f"the evaluator is {said['behind']:,} events behind: what they change is not in this plan")
    if said["unreadable"]:
        found.append(
            f"{said['unreadable']:,} customers could not be looked at, and are left out: their state is damaged"
        )
    return found


def _quota_share() -> float:
    """As the services that call the store are told it."""
    try:
        own = one_store().values.get("bigcommerce_quota_share")
        share = float(own or os.environ.get(variable("bigcommerce_quota_share")) or _SHARE)
    except ValueError:
        return _SHARE
    return share if 0 < share <= 1 else _SHARE


def _is_something(found: dict[str, Any], ground: Ground) -> bool:
    """A customer changes, or the rules are not those that are in force."""
    same = ground.newest is not None and ground.newest.record.hash == found["rule_set_hash"]
    return bool(found["changed"]) or not same
