"""A group's two names: the one the rules have for it, and the one the store has (`alias: {bigcommerce: ...}`).

What customers are to be is decided in the rules' names; what the store said and is told is in the store's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from headrace.rules.model import Group, RuleSet

STORE: Final = "bigcommerce"
"""The platform whose groups customers are put into."""
_THEIRS: Final = "{} (the store's)"
_Name = TypeVar("_Name", str, str | None)


@dataclass(frozen=True, slots=True)
class GroupNames:
    """One to one, both ways; a name that is in neither mapping is the same on both sides.

    A group that the store has under a name by which the rules call another one is shown as `Gold (the store's)`.
    """

    _in_store: Mapping[str | None, str]
    _in_rules: Mapping[str | None, str]

    def to_store(self, name: _Name) -> _Name:
        """What the store calls the group that the rules call so."""
        return self._in_store.get(name, name)

    def to_rules(self, name: _Name) -> _Name:
        """What the rules call the group that the store calls so."""
        return self._in_rules.get(name, name)


def store_name(group: Group) -> str:
    """What the store calls it."""
    return group.alias.get(STORE, group.name)


def names_of(rule_set: RuleSet) -> GroupNames | None:
    """None where every group has one name."""
    aliased = [(group.name, store_name(group)) for group in rule_set.groups if store_name(group) != group.name]
    if not aliased:
        return None
    theirs = [(name, _THEIRS.format(name)) for name, _ in aliased]
    return GroupNames(
        _mapping([(shown, name) for name, shown in theirs] + aliased),
        _mapping(theirs + [(alias, name) for name, alias in aliased]),
    )


def _mapping(pairs: list[tuple[str, str]]) -> Mapping[str | None, str]:
    found: dict[str | None, str] = {}
    found.update(pairs)
    return found
