"""What a run came to, against what a separate fold of the same log expects: every difference in words.

Pure: the topics are read in `reading.py`; the expectations come from `counting_oracle.py` and `customers_oracle.py`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from headrace.contracts.topics import PARTITION_WIDE_KEY
from services.evaluator.engine.state import MARK_BYTES, mark_of

_EXAMPLES: Final = 3


class LogRecord(NamedTuple):
    """One committed record of any topic."""

    partition: int
    offset: int
    key: bytes
    value: bytes | None


class Stamped(msgspec.Struct):
    """What all outputs have: who they are about, and which number they have for their sink."""

    version: tuple[int, int, int]


Place = tuple[str, int, bytes]
"""Topic, partition, key: one sink's view of one customer."""
Version = tuple[int, int, int]
_STAMPED: Final = msgspec.json.Decoder(Stamped)


def version_of(value: bytes | None) -> Version:
    """The version of an output. Raises `msgspec.DecodeError`."""
    return _STAMPED.decode(value or b"").version


@dataclass(slots=True)
class Expected:
    """`states`: changelog values, marks included, without the partitions' own. `ends`: where each log ended.

    `timers`: how many keys wait for a time.
    """

    states: dict[tuple[int, bytes], bytes] = field(default_factory=dict)
    outputs: dict[Place, dict[Version, bytes]] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)
    events: int = 0
    timers: int = 0

    @property
    def pages(self) -> int:
        """How many of the states are pages."""
        return sum(b"#" in key for _, key in self.states)

    def add_output(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        """One more; two of one version would be the oracle's own mistake."""
        of_place = self.outputs.setdefault((topic, partition, key), {})
        version = version_of(value)
        assert version not in of_place, (topic, key, version)
        of_place[version] = value


@dataclass(slots=True)
class Found:
    """What the workers left: committed records in log order, and the group's committed offsets."""

    changelog: Iterable[LogRecord]
    outputs: Mapping[str, Iterable[LogRecord]]
    committed: Mapping[int, int]
    compacted: bool = False


def judge(expected: Expected, found: Found) -> list[str]:
    """All that is wrong, in words; empty when the run was exact."""
    problems = _judge_changelog(expected, found)
    problems += _judge_outputs(expected, found.outputs)
    behind = {n: found.committed.get(n, 0) for n, end in expected.ends.items() if found.committed.get(n, 0) != end}
    return problems + _tell("partition whose committed offset is not the log's end", sorted(behind))


def _judge_changelog(expected: Expected, found: Found) -> list[str]:
    last: dict[tuple[int, bytes], bytes] = {}
    marks: dict[tuple[int, bytes], int] = {}
    applied: dict[int, int] = {}
    regressed: list[tuple[int, bytes]] = []
    for partition, _, key, value in found.changelog:
        place = partition, key
        if value is None:
            last.pop(place, None)
            continue
        mark = mark_of(value) if len(value) >= MARK_BYTES else -2
        if mark < marks.get(place, -1):
            regressed.append(place)
        marks[place] = mark
        last[place] = value
    for (partition, _), value in last.items():
        applied[partition] = max(applied.get(partition, -1), mark_of(value))
    states = {place: value for place, value in last.items() if place[1] != PARTITION_WIDE_KEY}
    wrong = [place for place, value in expected.states.items() if place in states and states[place] != value]
    unapplied = [number for number, end in expected.ends.items() if applied.get(number, -1) != end - 1]
    return (
        _tell("state that differs", wrong)
        + _tell("state that is missing", [place for place in expected.states if place not in states])
        + _tell("state that should not be", [place for place in states if place not in expected.states])
        + _tell("regression in the changelog", regressed)
        + _tell("partition whose changelog does not reach the log's end", unapplied)
    )


def _judge_outputs(expected: Expected, outputs: Mapping[str, Iterable[LogRecord]]) -> list[str]:
    seen: dict[Place, dict[Version, bytes | None]] = {}
    unexpected, repeated, conflicting, backwards = list[str](), list[str](), list[str](), list[str]()
    for topic, records in outputs.items():
        newest: dict[Place, Version] = {}
        for partition, offset, key, value in records:
            place = topic, partition, key
            version = version_of(value)
            identity = f"{topic} {key!r} {list(version)} at {partition}/{offset}"
            of_place = seen.setdefault(place, {})
            wanted = expected.outputs.get(place, {}).get(version)
            if wanted is None:
                unexpected.append(identity)
            elif value != wanted:
                conflicting.append(identity)
            elif version in of_place:
                repeated.append(identity)
            if version <= newest.get(place, (-1, -1, -1)) and version not in of_place:
                backwards.append(identity)
            newest[place] = version
            of_place[version] = value
    lost = [
        f"{place} {list(version)}"
        for place, versions in expected.outputs.items()
        for version in versions
        if version not in seen.get(place, {})
    ]
    return (
        _tell("lost output", lost)
        + _tell("unexpected output", unexpected)
        + _tell("repeated output", repeated)
        + _tell("conflicting output", conflicting)
        + _tell("output whose version is not larger than the one before", backwards)
    )


_FORGIVEN: Final = frozenset({"asked", "worker_replaced", "kafka_unavailable", "parent_died"})
"""Ends of a worker that its orchestrator answers with a restart; `worker_replaced` follows a long stop."""
_WRONG: Final = frozenset(
    {"changelog.regressed", "changelog.unreadable", "hole.accepted", "task.failed", "record.dead_lettered"}
)


def judge_logs(lines: Iterable[Mapping[str, object]]) -> list[str]:
    """What the workers said that no run may make them say."""
    told: Counter[str] = Counter()
    for line in lines:
        event = str(line.get("event"))
        if event in _WRONG:
            told[event] += 1
        elif event == "process.stopped" and (reason := str(line.get("reason"))) not in _FORGIVEN:
            told[f"worker ended: {reason}"] += 1
    return [f"{count} x {what}" for what, count in sorted(told.items())]


def _tell(what: str, found: Sequence[object]) -> list[str]:
    if not found:
        return []
    examples = ", ".join(str(each) for each in found[:_EXAMPLES])
    return [f"{len(found)} x {what}: {examples}"]
