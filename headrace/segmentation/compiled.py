"""A rule set made ready to run: conditions as closures, entries in dependency order, look-ups by trigger.

Parsed once per rule set and shared by every customer; what an entry then does is in `entries.py`.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from headrace.rules.catalogue import MEMBERSHIPS
from headrace.rules.dependencies import CHANGES, in_order, leaves
from headrace.rules.group_names import GroupNames, names_of, store_name
from headrace.rules.model import (
    Ladder,
    Rule,
    RuleSet,
    Segment,
    Send,
    Spend,
)
from headrace.segmentation.ages import Ages, ages_of
from headrace.segmentation.compiled_actions import CompiledAction
from headrace.segmentation.compiled_entries import (
    CompiledEntry,
    CompiledLadder,
    CompiledRule,
    CompiledSegment,
    acts_of,
    compile_ladder,
    compile_rule,
    compile_segment,
)
from headrace.segmentation.conditions.change import Timed
from headrace.segmentation.conditions.line_counts import counts_of
from headrace.segmentation.conditions.membership import named
from headrace.segmentation.conditions.terms import Terms
from headrace.segmentation.conditions.time import Edge, edge_of
from headrace.segmentation.given import Giving
from headrace.segmentation.group_choice import places_of
from headrace.segmentation.ledger import CountedSpend, counted_spend
from headrace.segmentation.schedule import ALWAYS, TIME_TRIGGERS, timed_rule
from headrace.segmentation.sparing import Sparing, sparing_of
from headrace.segmentation.steps import Step, steps_of
from headrace.segmentation.timed import Timers, timers_of
from headrace.segmentation.totals import Summing
from headrace.segmentation.windows import WindowSums

_KEPT: Final = 4096


@dataclass(frozen=True, slots=True)
class Renames:
    """Old id -> new id."""

    rules: dict[str, str]
    segments: dict[str, str]
    ladders: dict[str, str]

    def source(self, old: str) -> str:
        """The source an entry has now: `rule:new` of `rule:old`."""
        kind, _, name = old.partition(":")
        known = {"rule": self.rules, "segment": self.segments, "ladder": self.ladders}[kind]
        return f"{kind}:{known.get(name, name)}"


@dataclass(frozen=True, slots=True)
class CompiledRules:
    """A rule set in force. `entries`: rules, segments and ladders so that none reads a label set by a later one."""

    rule_set: RuleSet
    summing: Summing
    groups: frozenset[str]
    """By the rules' names, as claims and pins are."""
    names: GroupNames | None
    """Of groups that the store has other names for; None: it has not."""
    store_groups: frozenset[str]
    """By the store's names, as is all that it says and is told."""
    store_default: str
    """The default group, as the store calls it."""
    places: dict[str, int]
    ties: bool
    """Some groups share a place."""
    entries: tuple[CompiledEntry, ...]
    rules: dict[str, CompiledRule]
    segments: dict[str, CompiledSegment]
    ladders: dict[str, CompiledLadder]
    reads_membership: bool
    """Some entry, or its timer, reads the group, the segments or the rungs that the walk has come to."""
    timed: dict[str, Timed]
    """What time alone may change, and when, by source."""
    ages: tuple[Ages, ...]
    """Those of them whose timers are found all at once."""
    schedule: str | None
    """The source of one that every customer has a timer of, where there is any: who has it has all such."""
    past: dict[str, str]
    """Digest by id of the rules with `past: apply`."""
    triggers: frozenset[str]
    """Those that some rule waits for."""
    renames: Renames
    max_age: Edge
    """From a fact to when an effect for it is too old."""
    sparing: Sparing | None
    """When customers are left alone; None: the rules do not say."""
    waiting: dict[tuple[str, str], CompiledAction]
    """Actions with `after`, by source and key."""
    giving: Giving
    """What segments and rungs give who stands there."""
    terms: Terms
    """By which its conditions were compiled, for who looks at one leaf alone."""
    _plans: dict[tuple[frozenset[str], frozenset[str] | None], tuple[CompiledEntry, ...]] = field(default_factory=dict)
    _steps: dict[tuple[frozenset[str], frozenset[str] | None], tuple[Step, ...]] = field(default_factory=dict)
    _timers: dict[frozenset[str] | None, Timers] = field(default_factory=dict)
    _due: dict[frozenset[str], tuple[CompiledEntry, ...]] = field(default_factory=dict)

    @property
    def spend(self) -> CountedSpend:
        """The declared spend."""
        return self.summing.spend

    def plan(self, triggers: frozenset[str], changed: frozenset[str] | None) -> tuple[CompiledEntry, ...]:
        """The entries these triggers and changed parts can concern, in order; `changed` None = everything."""
        key = (triggers, changed)
        if key not in self._plans:
            self._plans[key] = tuple(entry for entry in self.entries if _concerned(entry, triggers, changed))
        return self._plans[key]

    def steps(self, triggers: frozenset[str], changed: frozenset[str] | None) -> tuple[Step, ...]:
        """The same in the steps of a walk."""
        key = (triggers, changed)
        known = self._steps.get(key)
        if known is None:
            known = self._steps[key] = steps_of(self.plan(triggers, changed))
        return known

    def due(self, sources: frozenset[str]) -> tuple[CompiledEntry, ...]:
        """These entries, whose time has come, and whatever reads what entries set, in order."""
        if sources not in self._due:
            if len(self._due) >= _KEPT:
                self._due.clear()
            planned = sources | {entry.source for entry in self.plan(frozenset(), frozenset())}
            self._due[sources] = tuple(entry for entry in self.entries if entry.source in planned)
        return self._due[sources]

    def timed_by(self, changed: frozenset[str] | None) -> Timers:
        """Of `timed`, what reads one of these parts; None = all."""
        known = self._timers.get(changed)
        if known is None:
            found = (one for one in self.timed.values() if changed is None or one.reads & changed)
            known = self._timers[changed] = timers_of(found, self.ages)
        return known


