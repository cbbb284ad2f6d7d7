"""`headrace apply --from DIR`: makes the rule set of these files the one in force, in every partition.

Checking the files is `headrace.rules`; records and markers are in `activation.py`.
"""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from aiokafka.errors import MessageSizeTooLargeError
from msgspec import Raw

from headrace.cli import activation
from headrace.cli.activation import Version
from headrace.cli.finding_text import render_findings
from headrace.cli.lint import as_objects
from headrace.cli.output import EXIT_FINDINGS, EXIT_USAGE, CliError, JsonOption, emit
from headrace.cli.running_kafka import use_running_kafka
from headrace.contracts.actions import RuleSetRecord
from headrace.rules.dependencies import entries_of
from headrace.rules.load import LoadResult, load_rule_set, rule_set_hash
from headrace.rules.model import RuleSet, decode_rule_set, encode_rule_set
from headrace.runtime.broker_version import check_broker
from headrace.runtime.settings import ServiceSettings, load_settings

WAIT_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply` did: the version in force, and whether it is a new one."""

    version: int
    activation: str
    changed: bool
    markers: dict[int, int]
    """Offset of the marker in each partition of `headrace.events`."""


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("apply")(apply)


def apply(
    plan: Annotated[
        str | None, typer.Argument(metavar="[PLAN]", help="A plan file (comes with a later release).")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", exists=True, help="A rule file, or a folder of them: the whole rule set.")
    ] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Also drop entries that the files no longer have.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return when the evaluator has it in every partition.")] = False,
    wait_timeout: Annotated[float, typer.Option(min=0.1, help="Seconds after which --wait gives up.")] = WAIT_S,
    json: JsonOption = False,
) -> None:
    """Put a rule set in force. The same one again changes nothing, and completes what an earlier run left open."""
    if plan is not None or source is None:
        raise CliError(
            "usage", "apply needs --from DIR; plans come with a later release", hint="headrace apply --from rules/"
        )
    loaded = load_rule_set([source])
    if loaded.rule_set is None:
        show_refused(loaded, json=json)
        if not json:
            print("nothing was changed; the last good rule set stays in force", file=sys.stderr)
        raise typer.Exit(EXIT_FINDINGS)
    use_running_kafka()
    settings = load_settings(ServiceSettings)
    applied = asyncio.run(put_in_force(settings, loaded, prune=prune, wait_s=wait_timeout if wait else None))
    result = {"version": applied.version, "activation": applied.activation, "changed": applied.changed, "drifted": []}
    emit(result, json, lambda _: _text(applied))


def show_refused(loaded: LoadResult, *, json: bool) -> None:
    """Prints why rule files are refused: every finding, or with --json the first one as the error."""
    first = next(finding for finding in loaded.findings if finding.severity == "error")
    findings = as_objects(loaded.findings)
    if json:
        names = ("code", "message", "file", "line", "column", "id", "hint")
        emit({"error": {name: getattr(first, name) for name in names}, "ok": False, "findings": findings}, json)
    else:
        print(render_findings(loaded.findings, loaded.sources, color=False), file=sys.stderr)


def _text(applied: Applied) -> str:
    state = "in force from here on" if applied.changed else "already in force, nothing changed"
    return f"version {applied.version} {state} ({len(applied.markers)} partitions)"


async def put_in_force(
    settings: ServiceSettings, loaded: LoadResult, *, prune: bool, wait_s: float | None = None
) -> Applied:
    """Writes the version and its markers, or only what is missing of them. `wait_s` None = do not wait.

    Raises `CliError` with exit 1 when it is refused, `DependencyError` when Kafka is away.
    """
    assert loaded.rule_set is not None
    await check_broker(settings)
    async with activation.kafka_errors(settings):
        partitions = await activation.partitions_of_events(settings)
        known = await activation.versions(settings, settings.store)
        newest = known[-1] if known else None
        markers = await activation.markers_of(settings, newest, partitions) if newest is not None else {}
        version, changed = newest, False
        if newest is None or newest.record.hash != rule_set_hash(loaded.rule_set):
            _refuse(newest, set(partitions) - markers.keys(), loaded.rule_set, prune=prune)
            version, changed, markers = await _write(settings, newest, loaded), True, {}
        assert version is not None
        missing = set(partitions) - markers.keys()
        if missing:
            markers |= await activation.write_markers(settings, version, missing)
        if wait_s is not None:
            await activation.wait_until_passed(settings, markers, wait_s)
    return Applied(version.record.version, version.activation, changed, markers)


def _refuse(newest: Version | None, missing: set[int], rule_set: RuleSet, *, prune: bool) -> None:
    """Raises for a rule set that must not follow the newest version (yet)."""
    if newest is None:
        return
    if missing:
        raise CliError(
            "activation_incomplete",
            f"version {newest.record.version} has no marker yet in partitions {sorted(missing)}",
            hint=f"apply the files of version {newest.record.version} again, which completes it; then these",
            exit_code=EXIT_FINDINGS,
        )
    dropped = () if prune else dropped_entries(newest, rule_set)
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


async def _write(settings: ServiceSettings, newest: Version | None, loaded: LoadResult) -> Version:
    assert loaded.rule_set is not None
    number = newest.record.version + 1 if newest is not None else 1
    record = RuleSetRecord(
        store=settings.store,
        version=number,
        hash=rule_set_hash(loaded.rule_set),
        document=Raw(encode_rule_set(loaded.rule_set)),
        source=_written(loaded),
    )
    try:
        version = await activation.write_version(settings, record)
    except MessageSizeTooLargeError as error:
        raise CliError(
            "rule_set_too_big", "the rule set is larger than one Kafka record may be", hint="shorten its lists",
            exit_code=EXIT_USAGE,
        ) from error  # fmt: skip
    if version is None:
        raise CliError(
            "applied_meanwhile",
            f"somebody else wrote version {number} at the same moment; theirs counts",
            hint="look at what they applied, then apply again",
            exit_code=EXIT_FINDINGS,
        )
    return version


def _written(loaded: LoadResult) -> str:
    """The files as one text, for people."""
    if len(loaded.sources) == 1:
        return loaded.sources[0].text
    return "\n".join(f"# file: {Path(source.file).name}\n{source.text}" for source in loaded.sources)
