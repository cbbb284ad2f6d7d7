"""What only the whole rule set shows: groups and their order, ids, renames, circles of entries.

Works on the uses recorded while reading, so every finding has its place.
"""

from headrace.rules.catalogue import IN_SEGMENT, MEMBERSHIPS, ON_RUNG
from headrace.rules.dependencies import Circle, entries_of, find_circle, leaves, rung_names, source_of
from headrace.rules.findings import did_you_mean, quoted
from headrace.rules.group_names import STORE
from headrace.rules.model import Ladder, RuleSet, fold
from headrace.rules.reading import Reading, Use


def check(rule_set: RuleSet, reading: Reading) -> None:
    """Record what the entries together do wrong."""
    _ids(reading)
    _effect_keys(reading)
    _renames(reading)
    _groups_declared(reading)
    _aliases_alone(reading)
    _groups_ordered(reading)
    _group_uses(reading)
    _members(rule_set, reading)
    _past_memberships(rule_set, reading)
    circle = find_circle(rule_set)
    if circle is not None:
        _report_circle(circle, reading)


def _repeats(uses: list[Use], key: str = "") -> list[tuple[Use, Use]]:
    """Each use of a name after its first, with that first one."""
    seen: dict[str, Use] = {}
    again: list[tuple[Use, Use]] = []
    for use in uses:
        name = fold(use.name) if key == "folded" else use.name
        if name in seen:
            again.append((use, seen[name]))
        else:
            seen[name] = use
    return again


def _where(use: Use) -> str:
    return f"{use.place.file}:{use.place.line}"


def _ids(reading: Reading) -> None:
    for use, first in _repeats(reading.ids):
        reading.report.add(
            "duplicate_id",
            use.place,
            f"the id {quoted(use.name)} is already at {_where(first)}",
            f"give this entry an id of its own, such as {use.name}-2",
            id=use.entry,
        )


def _effect_keys(reading: Reading) -> None:
    of_entries = [Use(f"{use.entry}\0{use.name}", use.place, use.entry) for use in reading.effect_keys]
    for use, first in _repeats(of_entries):
        name = use.name.partition("\0")[2]
        reading.report.add(
            "effect_key_twice",
            use.place,
            f"the key {quoted(name)} is already at {_where(first)}",
            f"give this effect a key of its own within the entry, such as {name}-2",
            id=use.entry,
        )


def _renames(reading: Reading) -> None:
    present = {use.name: use for use in reading.ids}
    for use in reading.renamed:
        if use.name in present:
            reading.report.add(
                "renamed_from",
                use.place,
                f"{quoted(use.name)} is still an entry, at {_where(present[use.name])}",
                "name the id this entry had before, or remove renamed_from",
                id=use.entry,
            )
    for use, first in _repeats(reading.renamed):
        reading.report.add(
            "renamed_from",
            use.place,
            f"the entry at {_where(first)} was renamed from {quoted(use.name)} too",
            "one entry carries the claims over; remove the other renamed_from",
            id=use.entry,
        )


def _groups_declared(reading: Reading) -> None:
    for use, first in _repeats(reading.groups, "folded"):
        reading.report.add(
            "duplicate_group",
            use.place,
            f"the group {quoted(use.name)} is already declared at {_where(first)}",
            "declare each group once; case and accents do not make another group",
        )


def _aliases_alone(reading: Reading) -> None:
    """On each platform another name for each group, and none that is another group's own."""
    own, seen = {fold(use.name): use for use in reading.groups}, dict[tuple[str, str], Use]()
    for platform, use in reading.group_aliases:
        other = own.get(fold(use.name)) or seen.setdefault((platform, fold(use.name)), use)
        if other is use or other.name == use.entry:
            continue
        reading.report.add(
            "same_alias",
            use.place,
            f"{quoted(use.name)} is {quoted(other.entry or other.name)} already, at {_where(other)}",
            f"give {quoted(use.entry or '')} another name at {platform}, or make the two one group",
        )


def _groups_ordered(reading: Reading) -> None:
    declared = tuple(use.name for use in reading.groups)
    for use in (*reading.group_order, *reading.default_group):
        if use.name not in declared:
            _unknown_group(use, declared, reading)
    for use, first in _repeats(reading.group_order):
        reading.report.add(
            "group_ordered_twice",
            use.place,
            f"{quoted(use.name)} is already at {_where(first)}",
            "a group has one place in group_order",
        )


