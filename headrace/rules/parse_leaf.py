"""One test: `field: value` or `field: {operator: value}`, compiled to a `Leaf`.

How tests are combined, and lists, stand in `parse_conditions.py`.
"""

from collections.abc import Callable
from typing import Final

from headrace.rules import later, parse_values, scalars
from headrace.rules.catalogue import BETWEEN, OPERATORS, SUBDOMAINS, Field
from headrace.rules.findings import Refused, did_you_mean, quoted
from headrace.rules.model import Between, Duration, Leaf, Operand, fold
from headrace.rules.reading import Reading, each
from headrace.rules.yaml_source import Items, Mapping, Node, Pair, Scalar

_EXACT: Final = ("is", "is_not", "in", "not_in")
_ABOVE: Final = ("from", "above")
_BELOW: Final = ("below", "up_to")


def leaf(name: Scalar, node: Node, field: Field, reading: Reading, *, country: str = "") -> Leaf:
    """A test on `field`; `country` is that of the address tested beside it, "" if unknown."""
    if isinstance(node, Mapping):
        return _with_operator(node, field, reading, country)
    if field.family == "time":
        raise _no_moment(node, field)
    if isinstance(node, Items) and field.family != "set":
        listed = "{in: [...]}" if "in" in field.operators else "any: with one test per value"
        raise Refused(
            "wrong_shape", node.place, f"{field.name} is compared with one value, this is a list", f"write {listed}"
        )
    if field.family == "set":
        return Leaf(field=field.name, operator="has_any", operand=_folded_all(node, field, reading))
    if field.family == "consent":
        return Leaf(field=field.name, operator="is", operand=scalars.true_false(node, field.name))
    return Leaf(field=field.name, operator="is", operand=_one("is", node, field, reading, country))


def _no_moment(node: Node, field: Field) -> Refused:
    """Nobody can write the moment a fact happened at: it is tested by how long ago that is."""
    return Refused(
        "wrong_shape",
        node.place,
        f"{field.name} is tested by how long ago it is, not by one value",
        f"write {field.name}: {{older_than: 90 days}}, or within_last:",
    )


def _with_operator(node: Mapping, field: Field, reading: Reading, country: str) -> Leaf:
    pairs = [pair for pair in node.pairs if pair.key.text != SUBDOMAINS]
    for pair in pairs:
        _refuse_unknown(pair, field)
    options = _options(node, field, [pair.key.text for pair in pairs])
    if not pairs:
        raise Refused("empty_value", node.place, f"{field.name} has no test", f"write one of: {_offered(field)}")
    if {pair.key.text for pair in pairs} == {"from", "below"}:
        return Leaf(field=field.name, operator=BETWEEN, operand=between(pairs, field, reading))
    if len(pairs) > 1:
        raise _several(pairs, field)
    (operator, value) = pairs[0].key.text, pairs[0].value
    if operator in ("is_set", "is_unset"):
        return Leaf(field=field.name, operator=_presence(operator, value))
    operand = OPERAND_READERS.get(OPERATORS[operator].operand, _one)(operator, value, field, reading, country)
    return Leaf(field=field.name, operator=operator, operand=operand, options=options)


def _offered(field: Field) -> str:
    return ", ".join(field.operators)


def _refuse_unknown(pair: Pair, field: Field) -> None:
    name = pair.key.text
    if name in field.operators:
        return
    if name in later.OPERATORS:
        raise Refused(
            "not_yet",
            pair.key.place,
            f"{quoted(name)} on {field.name} comes with a later release",
            f"{field.name} can be tested by: {_offered(field)}",
        )
    if name == BETWEEN:
        raise Refused("unknown_operator", pair.key.place, "there is no 'between'", "write {from: 100, below: 200}")
    reason = "has no operator" if name not in OPERATORS else "cannot be tested by"
    hint = did_you_mean(name, field.operators, otherwise=f"write one of: {_offered(field)}")
    raise Refused("unknown_operator", pair.key.place, f"{field.name} {reason} {quoted(name)}", hint)


