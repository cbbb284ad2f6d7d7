"""What a plan comes to over all customers: counts, money, samples. Bounded by the rule set, not by the customers.

Sums of parts can be added up in any order; what is remarkable about one is in `plan_warnings.py`.
"""

from bisect import insort
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from headrace.rules.model import RuleSet
from headrace.segmentation.plan import Outlook, Wanted

SAMPLES: Final = 3
"""Customers that are named for each kind of move: the first by key."""
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
    segments_by_unset: Counter[str] = field(default_factory=Counter)

    def add(self, outlook: Outlook) -> None:
        """One more customer."""
        self.customers += 1
        before, after = outlook.before, outlook.after
        if after.group is not None:
            self.groups[after.group] += 1
        self.members.update(after.segments)
        self.effects.update(outlook.effects)
        if outlook.only_by_unset:
            self.by_unset += 1
            self.segments_by_unset.update(outlook.only_by_unset)
        if outlook.changes:
            self._change(outlook, before, after)

    def _change(self, outlook: Outlook, before: Wanted, after: Wanted) -> None:
        self.changed += 1
        self.attributes += before.attributes != after.attributes
        self.tags += before.tags != after.tags
        self._labels("attribute", before.attributes, after.attributes)
        for platform in self._labels("tag", before.tags, after.tags):
            self.tagged[platform] += 1
        self.entered.update(set(after.segments).difference(before.segments))
        self.left.update(set(before.segments).difference(after.segments))
        if outlook.moves:
            move = before.group, after.group
            self.moved += 1
            self.moved_spend += outlook.spend
            self.moves[move] += 1
            self.move_spend[move] += outlook.spend
            insort(known := self.samples.setdefault(move, []), outlook.customer)
            del known[SAMPLES:]

    def _labels(
        self, kind: str, before: Mapping[Any, tuple[str, ...]], after: Mapping[Any, tuple[str, ...]]
    ) -> list[str]:
        """Counts values that come and go; the names that differ."""
        differing = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        for name in differing:
            was, now = set(before.get(name, ())), set(after.get(name, ()))
            self.labels.update((f"{kind}:{name}", value, "added") for value in now - was)
            self.labels.update((f"{kind}:{name}", value, "removed") for value in was - now)
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
            "only_by_unset": self.segments_by_unset[name],
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
    "segments_by_unset",
)


def _most_first(found: tuple[Any, int]) -> tuple[int, str]:
    return -found[1], str(found[0])


def _money(amount: int, currency: str) -> dict[str, Any]:
    return {"amount_minor": amount, "currency": currency}
