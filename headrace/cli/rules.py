"""`headrace rules show | history | diff | rollback | status`: versions of a rule set, and which is in force.

Where a version stands is told in `rules_status.py`, what two of them differ in by `rules_versions.py`.
"""

import asyncio
from typing import Annotated

import typer

from headrace.cli import activation
from headrace.cli.activation import Version
from headrace.cli.apply import as_text
from headrace.cli.output import EXIT_FINDINGS, CliError, JsonOption, emit
from headrace.cli.rules_status import Status, status_now
from headrace.cli.rules_versions import diff_of, diff_text, document, history_text, readable, row_of, show_text
from headrace.cli.running_kafka import use_running_kafka
from headrace.cli.submission import WAIT_S, Submission, says_the_same, submit
from headrace.runtime.broker_version import check_broker
from headrace.runtime.settings import ServiceSettings, load_settings


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    group = typer.Typer(help="The rule sets: those that were, the one in force.", no_args_is_help=True)
    for verb in (show, history, diff, rollback, status):
        group.command(verb.__name__)(verb)
    app.add_typer(group, name="rules")


VersionArgument = Annotated[int, typer.Argument(min=1, help="Number of a version.")]


def show(
    version: Annotated[int | None, typer.Argument(min=1, metavar="[VERSION]", help="Default: the newest.")] = None,
    json: JsonOption = False,
) -> None:
    """Show a rule set as it was written; with --json also as it is understood."""
    found = _find(_versions(_settings()), version)
    emit(
        {**row_of(found), "source": found.record.source, "rule_set": document(found)}, json, lambda _: show_text(found)
    )


def history(json: JsonOption = False) -> None:
    """List every version, the oldest first."""
    settings = _settings()
    known, state = _versions(settings), asyncio.run(read_status(settings))[1]
    rows = [{**row_of(version), "in_force": version.record.version == state.active} for version in known]
    emit({"versions": rows}, json, lambda _: history_text(rows))


def diff(a: VersionArgument, b: VersionArgument, json: JsonOption = False) -> None:
    """Say which entries and settings differ between two versions, and how their files do."""
    known = _versions(_settings())
    one, other = _find(known, a), _find(known, b)
    found = diff_of(one, other)
    emit(found, json, lambda _: diff_text(one, other, found))


def rollback(
    version: VersionArgument,
    wait: Annotated[bool, typer.Option("--wait", help="Return when the evaluator has it in every partition.")] = False,
    wait_timeout: Annotated[float, typer.Option(min=0.1, help="Seconds after which --wait gives up.")] = WAIT_S,
    json: JsonOption = False,
) -> None:
    """Put an old version in force again, as a new one. Releases no effect."""
    settings = _settings()
    old = _find(_versions(settings), version)
    rule_set = readable(old)
    applied = asyncio.run(
        submit(
            settings,
            Submission(rule_set, old.record.source, rollback_of=version),
            lambda newest: not says_the_same(newest, rule_set),
            wait_s=wait_timeout if wait else None,
        )
    )
    result = {
        "version": applied.version,
        "activation": applied.activation,
        "changed": applied.changed,
        "drifted": [],
        "rollback_of": version,
    }
    emit(result, json, lambda _: as_text(applied))


def status(json: JsonOption = False) -> None:
    """Show which rule set is in force, and how far a newer one has come."""
    newest, found = asyncio.run(read_status(_settings()))
    emit(found, json, lambda _: "\n".join(_lines(newest, found)))


async def read_status(settings: ServiceSettings) -> tuple[int | None, Status]:
    """The newest version written, and where it stands. Raises `DependencyError` when Kafka is away."""
    await check_broker(settings)
    async with activation.kafka_errors(settings):
        newest, found = await status_now(settings)
    return newest.record.version if newest else None, found


def _settings() -> ServiceSettings:
    use_running_kafka()
    return load_settings(ServiceSettings)


def _versions(settings: ServiceSettings) -> list[Version]:
    async def read() -> list[Version]:
        await check_broker(settings)
        async with activation.kafka_errors(settings):
            return await activation.versions(settings, settings.store)

    return asyncio.run(read())


def _find(known: list[Version], number: int | None) -> Version:
    if not known:
        raise CliError(
            "no_rule_set",
            "no rule set yet",
            hint="headrace apply --from DIR puts one in force",
            exit_code=EXIT_FINDINGS,
        )
    if number is None:
        return known[-1]
    found = next((version for version in known if version.record.version == number), None)
    if found is None:
        raise CliError(
            "unknown_version",
            f"there is no version {number}: the newest is {known[-1].record.version}",
            hint="headrace rules history lists them",
            exit_code=EXIT_FINDINGS,
        )
    return found


def _lines(newest: int | None, found: Status) -> list[str]:
    if newest is None:
        return ["no rule set yet: headrace apply --from DIR"]
    lines = [f"version {found.active} is in force" if found.active else "no version is in force everywhere yet"]
    if found.activating is not None:
        numbers = ", ".join(map(str, found.partitions_pending))
        lines.append(
            f"version {found.activating} is on its way; the evaluator has not come to it in partitions {numbers}"
        )
    elif found.active is not None and found.active < newest:
        lines.append(f"version {newest} was refused: headrace dead-letters list tells why")
    if found.sweep.done < found.sweep.total:
        lines.append(f"{found.sweep.done:,} of {found.sweep.total:,} customers have been looked at since")
    return lines
