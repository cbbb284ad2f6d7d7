"""What only the whole rule set shows: groups and their order, ids, renames, circles of entries.

Works on the uses recorded while reading, so every finding has its place.
"""

from headrace.rules.dependencies import Circle, find_circle
from headrace.rules.findings import did_you_mean, quoted
from headrace.rules.model import RuleSet, fold
from headrace.rules.reading import Reading, Use


def check(rule_set: RuleSet, reading: Reading) -> None:
    """Record what the entries together do wrong."""
    _ids(reading)
    _renames(reading)
    _groups_declared(reading)
    _groups_ordered(reading)
    _group_uses(reading)
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
