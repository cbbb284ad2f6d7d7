"""Memberships: the customer's group with its kind and ERP id, segments and rungs, since when, and pins.

They are read as the walk has come to them; entries that read one come after those that decide it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from headrace.rules.catalogue import GROUP_FIELDS, IN_SEGMENT, MEMBERSHIPS, ON_RUNG, PINNED
from headrace.rules.dependencies import rung_names
from headrace.rules.group_names import GroupNames, names_of
from headrace.rules.model import Duration, Leaf, RuleSet
from headrace.segmentation.conditions import text
from headrace.segmentation.conditions.change import NextChange
from headrace.segmentation.conditions.time import edge_of
from headrace.segmentation.facts import Facts, catalogue_folded
from headrace.segmentation.state import Standing

FIELDS: Final = MEMBERSHIPS
NEGATIONS: Final[Mapping[str, str]] = {"is_not": "is", "not_in": "in"}
Since = Callable[[Standing], datetime | None]
Places = Callable[[Standing], bool]


@dataclass(frozen=True, slots=True)
class Named:
    """What a rule set says of its groups and rungs. `rungs`: the ladders and rung numbers that a name means."""

    kinds: Mapping[str, str] = field(default_factory=dict)
    erp_ids: Mapping[str, str] = field(default_factory=dict)
    rungs: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    names: GroupNames | None = None


def named(rule_set: RuleSet) -> Named:
    """What this rule set says; groups by folded name."""
    return Named(
        {catalogue_folded(group.name): catalogue_folded(group.kind) for group in rule_set.groups if group.kind},
        {catalogue_folded(group.name): catalogue_folded(group.erp_id) for group in rule_set.groups if group.erp_id},
        rung_names(rule_set),
        names_of(rule_set),
    )


def compile_test(leaf: Leaf, known: Named, timezone: str) -> Callable[[Facts], bool]:
    """The test of a leaf. Raises ValueError for an operator or operand the family does not have."""
    if leaf.field == PINNED:
        if leaf.operator != "is" or not isinstance(leaf.operand, bool):
            raise ValueError(f"no operator {leaf.operator!r} on {PINNED} with {leaf.operand!r}")
        wanted = leaf.operand
        return lambda facts: (facts.state.pin is not None) is wanted
    if leaf.field in GROUP_FIELDS:
        return _group_test(leaf, known)
    positive = NEGATIONS.get(leaf.operator, leaf.operator)
    if positive not in ("is", "in"):
        raise ValueError(f"no operator {leaf.operator!r} on {leaf.field}")
    holds = _member_test(leaf, known, timezone)
    if leaf.operator in NEGATIONS:
        return lambda facts: not holds(facts)
    return holds


def compile_next(leaf: Leaf, known: Named, timezone: str) -> NextChange | None:
    """When time alone changes the test next; None on a leaf without `since`."""
    if leaf.since is None:
        return None
    edge = edge_of(leaf.since, timezone)
    members = [since for _, since in _members(leaf, known)]

    def following(facts: Facts) -> datetime | None:
        standing, now = facts.standing(), facts.now
        edges = [due for since in members if (at := since(standing)) is not None and (due := edge(at)) is not None]
        if not edges:
            return None
        # Who is in one of them for long enough stays so until leaving it, which is no matter of time.
        due = min(edges)
        return due if now is None or now < due else None

    return following


def explain(leaf: Leaf) -> str:
    """`customer.in_segment is vip since 30 days`."""
    if leaf.operator in ("is_set", "is_unset"):
        return f"{leaf.field} {leaf.operator.replace('_', ' ')}"
    names = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,)
    shown = ", ".join(str(name).lower() if isinstance(name, bool) else str(name) for name in names)
    return f"{leaf.field} {leaf.operator.replace('_', ' ')} {shown}{_shown_since(leaf.since)}"


def _shown_since(since: Duration | None) -> str:
    return "" if since is None else f" since {since.count} {since.unit}{'' if since.count == 1 else 's'}"


def _group_test(leaf: Leaf, known: Named) -> Callable[[Facts], bool]:
    test, read = text.compile_test(_folded(leaf)), folded_group(known)
    if leaf.field == "customer.group":
        return lambda facts: test(read(facts))
    of_group = known.kinds if leaf.field == "customer.kind" else known.erp_ids
    return lambda facts: test(of_group.get(read(facts) or ""))


def _folded(leaf: Leaf) -> Leaf:
    several = isinstance(leaf.operand, tuple)
    names = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,)
    folded = tuple(catalogue_folded(str(name)) for name in names)
    return Leaf(field=leaf.field, operator=leaf.operator, operand=folded if several else folded[0])


def group_of(known: Named) -> Callable[[Facts], str | None]:
    """The group a customer counts as in, by the rules' name for it."""
    if known.names is None:
        return lambda facts: facts.group()
    to_rules = known.names.to_rules
    return lambda facts: to_rules(facts.group())


def folded_group(known: Named) -> Callable[[Facts], str | None]:
    """The same, folded."""
    if known.names is None:
        return _folded_group
    read = group_of(known)

    def folded(facts: Facts) -> str | None:
        group = read(facts)
        return None if group is None else catalogue_folded(group)

    return folded


def _folded_group(facts: Facts) -> str | None:
    group = facts.group()
    return None if group is None else catalogue_folded(group)


def _member_test(leaf: Leaf, known: Named, timezone: str) -> Callable[[Facts], bool]:
    members = _members(leaf, known)
    if leaf.since is None:
        if len(members) == 1:
            ((inside, _),) = members
            return lambda facts: inside(facts.standing())
        return lambda facts: any(inside(facts.standing()) for inside, _ in members)
    edge = edge_of(leaf.since, timezone)

    def long_enough(facts: Facts) -> bool:
        standing, now = facts.standing(), facts.now
        if now is None:
            return False
        for _, since in members:
            at = since(standing)
            if at is not None and (due := edge(at)) is not None and due <= now:
                return True
        return False

    return long_enough


def _members(leaf: Leaf, known: Named) -> list[tuple[Places, Since]]:
    """Of each segment or rung named: whether somebody is there, and since when (None: is not, or nobody knows)."""
    names = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,)
    if leaf.field == IN_SEGMENT:
        return [_segment(str(name)) for name in names]
    if leaf.field != ON_RUNG:
        raise ValueError(f"no field {leaf.field!r}")
    missing = [name for name in names if str(name) not in known.rungs]
    if missing:
        raise ValueError(f"no rung {missing[0]!r}")
    return [_rung(ladder, number) for name in names for ladder, number in known.rungs[str(name)]]


def _segment(name: str) -> tuple[Places, Since]:
    return lambda standing: name in standing.segments, lambda standing: standing.since.get(name)


def _rung(ladder: str, number: int) -> tuple[Places, Since]:
    source = f"ladder:{ladder}"

    def inside(standing: Standing) -> bool:
        return standing.rungs.get(ladder) == number

    return inside, lambda standing: standing.since.get(source) if standing.rungs.get(ladder) == number else None