def compile_rules(rule_set: RuleSet) -> CompiledRules:
    """Raises ValueError for a field, operator or cycle that no checked rule set of this release has."""
    terms, names = terms_of(rule_set), names_of(rule_set)
    default, places = rule_set.default_group, places_of(rule_set.group_order)
    rules = {rule.id: compile_rule(rule, terms) for rule in rule_set.rules}
    segments = {segment.id: compile_segment(segment, terms) for segment in rule_set.segments}
    ladders = {ladder.id: compile_ladder(ladder, terms) for ladder in rule_set.ladders}
    timed = {one.source: one for one in _timed(rule_set, segments, ladders)}
    return CompiledRules(
        rule_set=rule_set,
        summing=summing_of(rule_set.spend, terms),
        groups=frozenset(group.name for group in rule_set.groups),
        names=names,
        store_groups=frozenset(map(store_name, rule_set.groups)),
        store_default=default if names is None else names.to_store(default),
        places=places,
        ties=any(len(equals) > 1 for equals in rule_set.group_order),
        entries=_in_order(rule_set, (*rules.values(), *segments.values(), *ladders.values())),
        rules=rules,
        segments=segments,
        ladders=ladders,
        reads_membership=_reads_membership(rule_set),
        timed=timed,
        ages=ages_of(timed.values()),
        schedule=next((one.source for one in timed.values() if ALWAYS in one.reads), None),
        past={rule.id: rule.digest for rule in rules.values() if rule.past},
        triggers=frozenset(rule.when.name for rule in rule_set.rules),
        renames=Renames(_renamed(rule_set.rules), _renamed(rule_set.segments), _renamed(rule_set.ladders)),
        max_age=edge_of(rule_set.max_age, terms.timezone),
        sparing=sparing_of(rule_set),
        waiting=_waiting((*rules.values(), *segments.values(), *ladders.values())),
        giving=Giving(segments, ladders, places),
        terms=terms,
    )


