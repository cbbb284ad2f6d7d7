"""`headrace groups plan | apply`: the store's customer groups as the rules want them.

Makes and changes groups; deletes none.
"""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.cli import activation
from headrace.cli.apply import show_refused
from headrace.cli.groups_text import applied_text, as_object, plan_text
from headrace.cli.output import EXIT_FINDINGS, CliError, JsonOption, emit
from headrace.cli.plan import EXIT_CHANGES
from headrace.cli.rules_status import status_now
from headrace.cli.rules_versions import readable
from headrace.cli.running_kafka import use_running_kafka
from headrace.cli.store_groups import (
    Applied,
    StoreClientSettings,
    apply_change,
    read_plan,
    store_client,
    wanted_of,
)
from headrace.platforms.bigcommerce.group_plan import GroupPlan
from headrace.rules.load import load_rule_set
from headrace.rules.model import RuleSet
from headrace.runtime.broker_version import check_broker
from headrace.runtime.settings import ServiceSettings, load_settings

SourceArgument = Annotated[
    Path | None,
    typer.Argument(metavar="[PATH]", exists=True, help="A rule file or folder. Default: the rules in force."),
]


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    group = typer.Typer(help="The store's customer groups, as the rules want them.", no_args_is_help=True)
    for verb in (plan, apply):
        group.command(verb.__name__)(verb)
    app.add_typer(group, name="groups")


def plan(
    source: SourceArgument = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit 4 when there is something to apply, 0 when not.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Say which groups would be made and changed at the store. Changes nothing."""
    rule_set = _rule_set(source, json=json)
    if rule_set is None:
        return EXIT_FINDINGS
    settings = load_settings(StoreClientSettings)
    found = asyncio.run(_plan(settings, rule_set))
    emit(as_object(settings.store, found), json, lambda _: plan_text(found))
    if found.problems:
        return EXIT_FINDINGS
    return EXIT_CHANGES if detailed_exitcode and found.changes else 0


def apply(source: SourceArgument = None, json: JsonOption = False) -> int:
    """Make the missing groups and change those that differ; then read them back. Deletes nothing."""
    rule_set = _rule_set(source, json=json)
    if rule_set is None:
        return EXIT_FINDINGS
    settings = load_settings(StoreClientSettings)
    found, applied, after = asyncio.run(_apply(settings, rule_set))
    result = as_object(settings.store, found, applied, after)
    emit(result, json, lambda _: applied_text(found, applied, after))
    return 0 if result["ok"] else EXIT_FINDINGS


async def _plan(settings: StoreClientSettings, rule_set: RuleSet) -> GroupPlan:
    async with store_client(settings) as client:
        return await read_plan(client, wanted_of(rule_set))


async def _apply(settings: StoreClientSettings, rule_set: RuleSet) -> tuple[GroupPlan, list[Applied], GroupPlan]:
    """The plan, what was done of it, and what a new look at the store still finds. With a problem, nothing is done."""
    wanted = wanted_of(rule_set)
    async with store_client(settings) as client:
        found = await read_plan(client, wanted)
        if found.problems or not found.changes:
            return found, [], found
        applied = [await apply_change(client, change) for change in found.changes]
        return found, applied, await read_plan(client, wanted)


def _rule_set(source: Path | None, *, json: bool) -> RuleSet | None:
    """From files, or the one in force. None when the files are refused, which has been said."""
    if source is None:
        use_running_kafka()
        return asyncio.run(_in_force(load_settings(ServiceSettings)))
    loaded = load_rule_set([source])
    if loaded.rule_set is None:
        show_refused(loaded, json=json)
    return loaded.rule_set


async def _in_force(settings: ServiceSettings) -> RuleSet:
    await check_broker(settings)
    async with activation.kafka_errors(settings):
        _, status = await status_now(settings)
        known: list[Any] = await activation.versions(settings, settings.store) if status.active else []
    for version in known:
        if version.record.version == status.active:
            return readable(version)
    raise CliError(
        "no_rule_set",
        "no rule set is in force",
        hint="name a path, or put one in force with headrace apply --from DIR",
        exit_code=EXIT_FINDINGS,
    )
