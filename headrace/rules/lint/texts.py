"""Texts that say something else than is meant: addresses for domains, everybody's domains, one name spelled twice."""

import re
from collections.abc import Iterator
from typing import Final

from headrace.rules.findings import quoted
from headrace.rules.lint.looking import Entry, Looking, all_entries, condition_of, entries_of, every_test
from headrace.rules.model import AddAttribute, AddTag, AssignGroup, Ladder, Leaf, Rule, Rung, Segment, fold
from headrace.rules.public_domains import PUBLIC_DOMAINS

MAX_ATTRIBUTES: Final = 50
"""Customer attributes a BigCommerce store can have (design: vendors.md)."""
_INSIDE: Final = ("contains", "ends_with", "matches")
_DOMAIN: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_TAG: Final = "the tag of"
_GROUP: Final = "the group"
_NEGATIVE: Final = ("is_not", "not_in", "has_none")


def check_texts(looking: Looking) -> None:
    """E-mail domains, values that are unset, names, and how many attributes there are."""
    for entry in entries_of(looking.rule_set):
        for test, negated in every_test(condition_of(entry)):
            if isinstance(test, Leaf):
                _email(looking, entry, test)
                _public_domain(looking, entry, test, negated=negated)
                _unset(looking, entry, test, negated=negated)
    _spelling(looking)
    _attributes(looking)


def _email(looking: Looking, entry: Entry, leaf: Leaf) -> None:
    if leaf.field == "customer.email" and leaf.operator in _INSIDE:
        said = str(leaf.operand).rpartition("@")[2]
        domain = said if _DOMAIN.fullmatch(said) else "acme.com"
        looking.say(
            "email_not_domain",
            entry,
            f"customer.email {leaf.operator} finds its text anywhere in an address, also before the @",
            f"for everybody of a company write customer.email_domain: {{in: [{domain}], or_subdomains: true}}",
            at=leaf,
        )


def _public_domain(looking: Looking, entry: Entry, leaf: Leaf, *, negated: bool) -> None:
    if leaf.field != "customer.email_domain" or negated or leaf.operator not in ("is", "in"):
        return
    named = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,)
    for domain in named:
        if domain in PUBLIC_DOMAINS:
            looking.say(
                "public_domain",
                entry,
                f"anybody can have an address at {domain}: it tells no company",
                f"remove {domain}, or name these customers by company or by their whole e-mail address",
                at=leaf,
            )


def _unset(looking: Looking, entry: Segment | Rule, leaf: Leaf, *, negated: bool) -> None:
    if isinstance(entry, Rule) or (leaf.operator in _NEGATIVE) is negated or entry.group is None:
        return
    if leaf.field.startswith("customer.") and leaf.operator in _NEGATIVE:
        looking.say(
            "holds_when_unset",
            entry,
            f"{leaf.field} {leaf.operator.replace('_', ' ')} also holds for everybody who has no value there",
            f"if only those with one are meant, add {leaf.field}: {{is_set: true}} under all:",
            at=leaf,
        )


def _spelling(looking: Looking) -> None:
    """Names that differ only by case, accents or spaces: of attributes, of the values of one, of tags and groups."""
    groups = {fold(group.name): group.name for group in looking.rule_set.groups}
    seen: dict[tuple[str, str], str] = {}
    for entry in all_entries(looking.rule_set):
        for of, name in _names(entry):
            folded = fold(name)
            first = seen.setdefault((of, folded), groups.get(folded, name) if of.startswith(_TAG) else name)
            if first != name:
                other = "; the store's own name for a group is its alias: {bigcommerce: ...}" if of == _GROUP else ""
                looking.say(
                    "spelled_differently",
                    entry,
                    f"{of} {quoted(name)} is written {quoted(first)} elsewhere: customers and staff see two names",
                    f"write {first} everywhere{other}",
                )


def _names(entry: Entry) -> Iterator[tuple[str, str]]:
    if isinstance(entry, Rule):
        for action in entry.then:
            if isinstance(action, AddAttribute):
                yield from _values(action.values)
            elif isinstance(action, AddTag):
                yield from ((f"{_TAG} {tag.platform}", tag.name) for tag in action.tags)
            elif isinstance(action, AssignGroup):
                yield _GROUP, action.group
        return
    givers: tuple[Segment | Rung, ...] = entry.rungs if isinstance(entry, Ladder) else (entry,)
    for giver in givers:
        yield from _values(giver.attributes)
        yield from ((f"{_TAG} {tag.platform}", tag.name) for tag in giver.tags)


def _values(attributes: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    for name, values in attributes.items():
        yield "the attribute", name
        yield from ((f"the value of {name}", value) for value in values)


def _attributes(looking: Looking) -> None:
    names: dict[str, Entry] = {}
    for entry in all_entries(looking.rule_set):
        for of, name in _names(entry):
            if of == "the attribute":
                names.setdefault(fold(name), entry)
    if len(names) > MAX_ATTRIBUTES:
        entry = list(names.values())[MAX_ATTRIBUTES]
        looking.say(
            "too_many_attributes",
            entry,
            f"the rules name {len(names)} attributes, a store takes {MAX_ATTRIBUTES}",
            "gather what belongs together as values of one attribute: interests: [apple, pear]",
        )
