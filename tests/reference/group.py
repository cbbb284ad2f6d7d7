"""One group per customer: pins, which claim wins, and whether the customer is ours to move."""

from collections.abc import Callable
from datetime import datetime

from headrace.rules.model import RuleSet
from tests.reference.entries import Entry, Giver, givers
from tests.reference.memory import Memory, Pin

NewestFact = Callable[[Entry], datetime]


def wanted_group(
    observed: str, rules: RuleSet, memory: Memory, ever_wanted: set[str], newest_fact: NewestFact
) -> str | None:
    """The group the customer shall be in, as the store calls it, "" for none; None: not ours to touch."""
    if (pinned := pinned_group(memory.pin, rules)) is not None:
        return at_store(pinned, rules)
    if not memory.taken and not is_ours(observed, rules, ever_wanted):
        return None
    winner = _winner(claims(rules, memory, newest_fact), rules)
    return at_store(rules.default_group if winner is None else winner, rules)


def pinned_group(pin: Pin | None, rules: RuleSet) -> str | None:
    """A pin counts while the rules have its group; "" is no group."""
    names = {"", rules.default_group, *(group.name for group in rules.groups)}
    return pin.group if pin is not None and pin.group in names else None


def claims(rules: RuleSet, memory: Memory, newest_fact: NewestFact) -> list[tuple[str, str, datetime]]:
    """Group, source, and when the newest fact behind it happened."""
    found = [
        (claim.group, f"rule:{rule}", claim.fact_at)
        for rule, claim in memory.claims.of_rules.items()
        if claim.group is not None
    ]
    for source, entry, giver in standing_givers(rules, memory):
        if giver.group is not None:
            found.append((giver.group, source, newest_fact(entry)))
    return found


def standing_givers(rules: RuleSet, memory: Memory) -> list[tuple[str, Entry, Giver]]:
    """The segments the customer is in and the rungs: source, entry, and what gives."""
    rungs = {ladder: rung.number for ladder, rung in memory.rungs.items()}
    return list(givers(rules, set(memory.segments), rungs))


def _winner(running: list[tuple[str, str, datetime]], rules: RuleSet) -> str | None:
    """The highest in the order; of equals the newest fact, then the first source."""
    for equals in rules.group_order:
        fitting = [claim for claim in running if claim[0] in equals]
        if fitting:
            newest = max(at for _, _, at in fitting)
            return min((claim for claim in fitting if claim[2] == newest), key=lambda claim: claim[1])[0]
    return None


def is_ours(observed: str, rules: RuleSet, ever_wanted: set[str]) -> bool:
    """The store has the customer in no group, in one of the rules, or in one we once wanted."""
    named = (at_store(name, rules) for name in (rules.default_group, *(group.name for group in rules.groups)))
    return observed in {"", *named, *ever_wanted}


def at_store(name: str, rules: RuleSet) -> str:
    """What the store calls the group that the rules call so."""
    return next((group.alias.get("bigcommerce", name) for group in rules.groups if group.name == name), name)


def in_rules(name: str, rules: RuleSet) -> str:
    """What the rules call the group that the store calls so; one that they know by another name is a stranger."""
    for group in rules.groups:
        if name == at_store(group.name, rules):
            return group.name
    return f"{name}, a stranger" if any(name == group.name for group in rules.groups) else name
