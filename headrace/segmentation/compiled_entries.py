"""Rules, segments and ladders made ready to run, each by itself.

How they stand together is in `compiled.py`, what each then does in `entries.py`.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from headrace.rules.dependencies import CHANGES, GROUP_CHANGED, reads, writes
from headrace.rules.model import (
    Action,
    Condition,
    Ladder,
    Rule,
    Segment,
    Tag,
    Trigger,
)
from headrace.segmentation.claims import tags_by_platform
from headrace.segmentation.compiled_actions import CompiledAction, at_once, compile_actions
from headrace.segmentation.conditions.change import TIME, NextChange
from headrace.segmentation.conditions.met import PRODUCT_ORDERED, Met, compile_met
from headrace.segmentation.conditions.registry import CompiledCondition, compile_condition
from headrace.segmentation.conditions.terms import Terms
from headrace.segmentation.conditions.window import compile_number
from headrace.segmentation.facts import Facts
from headrace.segmentation.ladders import Rungs, compile_rungs, next_change
from headrace.segmentation.state import Tags, Values
from headrace.segmentation.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Gives:
    """What a segment or rung claims while it holds."""

    group: str | None
    attributes: Values
    tags: Tags


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule; `condition` None = always. `digest`: of what it says, its id left out."""

    id: str
    source: str
    when: Trigger
    derived: bool
    """It waits for what a decision itself brings about."""
    condition: CompiledCondition | None
    then: tuple[Action, ...]
    past: bool
    digest: str
    any_of_its_kind: bool
    """It waits for its trigger whatever that is from and to."""
    met: Met | None
    """Whether the occurrence that the facts hold meets its condition."""
    verdicts: tuple[Verdict, Verdict]
    """Not met, fired; these and those below are made once, since every event has some of them."""
    reads: frozenset[str]
    sets: frozenset[str]
    """The labels of `dependencies.py` that it reads, and sets."""
    at_once: tuple[Action, ...] = ()
    """Of `then`, what claims something the moment the rule fires."""
    acts: tuple[CompiledAction, ...] = ()
    """Of `then`, all else: effects, and what waits."""
    rows: bool = False
    """Some of them export a row."""
    line_by_line: bool = False
    """Each line of an order is one that it may act for."""


@dataclass(frozen=True, slots=True)
class CompiledSegment:
    """A segment. `acts`: it has an `on_enter` or `on_exit`."""

    id: str
    source: str
    condition: CompiledCondition
    gives: Gives
    stays: tuple[Verdict, Verdict]
    """Out, in."""
    turns: tuple[Verdict, Verdict]
    """Left, entered."""
    reads: frozenset[str]
    sets: frozenset[str]
    """The labels of `dependencies.py` that it reads, and sets."""
    on_enter: tuple[CompiledAction, ...] = ()
    on_exit: tuple[CompiledAction, ...] = ()
    acts: bool = False


@dataclass(frozen=True, slots=True)
class CompiledLadder:
    """A ladder; `gives`, `on_enter` and `on_exit` by rung number. `acts`: some rung has one of the latter."""

    id: str
    source: str
    ladder: Ladder
    reads: frozenset[str]
    rungs: Rungs
    read: Callable[[Facts], int | None]
    next_change: NextChange | None
    gives: tuple[Gives, ...]
    verdicts: tuple[Verdict, ...]
    """By rung number."""
    on_enter: tuple[tuple[CompiledAction, ...], ...] = ()
    on_exit: tuple[tuple[CompiledAction, ...], ...] = ()
    acts: bool = False


CompiledEntry = CompiledRule | CompiledSegment | CompiledLadder


def compile_rule(rule: Rule, terms: Terms) -> CompiledRule:
    """Raises ValueError, as the two below, for what no checked rule set of this release has."""
    said = msgspec.json.encode((rule.when, rule.if_, rule.then), order="deterministic")
    source, condition = f"rule:{rule.id}", None if rule.if_ is None else compile_condition(rule.if_, terms)
    reason, acts = "no condition" if condition is None else condition.text, _acts(rule.then, terms)
    return CompiledRule(
        id=rule.id,
        source=source,
        when=_as_seen(rule.when, terms),
        derived=rule.when.name in CHANGES,
        condition=condition,
        then=rule.then,
        past=rule.past == "apply",
        digest=hashlib.blake2b(said, digest_size=6).hexdigest(),
        any_of_its_kind=rule.when.from_ is None and rule.when.to is None and rule.when.status is None,
        at_once=at_once(rule.then),
        acts=acts,
        rows=any(action.row for action in acts),
        line_by_line=rule.when.name == PRODUCT_ORDERED,
        met=compile_met(rule.when.name, condition),
        verdicts=(Verdict(source, "not_met", reason), Verdict(source, "fired", reason)),
        reads=reads(rule),
        sets=writes(rule),
    )


def _as_seen(when: Trigger, terms: Terms) -> Trigger:
    """Groups by the names that the customer's changes of them have: the store's."""
    names = terms.named.names
    if names is None or when.name != GROUP_CHANGED:
        return when
    return replace(when, from_=names.to_store(when.from_), to=names.to_store(when.to))


def compile_segment(segment: Segment, terms: Terms) -> CompiledSegment:
    """With what it gives and does."""
    source, condition = f"segment:{segment.id}", compile_condition(segment.who, terms)
    return CompiledSegment(
        segment.id,
        source,
        condition,
        _gives(segment.group, segment.attributes, segment.tags),
        (Verdict(source, "out", condition.text), Verdict(source, "in", condition.text)),
        (Verdict(source, "left", condition.text), Verdict(source, "entered", condition.text)),
        reads(segment),
        writes(segment),
        _acts(segment.on_enter, terms),
        _acts(segment.on_exit, terms),
        bool(segment.on_enter or segment.on_exit),
    )


def compile_ladder(ladder: Ladder, terms: Terms) -> CompiledLadder:
    """With its number, and what each rung gives and does."""
    number = compile_number(ladder.by, ladder.window, ladder.only, terms)
    rungs = compile_rungs(ladder, terms.timezone)
    return CompiledLadder(
        ladder.id,
        rungs.source,
        ladder,
        number.reads if rungs.grace is None else number.reads | {TIME},
        rungs,
        number.read,
        next_change(rungs, number),
        tuple(_gives(rung.group, rung.attributes, rung.tags) for rung in ladder.rungs),
        tuple(Verdict(rungs.source, "rung", f"rung {n} by {ladder.by}") for n, _ in enumerate(ladder.rungs, 1)),
        tuple(_acts(rung.on_enter, terms) for rung in ladder.rungs),
        tuple(_acts(rung.on_exit, terms) for rung in ladder.rungs),
        any(rung.on_enter or rung.on_exit for rung in ladder.rungs),
    )


def acts_of(entry: CompiledEntry) -> tuple[CompiledAction, ...]:
    """Everything an entry may do besides what it claims at once."""
    match entry:
        case CompiledRule():
            return entry.acts
        case CompiledSegment():
            return (*entry.on_enter, *entry.on_exit)
        case CompiledLadder():
            return tuple(action for acts in (*entry.on_enter, *entry.on_exit) for action in acts)


def _acts(actions: tuple[Action, ...], terms: Terms) -> tuple[CompiledAction, ...]:
    def condition(unless: Condition) -> CompiledCondition:
        return compile_condition(unless, terms)

    return compile_actions(actions, terms, condition)


def _gives(group: str | None, attributes: Values, tags: tuple[Tag, ...]) -> Gives:
    return Gives(group, {name: tuple(sorted(values)) for name, values in attributes.items()}, tags_by_platform(tags))
