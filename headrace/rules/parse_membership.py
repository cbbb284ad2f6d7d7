"""Tests on memberships: groups, segments and rungs by name, for how long, and pins.

Whether a name is one of this rule set shows only when all of it is read: `check.py` asks.
"""

from typing import Final

from headrace.rules import scalars
from headrace.rules.catalogue import GROUP_FIELDS, IN_SEGMENT, ON_RUNG, OPERATORS, PINNED, SINCE, Field
from headrace.rules.findings import Refused, did_you_mean, quoted
from headrace.rules.model import Duration, Leaf
from headrace.rules.parse_time import span
from headrace.rules.reading import Reading, each
from headrace.rules.yaml_source import Items, Mapping, Node, Pair

KINDS: Final = ("B2B", "B2C")
_EXAMPLES: Final = {
    "customer.group": "Gold",
    "customer.kind": "B2B",
    "customer.erp_id": "W-1",
    IN_SEGMENT: "vip",
    ON_RUNG: "loyalty/Gold",
    PINNED: "true",
}


def membership(node: Node, field: Field, reading: Reading) -> Leaf:
    """`vip`, `{is: vip, since: 30 days}`, `{in: [vip, staff]}`, `{is_not: vip}`."""
    if not isinstance(node, Mapping):
        if isinstance(node, Items):
            hint = f"write {{in: [{_EXAMPLES[field.name]}, ...]}}" if "in" in field.operators else "write one value"
            raise Refused("wrong_shape", node.place, f"{field.name} is compared with one value, this is a list", hint)
        return Leaf(field=field.name, operator="is", operand=_one(node, field, reading))
    tests = [pair for pair in node.pairs if not (pair.key.text == SINCE and field.name in (IN_SEGMENT, ON_RUNG))]
    for pair in tests:
        if pair.key.text not in field.operators:
            raise _unknown(pair, field)
    if len(tests) != 1:
        raise _not_one(node, tests, field)
    operator, value = tests[0].key.text, tests[0].value
    if operator in ("is_set", "is_unset"):
        holds = scalars.true_false(value, operator)
        return Leaf(field=field.name, operator=operator if holds else {"is_set": "is_unset"}.get(operator, "is_set"))
    if OPERATORS[operator].operand == "many":
        names = each(
            value, f"{operator} of {field.name}", f"{operator}: [one, two]", reading.report,
            lambda item: _one(item, field, reading),
        )  # fmt: skip
        return Leaf(
            field=field.name,
            operator=operator,
            operand=tuple(dict.fromkeys(str(name) for name in names)),
            since=_since(node, field, reading),
        )
    return Leaf(
        field=field.name, operator=operator, operand=_one(value, field, reading), since=_since(node, field, reading)
    )


def _one(node: Node, field: Field, reading: Reading) -> str | bool:
    if field.name == PINNED:
        return scalars.true_false(node, field.name)
    if isinstance(node, Items):
        raise Refused("wrong_shape", node.place, f"{field.name} takes one value, this is a list", "write {in: [...]}")
    if field.name == "customer.kind":
        return scalars.choice(node, "kind", KINDS)
    name = scalars.text(node, field.name)
    if field.name in (IN_SEGMENT, ON_RUNG, "customer.group"):
        reading.use_member(field.name, name, node.place)
    return name


def _since(node: Mapping, field: Field, reading: Reading) -> Duration | None:
    value = node.get(SINCE)
    if value is None or field.name in GROUP_FIELDS or field.name == PINNED:
        return None
    return span(value, f"since of {field.name}")


def _unknown(pair: Pair, field: Field) -> Refused:
    name = pair.key.text
    if name == SINCE:
        return Refused(
            "unknown_operator",
            pair.key.place,
            f"{field.name} has no since: it is kept of segments and rungs",
            f"test {IN_SEGMENT} or {ON_RUNG}: {{is: ..., since: 30 days}}",
        )
    hint = did_you_mean(name, field.operators, otherwise=f"write one of: {', '.join(field.operators)}")
    reason = "has no operator" if name not in OPERATORS else "cannot be tested by"
    return Refused("unknown_operator", pair.key.place, f"{field.name} {reason} {quoted(name)}", hint)


def _not_one(node: Mapping, tests: list[Pair], field: Field) -> Refused:
    example = _EXAMPLES[field.name]
    if not node.pairs:
        return Refused("empty_value", node.place, f"{field.name} has no test", f"write {field.name}: {example}")
    if not tests:
        return Refused(
            "missing_key",
            node.place,
            f"since does not say of which {'segment' if field.name == IN_SEGMENT else 'rung'}",
            f"write {{is: {example}, since: 30 days}}",
        )
    parts = ", ".join(f"{{{field.name}: {{{pair.key.text}: ...}}}}" for pair in tests)
    return Refused(
        "several_operators",
        tests[1].key.place,
        f"{field.name} has {len(tests)} operators in one test",
        f"write all: [{parts}]",
    )
