"""What a rule set would do, asked of the evaluator: the rules in force it is laid upon, and the question itself.

The work is the evaluator's (`python -m services.evaluator plan`).
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.cli import activation
from headrace.cli.activation import Version
from headrace.cli.output import EXIT_FINDINGS, CliError
from headrace.cli.rules_status import Status, status_now
from headrace.cli.service_child import ask_service
from headrace.runtime.broker_version import check_broker
from headrace.runtime.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class Ground:
    """What a plan stands on: the newest version written, and the one in force, 0 for none."""

    newest: Version | None
    in_force: int

    @property
    def base_version(self) -> int:
        """The version that the planned one would follow."""
        return 0 if self.newest is None else self.newest.record.version


@dataclass(frozen=True, slots=True)
class Question:
    """An encoded rule set, and the version that it would be."""

    document: bytes
    version: int
    take_over: bool = False
    processes: int | None = None


async def read_ground(settings: ServiceSettings) -> Ground:
    """Raises `CliError` while a newer version is on its way, `DependencyError` when Kafka is away."""
    await check_broker(settings)
    async with activation.kafka_errors(settings):
        newest, status = await status_now(settings)
    if status.activating is not None:
        raise _pending(status)
    return Ground(newest, status.active or 0)


def evaluate(settings: ServiceSettings, question: Question, folder: Path, ground: Ground) -> dict[str, Any]:
    """What the evaluator says of it; `folder` then holds who would change (`plan_file.changed_lines`).

    Raises `CliError`.
    """
    with tempfile.NamedTemporaryFile(prefix="headrace-rules-", suffix=".json") as document:
        document.write(question.document)
        document.flush()
        words = ["--store", settings.store, "--document", document.name, "--version", str(question.version)]
        words += ["--folder", os.fspath(folder)] + ["--take-over"] * question.take_over
        if question.processes is not None:
            words += ["--processes", str(question.processes)]
        found, _ = ask_service("services.evaluator", "plan", *words)
    if found["in_force"] != ground.in_force:
        raise CliError(
            "base_moved",
            f"version {found['in_force']} took effect meanwhile",
            hint="plan again",
            exit_code=EXIT_FINDINGS,
        )
    return found


def _pending(status: Status) -> CliError:
    return CliError(
        "activation_pending",
        f"version {status.activating} is on its way: the evaluator has not come to it in partitions"
        f" {', '.join(map(str, status.partitions_pending))}",
        hint="wait until `headrace rules status` says that it is in force; see that the evaluator runs",
        exit_code=EXIT_FINDINGS,
    )
