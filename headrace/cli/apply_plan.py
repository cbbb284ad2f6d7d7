"""A plan put in force: only on the rule set it was made for, and only if what it said would come of it still does.

It is evaluated again here, and what differs by now is told; how it is written is in `submission.py`.
"""

import asyncio
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import typer

from headrace.cli.activation import Flags, Version
from headrace.cli.output import EXIT_FINDINGS, CliError, as_line, emit
from headrace.cli.plan_file import Mover, PlanFile, changed_lines, movers_in, read_plan
from headrace.cli.planning import Ground, Question, evaluate, read_ground
from headrace.cli.running_kafka import use_running_kafka
from headrace.cli.submission import NO_FLAGS, Applied, Submission, says_the_same, submit
from headrace.rules.dependencies import entries_of
from headrace.rules.findings import did_you_mean
from headrace.rules.model import Ladder, RuleSet, Segment
from headrace.runtime.settings import ServiceSettings, load_settings

MAX_DRIFT: Final = 1.0
CONFIRM_ABOVE: Final = 50.0
SHOWN: Final = 20
"""Customers that differ, in a text."""


@dataclass(frozen=True, slots=True)
class Limits:
    """In percent: of the planned changes that may differ by now, and of all customers that may leave their group."""

    max_drift: float = MAX_DRIFT
    confirm_above: float = CONFIRM_ABOVE
    confirmed: bool = False


Drift = dict[str, Any]
"""customer, planned and now: {"from", "to"} or null for no change."""


def apply_plan(
    path: Path, limits: Limits, *, send_effects: tuple[str, ...], take_over: bool, wait_s: float | None, json: bool
) -> tuple[Applied, list[Drift]]:
    """What was put in force, and who differs from the plan by now. Raises `CliError` when it is refused."""
    plan = read_plan(path)
    rule_set = plan.rule_set
    flags = Flags(sources_of(rule_set, send_effects), take_over)
    _refuse_other_plan(plan, take_over=take_over)
    use_running_kafka()
    settings = load_settings(ServiceSettings)
    if settings.store != plan.store:
        raise CliError(
            "other_store", f"the plan is for store {plan.store}, not {settings.store}", hint="name it with --store"
        )
    ground = asyncio.run(read_ground(settings))
    drifted: list[Drift] = []
    if not _is_applied(plan, ground.newest):
        _refuse_moved_base(plan, ground.newest)
        _refuse_many(plan, limits)
        drifted = drift(plan.movers, _movers_now(settings, plan, ground))
        _refuse_drift(plan, drifted, limits, json=json)
        if drifted and not json:
            _show(drifted)

    def needs_version(newest: Version | None) -> bool:
        if _is_applied(plan, newest):
            return False
        _refuse_moved_base(plan, newest)
        return flags != NO_FLAGS or not says_the_same(newest, rule_set)

    submission = Submission(rule_set, plan.source, flags)
    return asyncio.run(submit(settings, submission, needs_version, wait_s=wait_s)), drifted


def sources_of(rule_set: RuleSet, ids: Iterable[str]) -> tuple[str, ...]:
    """The sources (`segment:vip`) of these entries. Raises `CliError` for one that is not there."""
    kinds = {entry.id: _kind(entry) for entry in entries_of(rule_set)}
    found = []
    for name in ids:
        known = name.partition(":")[2] or name
        if known not in kinds:
            hint = did_you_mean(known, list(kinds), otherwise="name an entry of the rule set by its id")
            raise CliError("unknown_entry", f"--send-effects {name}: the rule set has no such entry", hint=hint)
        found.append(f"{kinds[known]}:{known}")
    return tuple(dict.fromkeys(found))


def _kind(entry: object) -> str:
    return "ladder" if isinstance(entry, Ladder) else "segment" if isinstance(entry, Segment) else "rule"


def drift(planned: Iterable[Mover], now: Iterable[Mover]) -> list[Drift]:
    """Customers of whom something else is true by now, sorted."""
    before, after = {mover.customer: mover for mover in planned}, {mover.customer: mover for mover in now}
    return [
        {"customer": name, "planned": _move(before.get(name)), "now": _move(after.get(name))}
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _move(mover: Mover | None) -> Mapping[str, str | None] | None:
    return None if mover is None else {"from": mover.group, "to": mover.to}


def _movers_now(settings: ServiceSettings, plan: PlanFile, ground: Ground) -> list[Mover]:
    with tempfile.TemporaryDirectory(prefix="headrace-plan-") as folder:
        question = Question(bytes(plan.document), plan.base_version + 1, take_over=plan.take_over)
        evaluate(settings, question, Path(folder), ground)
        return list(movers_in(changed_lines(Path(folder))))


def _is_applied(plan: PlanFile, newest: Version | None) -> bool:
    """An earlier run has written it: what may be missing is completed."""
    return (
        newest is not None
        and newest.record.version == plan.base_version + 1
        and newest.record.hash == plan.rule_set_hash
    )


def _refuse_other_plan(plan: PlanFile, *, take_over: bool) -> None:
    if plan.take_over != take_over:
        word = "without" if take_over else "with"
        raise CliError(
            "take_over_differs",
            f"the plan was made {word} --take-over",
            hint="plan again, or give apply the same option",
            exit_code=EXIT_FINDINGS,
        )


def _refuse_moved_base(plan: PlanFile, newest: Version | None) -> None:
    number = 0 if newest is None else newest.record.version
    if number != plan.base_version:
        raise CliError(
            "base_moved",
            f"the plan was made on {_version(plan.base_version)}, and {_version(number)} has been applied since",
            hint="plan again: the plan says nothing of what these rules do now",
            exit_code=EXIT_FINDINGS,
        )


def _version(number: int) -> str:
    return f"version {number}" if number else "no rule set"


def _refuse_many(plan: PlanFile, limits: Limits) -> None:
    share = 100 * plan.leaving / max(1, plan.customers)
    if share > limits.confirm_above and not limits.confirmed:
        raise CliError(
            "confirm_needed",
            f"{plan.leaving:,} of {plan.customers:,} customers would leave the group they are in ({share:.1f} %,"
            f" above {limits.confirm_above:g} %)",
            hint="add --confirm if that is meant",
            exit_code=EXIT_FINDINGS,
        )


def _refuse_drift(plan: PlanFile, drifted: list[Drift], limits: Limits, *, json: bool) -> None:
    if 100 * len(drifted) <= limits.max_drift * max(1, len(plan.movers)) or not drifted:
        return
    error = CliError(
        "plan_drifted",
        f"{len(drifted):,} customers differ from the plan by now, which changes {len(plan.movers):,}"
        f" (more than {limits.max_drift:g} %)",
        hint="plan again, or allow more with --max-drift",
        exit_code=EXIT_FINDINGS,
    )
    if json:
        emit({**error.as_json(), "drifted": drifted}, json)
        raise typer.Exit(EXIT_FINDINGS)
    _show(drifted)
    raise error


def _show(drifted: list[Drift]) -> None:
    for one in drifted[:SHOWN]:
        print(f"{one['customer']}: planned {_words(one['planned'])}, now {_words(one['now'])}", file=sys.stderr)
    if len(drifted) > SHOWN:
        print(f"and {len(drifted) - SHOWN:,} more", file=sys.stderr)


def _words(move: Mapping[str, str | None] | None) -> str:
    if move is None:
        return "no change"
    if move["from"] == move["to"]:
        return f"stays in {as_line(move['to'])}, other labels"
    return f"{as_line(move['from'])} -> {as_line(move['to'])}"
