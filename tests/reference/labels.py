"""What rules and people have set and what stays of it: claims, bars, and the labels that follow.

A claim lives while its rule does; what was removed is barred until somebody claims it anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from headrace.rules.model import Tag

Label = tuple[str, str, str]
"""("attribute", name, value) or ("tag", platform, tag)."""


def attribute_labels(values: dict[str, tuple[str, ...]]) -> set[Label]:
    return {("attribute", name, value) for name, several in values.items() for value in several}


def tag_labels(tags: Iterable[Tag]) -> set[Label]:
    return {("tag", f"{tag.platform}.lists" if tag.list else tag.platform, tag.name) for tag in tags}


@dataclass
class Claim:
    """Of one rule. `fact_at`: when the newest fact behind it happened."""

    fact_at: datetime
    group: str | None = None
    labels: set[Label] = field(default_factory=set)


@dataclass
class Claims:
    """All that stays once it was set."""

    of_rules: dict[str, Claim] = field(default_factory=dict)
    by_hand: set[Label] = field(default_factory=set)
    barred: dict[Label, str] = field(default_factory=dict)
    """Label -> the rule that barred it."""

    def claim(self, rule: str, fact_at: datetime, *, group: str | None = None, labels: Iterable[Label] = ()) -> None:
        known = self.of_rules.setdefault(rule, Claim(fact_at))
        known.fact_at = max(known.fact_at, fact_at)
        known.group = group or known.group
        known.labels |= set(labels)
        self.unbar(labels)

    def remove(self, rule: str, labels: Iterable[Label]) -> None:
        """Ends everyone's claims on these labels and bars them."""
        gone = set(labels)
        for claim in self.of_rules.values():
            claim.labels -= gone
        self.of_rules = {name: claim for name, claim in self.of_rules.items() if claim.group or claim.labels}
        self.by_hand -= gone
        self.barred |= dict.fromkeys(gone, rule)

    def set_by_hand(self, name: str, values: Iterable[str]) -> None:
        self.by_hand = {label for label in self.by_hand if label[:2] != ("attribute", name)}
        wanted = {("attribute", name, value) for value in values}
        self.by_hand |= wanted
        self.unbar(wanted)

    def unbar(self, labels: Iterable[Label]) -> None:
        for label in labels:
            self.barred.pop(label, None)

    def keep(self, rules: set[str], renamed: dict[str, str]) -> None:
        """Only what rules that exist have set."""
        names = {rule: renamed.get(rule, rule) for rule in (*self.of_rules, *self.barred.values())}
        self.of_rules = {names[rule]: claim for rule, claim in self.of_rules.items() if names[rule] in rules}
        self.barred = {label: names[rule] for label, rule in self.barred.items() if names[rule] in rules}

    def present(self, given: Iterable[Label]) -> set[Label]:
        """Every label somebody claims, `given` by segments and rungs among them, and nothing bars."""
        wanted = {label for claim in self.of_rules.values() for label in claim.labels} | self.by_hand | set(given)
        return wanted - self.barred.keys()
