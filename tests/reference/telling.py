"""What the sinks are told: the whole desired state of a kind, whenever it differs from what they were told last."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headrace.rules.model import fold
from tests.reference.facts import Facts, person
from tests.reference.labels import Label

Said = tuple[Any, ...]


@dataclass
class Teller:
    """Remembers what it said. `wanted`: every group we ever wanted; `ever`: every label we ever told."""

    said: list[Said] = field(default_factory=list)
    wanted: set[str] = field(default_factory=set)
    group_known: bool = False
    last_group: str | None = None
    last_labels: set[Label] = field(default_factory=set)
    ever: set[Label] = field(default_factory=set)
    last_contact: Said | None = None
    groups: list[tuple[datetime | None, str]] = field(default_factory=list)
    """Every group that was wanted, with when it came to be."""
    moved_away: bool = False
    """Somebody moved the customer since the group was wanted that is wanted now."""

    def contact(self, facts: Facts) -> None:
        """E-mail, names and consent, once anything of them is known."""
        who, account = person(facts), facts.customer
        if account is None and not facts.guest:
            return
        now = (who.email, who.first_name, who.last_name, account.subscribed if account else None)
        if now != self.last_contact and (self.last_contact is not None or now != (None, None, None, None)):
            self.last_contact = now
            self.said.append(("contact", *now))

    def group(self, value: str | None, observed: str, *, again: bool = False, now: datetime | None = None) -> None:
        """`value` None: not ours to touch. Whoever is where we want them from the first needs no telling.

        `again`: somebody moved the customer away, and is told once more.
        """
        if not self.group_known and value is None:
            return
        if self.group_known and value == self.last_group and not (again and value not in (None, observed)):
            return
        if self.group_known or value != observed:
            self.said.append(("group", value))
        if value is not None and value != self.last_group:
            self.groups.append((now, value))
        if value != self.last_group:
            self.moved_away = False
        self.group_known, self.last_group = True, value
        if value:
            self.wanted.add(value)

    def labels(self, present: set[Label]) -> None:
        """Attributes and tags: those wanted, and those told once and wanted no longer."""
        for kind in ("attribute", "tag"):
            now = {label for label in present if label[0] == kind}
            if now != {label for label in self.last_labels if label[0] == kind}:
                self.ever |= now
                gone = {label for label in self.ever if label[0] == kind} - now
                self.said.append((f"{kind}s", by_name(now), by_name(gone)))
        self.last_labels = present

    def folded_attributes(self) -> dict[str, set[str]]:
        """Attribute -> the values last told, folded."""
        found: dict[str, set[str]] = {}
        for kind, name, value in self.last_labels:
            if kind == "attribute":
                found.setdefault(name, set()).add(fold(value))
        return found

    def grave(self) -> None:
        """The last words about a deleted customer."""
        if self.group_known and self.last_group is not None:
            self.said.append(("group", None))
        for kind in ("attribute", "tag"):
            if any(label[0] == kind for label in self.last_labels):
                self.said.append((f"{kind}s", {}, by_name({label for label in self.ever if label[0] == kind})))
        if self.last_contact is not None:
            self.said.append(("contact", "deleted"))


def by_name(labels: set[Label]) -> dict[str, tuple[str, ...]]:
    """Name -> values, sorted."""
    names = sorted({name for _, name, _ in labels})
    return {name: tuple(sorted(value for _, n, value in labels if n == name)) for name in names}
