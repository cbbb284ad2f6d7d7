"""A rule set put in force: its version written, its marker appended to every partition, or what is missing of them.

Records and markers are in `activation.py`; which rule set may follow which is decided by the verbs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiokafka.errors import MessageSizeTooLargeError
from msgspec import Raw

from headrace.cli import activation
from headrace.cli.activation import Flags, Version
from headrace.cli.output import EXIT_FINDINGS, EXIT_USAGE, CliError
from headrace.contracts.actions import RuleSetRecord
from headrace.rules.load import rule_set_hash
from headrace.rules.model import RuleSet, encode_rule_set
from headrace.runtime.broker_version import check_broker
from headrace.runtime.settings import ServiceSettings

NO_FLAGS: Final = Flags()
WAIT_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Submission:
    """What is to be in force. `source`: as written, for people. `rollback_of`: the version it repeats, 0 for none."""

    rule_set: RuleSet
    source: str
    flags: Flags = NO_FLAGS
    rollback_of: int = 0


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply` did: the version in force, and whether it is a new one."""

    version: int
    activation: str
    changed: bool
    markers: dict[int, int]
    """Offset of the marker in each partition of `headrace.events`."""
    completed: bool = False
    """Some of the markers of an earlier run were missing."""


Allows = Callable[[Version | None], bool]
"""Whether a new version must be written after the newest one: raises `CliError` where it may not follow it."""


async def submit(
    settings: ServiceSettings, submission: Submission, needs_version: Allows, *, wait_s: float | None = None
) -> Applied:
    """Writes the version and its markers, or only what is missing of them. `wait_s` None = do not wait.

    Raises `CliError` with exit 1 when it is refused, `DependencyError` when Kafka is away.
    """
    await check_broker(settings)
    async with activation.kafka_errors(settings):
        partitions = await activation.partitions_of_events(settings)
        known = await activation.versions(settings, settings.store)
        newest = known[-1] if known else None
        markers, flags = dict[int, int](), submission.flags
        if newest is not None:
            markers, told = await activation.announced(settings, newest, partitions)
            flags = told or flags
        version, changed = newest, False
        if needs_version(newest):
            _refuse_incomplete(newest, set(partitions) - markers.keys())
            version, changed, markers, flags = await _write(settings, newest, submission), True, {}, submission.flags
        assert version is not None
        missing = set(partitions) - markers.keys()
        if missing:
            markers |= await activation.write_markers(settings, version, missing, flags)
        if wait_s is not None:
            await activation.wait_until_passed(settings, markers, wait_s)
    return Applied(version.record.version, version.activation, changed, markers, bool(missing) and not changed)


def says_the_same(version: Version | None, rule_set: RuleSet) -> bool:
    """Whether a version is this very rule set."""
    return version is not None and version.record.hash == rule_set_hash(rule_set)


def _refuse_incomplete(newest: Version | None, missing: set[int]) -> None:
    if newest is not None and missing:
        raise CliError(
            "activation_incomplete",
            f"version {newest.record.version} has no marker yet in partitions {sorted(missing)}",
            hint=f"apply the files of version {newest.record.version} again, which completes it; then these",
            exit_code=EXIT_FINDINGS,
        )


async def _write(settings: ServiceSettings, newest: Version | None, submission: Submission) -> Version:
    number = newest.record.version + 1 if newest is not None else 1
    record = RuleSetRecord(
        store=settings.store,
        version=number,
        hash=rule_set_hash(submission.rule_set),
        document=Raw(encode_rule_set(submission.rule_set)),
        source=submission.source,
        rollback_of=submission.rollback_of,
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
