"""One walk over the entries an event concerns: rules fire, segments are entered and left, rungs are taken.

Works on claims and standing alone; the facts come ready, and what the sinks are told comes after.
"""

from collections.abc import Iterable
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from headrace.contracts.actions import Platform
from headrace.segmentation.claims import fire, lift
from headrace.segmentation.compiled import (
    CompiledEntry,
    CompiledLadder,
    CompiledRule,
    CompiledRules,
    CompiledSegment,
    Gives,
)
from headrace.segmentation.facts import NUMBERS, Facts, Labels, folded
from headrace.segmentation.ladders import rung_of
from headrace.segmentation.state import Claims, Standing, Tags, Values
from headrace.segmentation.triggers import Occurrence

Outcome = Literal["fired", "not_met", "entered", "left", "in", "out", "rung", "dropped", "ignored"]


class Verdict(Struct, frozen=True):
    """What one entry came to, and why. `source`: `rule:<id>`, `segment:<id>`, `ladder:<id>` or what ignored it."""

    source: str
    outcome: Outcome
    reason: str


class Present(Struct, frozen=True):
    """The labels a customer has: attribute or platform -> value -> source of the first claim on it."""

    attributes: dict[str, dict[str, str]]
    tags: dict[Platform, dict[str, str]]


def present(rules: CompiledRules | None, claims: Claims, standing: Standing) -> Present:
    """All labels somebody claims and nothing bars: rules by id, then segments, ladders, and what was set by hand."""
    found = Present({}, {})
    for rule in sorted(claims.latched):
        latch = claims.latched[rule]
        _claim(found, latch.attributes, latch.tags, f"rule:{rule}", claims)
    for source, gives in standing_gives(rules, standing):
        _claim(found, gives.attributes, gives.tags, source, claims)
    if claims.manual:
        _claim(found, claims.manual, {}, "set", claims)
    return found


def standing_gives(rules: CompiledRules | None, standing: Standing) -> list[tuple[str, Gives]]:
    """What the customer's segments and rungs give, with their sources."""
    if rules is None:
        return []
    found = [(segment.source, segment.gives) for name in standing.segments if (segment := rules.segments.get(name))]
    for name, rung in sorted(standing.rungs.items()):
        ladder = rules.ladders.get(name)
        if ladder is not None and rung < len(ladder.gives):
            found.append((ladder.source, ladder.gives[rung]))
    return found