def _waiting(entries: tuple[CompiledEntry, ...]) -> dict[tuple[str, str], CompiledAction]:
    return {
        (entry.source, action.key): action for entry in entries for action in acts_of(entry) if action.due is not None
    }


def terms_of(rule_set: RuleSet) -> Terms:
    """What its conditions are compiled by, before any was."""
    store = rule_set.store
    return Terms(
        currency=store.currency,
        timezone=store.timezone,
        spend=counted_spend(rule_set.spend),
        calendars=rule_set.calendars,
        channels=rule_set.channels,
        aliases=rule_set.aliases,
        named=named(rule_set),
    )


def _timed(
    rule_set: RuleSet, segments: dict[str, CompiledSegment], ladders: dict[str, CompiledLadder]
) -> Iterator[Timed]:
    for segment in segments.values():
        condition = segment.condition
        if condition.next_change is not None:
            yield Timed(segment.source, condition.moved_by, condition.next_change, condition.changes)
    for rule in rule_set.rules:
        if rule.when.name in TIME_TRIGGERS:
            yield timed_rule(rule, rule_set.store.timezone)
    for ladder in ladders.values():
        if ladder.next_change is not None:
            yield Timed(ladder.source, ladder.reads, ladder.next_change, (ladder.next_change,))


def _reads_membership(rule_set: RuleSet) -> bool:
    """Whether any test or trigger asks for what other entries decide, or a grace runs."""
    rules, segments = rule_set.rules, rule_set.segments
    acts = [action for rule in rules for action in rule.then]
    acts += [action for segment in segments for action in (*segment.on_enter, *segment.on_exit)]
    acts += [action for ladder in rule_set.ladders for r in ladder.rungs for action in (*r.on_enter, *r.on_exit)]
    conditions = [rule.if_ for rule in rules] + [one.who for one in segments] + [action.unless for action in acts]
    columns = [column for action in acts if isinstance(action, Send) for column in action.with_.get("columns", ())]
    return (
        any(leaf.field in MEMBERSHIPS for condition in conditions for leaf in leaves(condition))
        or any(rule.when.name in CHANGES for rule in rules)
        or any(column in MEMBERSHIPS for column in columns)
        or any(ladder.grace is not None for ladder in rule_set.ladders)
    )


def summing_of(spend: Spend, terms: Terms) -> Summing:
    """What the conditions that were compiled by these terms want added up."""
    said = (msgspec.json.encode(spend, order="deterministic"), *terms.purchased.said, *terms.windows.said)
    digest = hashlib.blake2b(b"\n".join((_SUMS, *said)), digest_size=6).hexdigest()
    windows = WindowSums(terms.windows.sums)
    tests, counts = tuple(terms.purchased.tests), counts_of(terms.purchased)
    return Summing(terms.spend, tests, digest, windows, ZoneInfo(terms.timezone), counts)


_SUMS: Final = b"1"
"""Raise it when an accumulator of the same rules changes its meaning: every customer's are then added up anew."""


def _renamed(entries: tuple[Rule, ...] | tuple[Segment, ...] | tuple[Ladder, ...]) -> dict[str, str]:
    active = {entry.id for entry in entries}
    return {
        entry.renamed_from: entry.id
        for entry in entries
        if entry.renamed_from is not None and entry.renamed_from not in active
    }


def _concerned(entry: CompiledEntry, triggers: frozenset[str], changed: frozenset[str] | None) -> bool:
    if isinstance(entry, CompiledRule):
        return entry.derived or entry.when.name in triggers
    reads = entry.reads if isinstance(entry, CompiledLadder) else entry.condition.reads
    return changed is None or "labels" in reads or bool(reads & changed)


def _in_order(rule_set: RuleSet, entries: tuple[CompiledEntry, ...]) -> tuple[CompiledEntry, ...]:
    by_source = {entry.source: entry for entry in entries}
    return tuple(by_source[source] for source in in_order(rule_set))