def _several(pairs: list[Pair], field: Field) -> Refused:
    written = [pair.key.text for pair in pairs]
    parts = ", ".join(f"{{{field.name}: {{{name}: ...}}}}" for name in written)
    hint = f"write all: [{parts}]"
    if field.family in ("money", "number") and len(written) == 2:
        hint = f"for a range write {{from: ..., below: ...}}; else {hint}"
    return Refused(
        "several_operators", pairs[1].key.place, f"{field.name} has {len(written)} operators in one test", hint
    )


def _options(node: Mapping, field: Field, operators: list[str]) -> dict[str, bool]:
    pair = next((pair for pair in node.pairs if pair.key.text == SUBDOMAINS), None)
    if pair is None:
        return {}
    if field.name != "customer.email_domain" or operators != ["in"]:
        raise Refused(
            "unknown_operator",
            pair.key.place,
            f"{SUBDOMAINS} belongs to `in` on customer.email_domain",
            "write customer.email_domain: {in: [acme.com], or_subdomains: true}",
        )
    return {SUBDOMAINS: True} if scalars.true_false(pair.value, SUBDOMAINS) else {}


def _presence(operator: str, node: Node) -> str:
    if scalars.true_false(node, operator):
        return operator
    return "is_unset" if operator == "is_set" else "is_set"


def between(pairs: list[Pair], field: Field, reading: Reading) -> Between:
    """`{from: low, below: high}` in either order."""
    bounds = {pair.key.text: parse_values.value(pair.value, field, reading, "") for pair in pairs}
    low, high = bounds["from"], bounds["below"]
    assert isinstance(low, int)
    assert isinstance(high, int)
    if low >= high:
        upper = next(pair.value for pair in pairs if pair.key.text == "below")
        raise Refused(
            "empty_range",
            upper.place,
            f"nothing is at least the lower and less than the upper bound of {field.name}",
            "write the smaller value at from: and the larger one at below:",
        )
    return Between(low=low, high=high)


def _one(operator: str, node: Node, field: Field, reading: Reading, country: str) -> Operand:
    if field.family == "consent":
        return scalars.true_false(node, field.name)
    if field.name == "customer.email_domain" and operator in _EXACT:
        return parse_values.domain(node, field)
    if isinstance(node, Items) and "in" in field.operators:
        other = "not_in" if operator == "is_not" else "in"
        raise Refused(
            "wrong_shape", node.place, f"{operator} takes one value, this is a list", f"write {{{other}: [...]}}"
        )
    return parse_values.value(node, field, reading, country)


def _many(operator: str, node: Node, field: Field, reading: Reading, country: str) -> Operand:
    if field.family == "set":
        return _folded_all(node, field, reading)
    values = each(
        node, f"{operator} of {field.name}", f"{operator}: [one, two]", reading.report,
        lambda item: _one("in", item, field, reading, country),
    )  # fmt: skip
    return tuple(dict.fromkeys(value for value in values if isinstance(value, int | str)))


def _pattern(operator: str, node: Node, field: Field, reading: Reading, country: str) -> Operand:
    return parse_values.pattern(node, field)


def _duration(operator: str, node: Node, field: Field, reading: Reading, country: str) -> Operand:
    count, unit = scalars.duration(node, f"{operator} of {field.name}")
    if count == 0:
        raise Refused("not_a_duration", node.place, f"{operator} of {field.name} is no time at all", f"write 1 {unit}")
    return Duration(count=count, unit="day" if unit == "day" else "hour")


OPERAND_READERS: Final[dict[str, Callable[[str, Node, Field, Reading, str], Operand]]] = {
    "one": _one,
    "many": _many,
    "pattern": _pattern,
    "duration": _duration,
}


def _folded_all(node: Node, field: Field, reading: Reading) -> tuple[str, ...]:
    if isinstance(node, Items):
        found = each(
            node, field.name, "[VIP, Gold]", reading.report, lambda item: parse_values.folded(item, field.name)
        )  # fmt: skip
        return tuple(dict.fromkeys(found))
    return (fold(scalars.text(node, field.name)),)
