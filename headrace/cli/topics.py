"""`headrace topics create | check`: the topics of this deployment."""

import asyncio
from typing import Annotated, Any

import typer

from headrace.cli.output import EXIT_FINDINGS, JsonOption, emit
from headrace.cli.running_kafka import use_running_kafka
from headrace.contracts.topics import DEFAULT_PARTITIONS
from headrace.runtime.settings import KafkaSettings, load_settings
from headrace.runtime.topics import TopicReport, check_topics, create_topics

PartitionsOption = Annotated[int, typer.Option(min=1, max=10_000, help="Partitions of every topic keyed by customer.")]


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    group = typer.Typer(help="The topics: create what is missing, check what is there.", no_args_is_help=True)
    group.command("create")(create)
    group.command("check")(check)
    app.add_typer(group, name="topics")


def create(partitions: PartitionsOption = DEFAULT_PARTITIONS, json: JsonOption = False) -> None:
    """Create the missing topics; nothing that exists is changed. Exit 1 when one is not as it should be."""
    _report(asyncio.run(create_topics(_settings(), partitions)), json)


def check(partitions: PartitionsOption = DEFAULT_PARTITIONS, json: JsonOption = False) -> None:
    """Say of every topic whether it is as it should be. Exit 1 when one is not."""
    _report(asyncio.run(check_topics(_settings(), partitions)), json)


def _settings() -> KafkaSettings:
    use_running_kafka()
    return load_settings(KafkaSettings)


def _report(reports: list[TopicReport], json: bool) -> None:
    emit({"topics": reports}, json, _text)
    if not all(report.ok for report in reports):
        raise typer.Exit(EXIT_FINDINGS)


def _text(found: dict[str, Any]) -> str:
    return "\n".join(
        f"{'ok ' if report.ok else 'BAD'} {report.name} ({report.partitions} partitions, {report.cleanup})"
        + "".join(f"\n      {problem}" for problem in report.problems)
        for report in found["topics"]
    )
