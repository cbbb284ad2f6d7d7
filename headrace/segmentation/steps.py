"""What is asked together: entries that nothing in their part of a walk can change."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from headrace.segmentation.compiled_entries import CompiledEntry, CompiledLadder, CompiledRule, CompiledSegment, acts_of
from headrace.segmentation.conditions.met import asked_of
from headrace.segmentation.facts import Facts
from headrace.segmentation.together import judge, rung_numbers
from headrace.segmentation.verdicts import Verdict

_OF_AN_OCCURRENCE: Final = "order"
"""Among the parts of the customer that something reads: the occurrence that is looked at."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules that follow each other in a plan. `woken`: by trigger, the numbers of those that wait for it."""

    rules: tuple[CompiledRule, ...]
    woken: dict[str, "Woken"]


@dataclass(frozen=True, slots=True)
class Woken:
    """Rules of one trigger, by their numbers among those they stand with. `met`: by each, what the facts hold.

    `by_any`: each waits for the trigger whatever that is from and to.
    """

    numbers: tuple[int, ...]
    met: Callable[[Facts], tuple[bool, ...]]
    by_any: bool


@dataclass(frozen=True, slots=True)
class Segments:
    """Segments that follow each other in a plan. `holds`: the condition of each."""

    segments: tuple[CompiledSegment, ...]
    ids: tuple[str, ...]
    holds: Callable[[Facts], tuple[bool, ...]]


@dataclass(frozen=True, slots=True)
class Ladders:
    """Ladders that follow each other in a plan. `numbers`: of the rung that each one's number is on."""

    ladders: tuple[CompiledLadder, ...]
    ids: tuple[str, ...]
    numbers: Callable[[Facts], tuple[int, ...]]


Step = CompiledRule | CompiledSegment | Rules | Segments | Ladders


class OfRules(Struct, frozen=True):
    """What they came to, as a part of a trace. `fired`: their numbers."""

    rules: tuple[CompiledRule, ...]
    fired: frozenset[int]

    def __call__(self) -> list[Verdict]:
        return [rule.verdicts[number in self.fired] for number, rule in enumerate(self.rules)]


class OfSegments(Struct, frozen=True):
    """What they came to, as a part of a trace, by which of them the customer was in before."""

    segments: tuple[CompiledSegment, ...]
    was_in: tuple[bool, ...]
    holds: tuple[bool, ...]

    def __call__(self) -> list[Verdict]:
        each = zip(self.segments, self.was_in, self.holds, strict=True)
        return [segment.stays[now] if was is now else segment.turns[now] for segment, was, now in each]


def steps_of(plan: tuple[CompiledEntry, ...]) -> tuple[Step, ...]:
    """The entries of a plan, in their order."""
    return tuple(map(_step, _runs(plan)))


def _runs(plan: tuple[CompiledEntry, ...]) -> Iterator[list[CompiledEntry]]:
    """Entries of one kind that follow each other, none of which reads what it or one before it in the run sets."""
    run, sets = list[CompiledEntry](), frozenset[str]()
    for entry in plan:
        if run and not (type(entry) is type(run[0]) and _is_steady(run[0]) and _is_steady(entry, sets)):
            yield run
            run, sets = [], frozenset()
        run.append(entry)
        sets |= frozenset() if isinstance(entry, CompiledLadder) else entry.sets
    if run:
        yield run


def _is_steady(entry: CompiledEntry, sets: frozenset[str] = frozenset()) -> bool:
    """Whether it makes no difference to an entry that these labels are set, or its own, while it is asked."""
    match entry:
        case CompiledLadder():
            return not any(action.row for action in acts_of(entry))
        case CompiledRule():
            return not entry.derived and not entry.reads & (sets | entry.sets)
        case CompiledSegment():
            of_an_occurrence = _OF_AN_OCCURRENCE in entry.condition.reads
            return not of_an_occurrence and not entry.reads & sets and not any(action.row for action in acts_of(entry))


def _step(run: list[CompiledEntry]) -> Step:
    first = run[0]
    if isinstance(first, CompiledLadder):
        ladders = tuple(one for one in run if isinstance(one, CompiledLadder))
        numbers = rung_numbers((one.read, one.ladder) for one in ladders)
        return Ladders(ladders, tuple(one.id for one in ladders), numbers)
    if len(run) == 1:
        return first
    if isinstance(first, CompiledRule):
        rules = tuple(one for one in run if isinstance(one, CompiledRule))
        return Rules(rules, dict(_woken(rules)))
    segments = tuple(one for one in run if isinstance(one, CompiledSegment))
    holds = judge(segment.condition.tree for segment in segments)
    return Segments(segments, tuple(segment.id for segment in segments), holds)


def _woken(rules: tuple[CompiledRule, ...]) -> Iterator[tuple[str, Woken]]:
    for trigger in dict.fromkeys(rule.when.name for rule in rules):
        numbers = tuple(number for number, rule in enumerate(rules) if rule.when.name == trigger)
        those = [rules[number] for number in numbers]
        asked = (None if rule.condition is None else asked_of(trigger, rule.condition) for rule in those)
        yield trigger, Woken(numbers, judge(asked), all(rule.any_of_its_kind for rule in those))
