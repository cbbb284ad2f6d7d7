"""Groups of a rule set that no customer is in while many are in one whose name is nearly the same: a slip, perhaps."""

import re
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Final

from headrace.rules.group_names import store_name
from headrace.rules.model import RuleSet

NEAR: Final = 0.75
"""How alike the words of two names are at least, from 0 to 1: Gold and Glod are 0.75, Gold and Golds 0.89."""
_NUMBER: Final = re.compile(r"\d+")


def near_groups(rule_set: RuleSet, observed: Mapping[str, int]) -> Iterator[tuple[str, str, int]]:
    """The group as the store calls it, the nearest name in the store, and how many customers are in that.

    `observed`: customers by the group that the store has them in. The rules' name of a group is compared too.
    """
    known = set(map(store_name, rule_set.groups))
    others = {name: count for name, count in observed.items() if name and count and name not in known}
    for group in rule_set.groups:
        if observed.get(store_name(group)):
            continue
        names = dict.fromkeys((store_name(group), group.name))
        found = max(((_alike(name, other), other) for name in names for other in others), default=(0.0, ""))
        if found[0] >= NEAR:
            yield store_name(group), found[1], others[found[1]]


def _alike(one: str, other: str) -> float:
    """From 0 to 1, by the word that is least alike: Tier 1 and Tier 2, Trade UK and Trade US are two groups.

    Case does not count, nor do spaces.
    """
    words, others = one.casefold().split(), other.casefold().split()
    if len(words) != len(others):
        return float("".join(words) == "".join(others))
    return min((_ratio(*pair) for pair in zip(words, others, strict=True)), default=0.0)


def _ratio(one: str, other: str) -> float:
    if _NUMBER.findall(one) != _NUMBER.findall(other):
        return 0.0
    return SequenceMatcher(a=one, b=other, autojunk=False).ratio()