def _group_uses(reading: Reading) -> None:
    declared = tuple(use.name for use in reading.groups)
    ordered = {use.name for use in reading.group_order}
    for use in reading.group_uses:
        if use.name not in declared:
            _unknown_group(use, declared, reading)
        elif use.name not in ordered:
            reading.report.add(
                "group_not_ordered",
                use.place,
                f"the group {quoted(use.name)} has no place in group_order",
                f"add {use.name} to group_order, above the groups it wins over",
                id=use.entry,
            )


def _unknown_group(use: Use, declared: tuple[str, ...], reading: Reading) -> None:
    otherwise = f"add {{name: {use.name}}} under groups:"
    hint = did_you_mean(use.name, declared, otherwise=otherwise)
    reading.report.add("unknown_group", use.place, f"{quoted(use.name)} is not under groups", hint, id=use.entry)


def _members(rule_set: RuleSet, reading: Reading) -> None:
    groups = tuple(use.name for use in reading.groups)
    segments = tuple(segment.id for segment in rule_set.segments)
    rungs = tuple(rung_names(rule_set))
    aliases = {use.name: use.entry for platform, use in reading.group_aliases if platform == STORE}
    for field, use in reading.member_uses:
        if field == IN_SEGMENT and use.name not in segments:
            _no_segment(use, rule_set, reading)
        elif field == ON_RUNG and use.name not in rungs:
            otherwise = f"rungs are: {', '.join(rungs[:20])}" if rungs else "this rule set has no ladder"
            hint = did_you_mean(use.name, rungs, otherwise=otherwise)
            reading.report.add("unknown_rung", use.place, f"no rung is called {quoted(use.name)}", hint, id=use.entry)
        elif field == "customer.group" and use.name not in groups:
            otherwise = "that may be meant: it is compared with the group that the store has the customer in"
            hint = did_you_mean(use.name, groups, otherwise=otherwise)
            if (rules_name := aliases.get(use.name)) is not None:
                hint = f"write {rules_name}: rules have that name for it everywhere"
            message = f"{quoted(use.name)} is not under groups"
            reading.report.add("group_not_declared", use.place, message, hint, id=use.entry)


def _no_segment(use: Use, rule_set: RuleSet, reading: Reading) -> None:
    segments = tuple(segment.id for segment in rule_set.segments)
    known = {entry.id: entry for entry in entries_of(rule_set)}.get(use.name)
    if known is None and use.name in {other.name for other in reading.ids}:
        return  # it is there, and a finding says what is wrong with it
    kind = "no segment" if known is None else f"a {source_of(known).partition(':')[0]}, no segment"
    otherwise = f"segments are: {', '.join(segments[:20])}" if segments else "this rule set has no segment"
    if isinstance(known, Ladder):
        otherwise = f"write customer.on_rung: {use.name}/{next((r.group for r in known.rungs if r.group), 1)}"
    hint = otherwise if known is not None else did_you_mean(use.name, segments, otherwise=otherwise)
    reading.report.add("unknown_segment", use.place, f"{quoted(use.name)} is {kind}", hint, id=use.entry)


def _past_memberships(rule_set: RuleSet, reading: Reading) -> None:
    places = {use.name: use.place for use in reading.ids}
    for rule in rule_set.rules:
        read = {leaf.field for leaf in leaves(rule.if_)} & MEMBERSHIPS
        if rule.past == "apply" and read:
            reading.report.add(
                "past_membership",
                places[rule.id],
                f"{rule.id} also judges older orders, and nobody knows {min(read)} of that time",
                "write past: ignore, or test facts of the orders and of the account",
                id=rule.id,
            )


def _report_circle(circle: Circle, reading: Reading) -> None:
    places = {use.name: use.place for use in reading.ids}
    first = circle.entries[0]
    path = " -> ".join([*circle.entries, first])
    reading.report.add(
        "cycle",
        places[first],
        f"{path}: each reads what the one before it sets ({', '.join(circle.through)})"
        if len(circle.entries) > 1
        else f"{first} reads what it sets itself ({circle.through[0]})",
        "let one of them test something else: a fact of the orders or of the account, or another attribute's name",
        id=first,
    )