class Walk:
    """The claims and standing of one customer while entries are walked; `changed` collects who changed them."""

    __slots__ = ("_labels", "_offset", "_rules", "changed", "claims", "standing", "verdicts")

    def __init__(self, rules: CompiledRules, claims: Claims, standing: Standing, *, offset: int) -> None:
        self._rules = rules
        self._offset = offset
        self._labels: tuple[Labels, Labels] | None = None
        self.claims = claims
        self.standing = standing
        self.verdicts: list[Verdict] = []
        self.changed: list[str] = []

    def run(self, entries: Iterable[CompiledEntry], facts: Facts, occurrences: tuple[Occurrence, ...]) -> None:
        """Walk these entries, in their order, with these facts."""
        facts.attributes, facts.tags = self._attributes, self._tags
        for entry in entries:
            match entry:
                case CompiledRule():
                    self._rule(entry, facts, occurrences)
                case CompiledSegment():
                    self._segment(entry, facts)
                case CompiledLadder():
                    self._ladder(entry, facts)

    def _rule(self, rule: CompiledRule, facts: Facts, occurrences: tuple[Occurrence, ...]) -> None:
        before = self.claims
        fired = False
        for occurrence in occurrences:
            if wakes(rule, occurrence) and _met(rule, facts, occurrence):
                fired = True
                fact_at = occurrence.fact_at
                self.claims = fire(self.claims, rule.id, rule.then, fact_at=fact_at, offset=self._offset)
        if self.claims is not before and not _same_but_newer(rule.id, before, self.claims):
            self._note(rule.source)
        self.verdicts.append(Verdict(rule.source, "fired" if fired else "not_met", _reason(rule)))

    def _segment(self, segment: CompiledSegment, facts: Facts) -> None:
        known = self.standing.segments
        was, holds = segment.id in known, segment.condition.holds(facts)
        if was is holds:
            outcome: Outcome = "in" if holds else "out"
        elif holds:
            outcome = "entered"
            self.standing = replace(self.standing, segments=tuple(sorted((*known, segment.id))))
            self._enter(segment.source, segment.gives)
        else:
            outcome = "left"
            self.standing = replace(self.standing, segments=tuple(name for name in known if name != segment.id))
            self._note(segment.source)
        self.verdicts.append(Verdict(segment.source, outcome, segment.condition.text))

    def _ladder(self, entry: CompiledLadder, facts: Facts) -> None:
        number = rung_of(entry.ladder, NUMBERS[entry.ladder.by](facts))
        if self.standing.rungs.get(entry.id) == number:
            return
        self.standing = replace(self.standing, rungs={**self.standing.rungs, entry.id: number})
        self._enter(entry.source, entry.gives[number])
        self.verdicts.append(Verdict(entry.source, "rung", f"rung {number + 1} by {entry.ladder.by}"))

    def _enter(self, source: str, gives: Gives) -> None:
        self.claims = lift(self.claims, gives.attributes, gives.tags)
        self._note(source)

    def _note(self, source: str) -> None:
        self.changed.append(source)
        self._labels = None

    def _attributes(self) -> Labels:
        return self._read_labels()[0]

    def _tags(self) -> Labels:
        return self._read_labels()[1]

    def _read_labels(self) -> tuple[Labels, Labels]:
        if self._labels is None:
            now = present(self._rules, self.claims, self.standing)
            self._labels = _folded(now.attributes), _folded(now.tags)
        return self._labels


def wakes(rule: CompiledRule, occurrence: Occurrence) -> bool:
    """The occurrence is one the rule waits for."""
    when = rule.when
    return (
        when.name == occurrence.trigger
        and (when.from_ is None or when.from_ == occurrence.from_)
        and (when.to is None or when.to == occurrence.to)
    )


def _met(rule: CompiledRule, facts: Facts, occurrence: Occurrence) -> bool:
    """Whether the rule's condition holds; `product.ordered` asks line by line, and one line is enough."""
    if rule.condition is None:
        return True
    holds = rule.condition.holds
    facts.order, facts.lines = occurrence.order, occurrence.lines
    if occurrence.trigger != "product.ordered":
        return holds(facts)
    if rule.condition.of_line is not None:
        return any(map(rule.condition.of_line, occurrence.lines))
    for line in occurrence.lines:
        facts.lines = (line,)
        if holds(facts):
            return True
    return False


def _same_but_newer(rule: str, before: Claims, after: Claims) -> bool:
    """The rule claims what it claimed already; only its newest fact is another."""
    was, now = before.latched.get(rule), after.latched.get(rule)
    return (
        was is not None
        and now is not None
        and (was.group, was.attributes, was.tags) == (now.group, now.attributes, now.tags)
        and (before.manual, before.barred_attributes, before.barred_tags)
        == (after.manual, after.barred_attributes, after.barred_tags)
        and all(latch is after.latched.get(other) for other, latch in before.latched.items() if other != rule)
    )


def _reason(rule: CompiledRule) -> str:
    return _ALWAYS if rule.condition is None else rule.condition.text


_ALWAYS: Final = "no condition"


def _claim(found: Present, attributes: Values, several: Tags, source: str, claims: Claims) -> None:
    for name, values in attributes.items():
        barred = claims.barred_attributes.get(name, ())
        for value in values:
            if value not in barred:
                found.attributes.setdefault(name, {}).setdefault(value, source)
    for platform, tags in several.items():
        barred = claims.barred_tags.get(platform, ())
        for tag in tags:
            if tag not in barred:
                found.tags.setdefault(platform, {}).setdefault(tag, source)


def _folded(labels: dict[str, dict[str, str]] | dict[Platform, dict[str, str]]) -> Labels:
    return {name: set(map(folded, values)) for name, values in labels.items()}
