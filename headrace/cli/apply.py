"""`headrace apply`: a plan, or the rule set of these files, becomes the one in force in every partition.

How it is written is in `submission.py`, what makes a plan worth refusing in `apply_plan.py`.
"""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from headrace.cli.activation import Flags, Version
from headrace.cli.apply_plan import CONFIRM_ABOVE, MAX_DRIFT, Limits, apply_plan, sources_of
from headrace.cli.finding_text import render_findings
from headrace.cli.lint import as_objects
from headrace.cli.output import EXIT_FINDINGS, CliError, JsonOption, emit
from headrace.cli.own_consumers import own_consumers
from headrace.cli.running_kafka import use_running_kafka
from headrace.cli.submission import NO_FLAGS, WAIT_S, Applied, Submission, says_the_same, submit
from headrace.rules.dependencies import entries_of
from headrace.rules.load import LoadResult, load_rule_set
from headrace.rules.model import RuleSet, decode_rule_set
from headrace.runtime.settings import ServiceSettings, load_settings


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("apply")(apply)


def apply(
    plan: Annotated[
        Path | None,
        typer.Argument(metavar="[PLAN]", exists=True, dir_okay=False, help="The file that `headrace plan` wrote."),
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", exists=True, help="A rule file, or a folder of them: the whole rule set.")
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="With --from: also drop entries that the files no longer have.")
    ] = False,
    confirm: Annotated[bool, typer.Option("--confirm", help="Yes, also so many at once.")] = False,
    confirm_above: Annotated[
        float, typer.Option(min=0, max=100, metavar="PERCENT", help="Of all customers, leaving a group they are in.")
    ] = CONFIRM_ABOVE,
    max_drift: Annotated[
        float, typer.Option(min=0, max=100, metavar="PERCENT", help="Of the planned changes that differ by now.")
    ] = MAX_DRIFT,
    send_effects: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Release the effects of this entry; may come again.")
    ] = None,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Also move customers who are in a group that is not ours.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return when the evaluator has it in every partition.")] = False,
    wait_timeout: Annotated[float, typer.Option(min=0.1, help="Seconds after which --wait gives up.")] = WAIT_S,
    json: JsonOption = False,
) -> None:
    """Put a rule set in force. The same one again changes nothing, and completes what an earlier run left open."""
    if (plan is None) == (source is None):
        raise CliError(
            "usage", "apply needs a plan, or --from DIR", hint="headrace plan rules/ -o plan.json, then apply plan.json"
        )
    wait_s = wait_timeout if wait else None
    if plan is not None:
        limits = Limits(max_drift, confirm_above, confirmed=confirm)
        applied, drifted = apply_plan(
            plan, limits, send_effects=tuple(send_effects or ()), take_over=take_over, wait_s=wait_s, json=json
        )
    else:
        assert source is not None
        loaded = load_rule_set([source], consumers=own_consumers())
        if loaded.rule_set is None:
            show_refused(loaded, json=json)
            if not json:
                print("nothing was changed; the last good rule set stays in force", file=sys.stderr)
            raise typer.Exit(EXIT_FINDINGS)
        flags = Flags(sources_of(loaded.rule_set, send_effects or ()), take_over)
        use_running_kafka()
        settings = load_settings(ServiceSettings)
        applied = asyncio.run(put_in_force(settings, loaded, prune=prune, wait_s=wait_s, flags=flags))
        drifted = []
    result = {
        "version": applied.version,
        "activation": applied.activation,
        "changed": applied.changed,
        "drifted": drifted,
    }
    emit(result, json, lambda _: as_text(applied))


def show_refused(loaded: LoadResult, *, json: bool) -> None:
    """Prints why rule files are refused: every finding, or with --json the first one as the error."""
    first = next(finding for finding in loaded.findings if finding.severity == "error")
    findings = as_objects(loaded.findings)
    if json:
        names = ("code", "message", "file", "line", "column", "id", "hint")
        emit({"error": {name: getattr(first, name) for name in names}, "ok": False, "findings": findings}, json)
    else:
        print(render_findings(loaded.findings, loaded.sources, color=False), file=sys.stderr)


def as_text(applied: Applied) -> str:
    """One line: which version, and whether it is new."""
    state = "in force from here on" if applied.changed else "already in force, nothing changed"
    return f"version {applied.version} {state} ({len(applied.markers)} partitions)"


async def put_in_force(
    settings: ServiceSettings,
    loaded: LoadResult,
    *,
    prune: bool,
    wait_s: float | None = None,
    flags: Flags = NO_FLAGS,
) -> Applied:
    """Writes the version and its markers, or only what is missing of them. `wait_s` None = do not wait.

    Raises `CliError` with exit 1 when it is refused, `DependencyError` when Kafka is away.
    """
    rule_set = loaded.rule_set
    assert rule_set is not None

    def needs_version(newest: Version | None) -> bool:
        if says_the_same(newest, rule_set):
            return False
        if newest is not None and not prune:
            _refuse_dropped(dropped_entries(newest, rule_set))
        return True

    applied = await submit(settings, Submission(rule_set, written(loaded), flags), needs_version, wait_s=wait_s)
    if not applied.changed and not applied.completed:
        _refuse_flags(flags)
    return applied


def _refuse_flags(flags: Flags) -> None:
    """They belong to the moment a rule set takes effect, which has been."""
    if flags != NO_FLAGS:
        raise CliError(
            "already_in_force",
            "this rule set is in force already: --send-effects and --take-over go with one that takes effect",
            hint="headrace plan PATH -o PLAN with --take-over, then apply PLAN: a plan may put the same rules in force"
            " once more",
            exit_code=EXIT_FINDINGS,
        )


def _refuse_dropped(dropped: tuple[str, ...]) -> None:
    if dropped:
        raise CliError(
            "entries_dropped",
            f"the files no longer have {', '.join(dropped)}: all they gave to customers would be taken back",
            hint="add --prune if that is meant, or renamed_from: to the entry that follows",
            exit_code=EXIT_FINDINGS,
        )


def dropped_entries(newest: Version, rule_set: RuleSet) -> tuple[str, ...]:
    """Ids of the version in force that the rule set neither has nor renames."""
    try:
        before = decode_rule_set(newest.record.document)
    except msgspec.DecodeError:  # written by another release: nothing to compare
        return ()
    entries = entries_of(rule_set)
    kept = {entry.id for entry in entries} | {entry.renamed_from for entry in entries}
    return tuple(e.id for e in entries_of(before) if e.id not in kept)


def written(loaded: LoadResult) -> str:
    """The files as one text, for people."""
    if len(loaded.sources) == 1:
        return loaded.sources[0].text
    return "\n".join(f"# file: {Path(source.file).name}\n{source.text}" for source in loaded.sources)
