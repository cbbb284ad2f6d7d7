"""What a plan comes to over all customers: counts, money, samples. Bounded by the rule set, not by the customers.

Sums of parts can be added up in any order; what is remarkable about one is in `plan_warnings.py`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from headrace.rules.model import RuleSet
from headrace.segmentation.claims import LISTS
from headrace.segmentation.plan import Outlook, Wanted

SAMPLES: Final = 3
"""Customers that are named for each kind of move: the first by key."""
K = TypeVar("K")
Move = tuple[str | None, str | None]
Label = tuple[str, str, str]
"""attribute:<name> or tag:<platform>, value, added or removed."""


@dataclass(slots=True)
class PlanSum:
    """A running sum. `changed`: customers of whom anything would be told anew, or who enter or leave a segment.

    Money is lifetime spend in minor units. `members` and `groups`: as they would be.
    """

    customers: int = 0
    changed: int = 0
    moved: int = 0
    attributes: int = 0
    tags: int = 0
    tagged: Counter[str] = field(default_factory=Counter)
    """By platform: customers whose tags there change."""
    moved_spend: int = 0
    moves: Counter[Move] = field(default_factory=Counter)
    move_spend: Counter[Move] = field(default_factory=Counter)
    samples: dict[Move, list[str]] = field(default_factory=dict)
    groups: Counter[str] = field(default_factory=Counter)
    members: Counter[str] = field(default_factory=Counter)
    entered: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    labels: Counter[Label] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)
    by_unset: int = 0
    entries_by_unset: Counter[str] = field(default_factory=Counter)
    observed: Counter[str] = field(default_factory=Counter)
    """Customers by the group that the store has them in."""

    def add(self, outlook: Outlook) -> None:
        """One more customer."""
        self.add_alike(outlook, count=1, spend=outlook.spend, names=(outlook.customer,))

    def add_alike(self, outlook: Outlook, *, count: int, spend: int, names: Iterable[str]) -> None:
        """So many customers of whom the same is said; their spend together, and some of their names."""
        before, after = outlook.before, outlook.after
        self.customers += count
        if after.group is not None:
            self.groups[after.group] += count
        if outlook.observed:
            self.observed[outlook.observed] += count
        _count(self.members, after.segments, count)
        _count(self.effects, outlook.effects, count)
        if outlook.only_by_unset:
            self.by_unset += count
            _count(self.entries_by_unset, outlook.only_by_unset, count)
        if outlook.changes:
            self._change(before, after, count)
            if outlook.moves:
                self._move((before.group, after.group), count, spend, names)

    def _change(self, before: Wanted, after: Wanted, count: int) -> None:
        self.changed += count
        self.attributes += count * (before.attributes != after.attributes)
        self.tags += count * (before.tags != after.tags)
        self._labels("attribute", before.attributes, after.attributes, count)
        platforms = {name.removesuffix(LISTS) for name in self._labels("tag", before.tags, after.tags, count)}
        _count(self.tagged, platforms, count)
        _count(self.entered, set(after.segments).difference(before.segments), count)
        _count(self.left, set(before.segments).difference(after.segments), count)

    def _move(self, move: Move, count: int, spend: int, names: Iterable[str]) -> None:
        self.moved += count
        self.moved_spend += spend
        self.moves[move] += count
        self.move_spend[move] += spend
        self.samples[move] = sorted((*self.samples.get(move, ()), *names))[:SAMPLES]

    def _labels(
        self, kind: str, before: Mapping[Any, tuple[str, ...]], after: Mapping[Any, tuple[str, ...]], count: int
    ) -> list[str]:
        """Counts values that come and go; the names that differ."""
        differing = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        for name in differing:
            was, now = set(before.get(name, ())), set(after.get(name, ()))
            _count(self.labels, ((f"{kind}:{name}", value, "added") for value in now - was), count)
            _count(self.labels, ((f"{kind}:{name}", value, "removed") for value in was - now), count)
        return differing

    def merge(self, other: "PlanSum") -> None:
        """With another part's."""
        for name in ("customers", "changed", "moved", "attributes", "tags", "moved_spend", "by_unset"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in _COUNTERS:
            getattr(self, name).update(getattr(other, name))
        for move, customers in other.samples.items():
            self.samples[move] = sorted((*self.samples.get(move, ()), *customers))[:SAMPLES]

    def as_object(self, rule_set: RuleSet) -> dict[str, Any]:
        """As `headrace plan --json` says it, without what depends on the vendors and the rules in force."""
        currency = rule_set.store.currency
        return {
            "customers": self.customers,
            "changed": self.changed,
            "moved": self.moved,
            "spend": _money(self.moved_spend, currency),
            "moves": [
                {
                    "from": move[0],
                    "to": move[1],
                    "count": count,
                    "spend": _money(self.move_spend[move], currency),
                    "sample": self.samples[move],
                }
                for move, count in sorted(self.moves.items(), key=_most_first)
            ],
            "segments": [self._segment(name) for name in self._segment_names(rule_set)],
            "groups": [
                {"name": name, "members": count} for name, count in sorted(self.groups.items(), key=_most_first)
            ],
            "attributes": self.attributes,
            "tags": self.tags,
            "labels": [
                {"label": label, "value": value, "change": change, "count": count}
                for (label, value, change), count in sorted(self.labels.items())
            ],
            "effects": [
                {"rule": source.partition(":")[2], "count": count} for source, count in sorted(self.effects.items())
            ],
            "matched_only_by_unset": self.by_unset,
            "only_by_unset": [{"id": name, "count": count} for name, count in sorted(self.entries_by_unset.items())],
        }

    def _segment_names(self, rule_set: RuleSet) -> list[str]:
        known = [segment.id for segment in rule_set.segments]
        return [*known, *sorted(set(self.left) - set(known))]

    def _segment(self, name: str) -> dict[str, Any]:
        return {
            "id": name,
            "entered": self.entered[name],
            "left": self.left[name],
            "members": self.members[name],
            "only_by_unset": self.entries_by_unset[name],
        }


_COUNTERS: Final = (
    "tagged",
    "moves",
    "move_spend",
    "groups",
    "members",
    "entered",
    "left",
    "labels",
    "effects",
    "entries_by_unset",
    "observed",
)


def _count(counter: Counter[K], names: Iterable[K], count: int) -> None:
    for name in names:
        counter[name] += count


def _most_first(found: tuple[Any, int]) -> tuple[int, str]:
    return -found[1], str(found[0])


def _money(amount: int, currency: str) -> dict[str, Any]:
    return {"amount_minor": amount, "currency": currency}
