"""One test: `field: value` or `field: {operator: value}`, compiled to a `Leaf`.

How tests are combined, and lists, stand in `parse_conditions.py`.
"""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from headrace.rules import parse_reference, parse_time, parse_values, parse_windows, scalars
from headrace.rules.catalogue import BETWEEN, OPERATORS, SUBDOMAINS, Field
from headrace.rules.findings import Refused, did_you_mean, quoted
from headrace.rules.model import Between, Leaf, Operand, fold
from headrace.rules.parse_membership import membership
from headrace.rules.parse_store import status
from headrace.rules.reading import Reading, each, one_or_more
from headrace.rules.yaml_source import Items, Mapping, Node, Pair, Scalar

_RADIUS: Final = "{within: {km: 50, of: 10001}}"
_EXACT: Final = ("is", "is_not", "in", "not_in")
_ABOVE: Final = ("from", "above")
_BELOW: Final = ("below", "up_to")


def leaf(name: Scalar, node: Node, field: Field, reading: Reading, *, country: str = "") -> Leaf:
    """A test on `field`; `country` is that of the address tested beside it, "" if unknown."""
    if field.family == "membership":
        return membership(node, field, reading)
    if isinstance(node, Mapping):
        return _with_operator(node, field, reading, country)
    if field.family == "time":
        raise parse_time.no_moment(node, field)
    if field.family == "calendar":
        return Leaf(field=field.name, operator="during", operand=parse_time.calendar_name(node, reading))
    if field.family == "radius":
        raise Refused("wrong_shape", node.place, "a radius says how far and from where", f"write radius: {_RADIUS}")
    if isinstance(node, Items) and field.family not in ("set", "channels"):
        listed = "{in: [...]}" if "in" in field.operators else "any: with one test per value"
        raise Refused(
            "wrong_shape", node.place, f"{field.name} is compared with one value, this is a list", f"write {listed}"
        )
    if field.family == "set":
        return Leaf(field=field.name, operator="has_any", operand=_folded_all(node, field, reading))
    if field.family == "channels":
        return Leaf(field=field.name, operator="has_any", operand=_channels(node, field, reading))
    if field.family == "consent":
        return Leaf(field=field.name, operator="is", operand=scalars.true_false(node, field.name))
    return Leaf(field=field.name, operator="is", operand=_one("is", node, field, reading, country))


def _with_operator(node: Mapping, field: Field, reading: Reading, country: str) -> Leaf:
    taken = [pair for pair in node.pairs if field.windowed and pair.key.text in parse_windows.KEYS]
    pairs = [pair for pair in node.pairs if pair.key.text != SUBDOMAINS and pair not in taken]
    for pair in pairs:
        _refuse_unknown(pair, field)
    options = _options(node, field, [pair.key.text for pair in pairs])
    if not pairs:
        raise Refused("empty_value", node.place, f"{field.name} has no test", f"write one of: {_offered(field)}")
    if {pair.key.text for pair in pairs} == {"from", "below"}:
        test = Leaf(field=field.name, operator=BETWEEN, operand=between(pairs, field, reading))
        return _taken(test, taken, field, reading)
    if len(pairs) > 1:
        raise _several(pairs, field)
    (operator, value) = pairs[0].key.text, pairs[0].value
    if operator in ("is_set", "is_unset"):
        return Leaf(field=field.name, operator=_presence(operator, value))
    operand = OPERAND_READERS.get(OPERATORS[operator].operand, _one)(operator, value, field, reading, country)
    return _taken(Leaf(field=field.name, operator=operator, operand=operand, options=options), taken, field, reading)


def _taken(test: Leaf, pairs: list[Pair], field: Field, reading: Reading) -> Leaf:
    """With the window and filters of an aggregate."""
    if not pairs:
        return test
    window, only = parse_windows.window_of(pairs, field, reading)
    return replace(test, window=window, only=only)


def _offered(field: Field) -> str:
    return ", ".join(field.operators)


def _refuse_unknown(pair: Pair, field: Field) -> None:
    name = pair.key.text
    if name in field.operators:
        return
    if name in parse_windows.KEYS or name in parse_windows.PERIODS:
        raise parse_windows.not_windowed(pair, field)
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
    if field.family == "channel":
        return parse_reference.channel(node, reading)
    if field.family == "status":
        return status(node)
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
    if field.family == "channels":
        return _channels(node, field, reading)
    values = each(
        node, f"{operator} of {field.name}", f"{operator}: [one, two]", reading.report,
        lambda item: _one("in", item, field, reading, country),
    )  # fmt: skip
    return tuple(dict.fromkeys(value for value in values if isinstance(value, int | str)))


def _pattern(operator: str, node: Node, field: Field, reading: Reading, country: str) -> Operand:
    return parse_values.pattern(node, field)


def _duration(operator: str, node: Node, field: Field, reading: Reading, country: str) -> Operand:
    return parse_time.span(node, f"{operator} of {field.name}")


def _date(operator: str, node: Node, field: Field, reading: Reading, country: str) -> Operand:
    return parse_time.day(node, f"{operator} of {field.name}")


def _calendar(operator: str, node: Node, field: Field, reading: Reading, country: str) -> Operand:
    return parse_time.calendar_name(node, reading)


def _yearly(operator: str, node: Node, field: Field, reading: Reading, country: str) -> Operand:
    return parse_time.yearly_day(node, f"{operator} of {field.name}")


def _nearby(operator: str, node: Node, field: Field, reading: Reading, country: str) -> Operand:
    return parse_reference.nearby(node, field, reading, country)


OPERAND_READERS: Final[dict[str, Callable[[str, Node, Field, Reading, str], Operand]]] = {
    "one": _one,
    "many": _many,
    "pattern": _pattern,
    "duration": _duration,
    "date": _date,
    "calendar": _calendar,
    "yearly": _yearly,
    "nearby": _nearby,
}


def _folded_all(node: Node, field: Field, reading: Reading) -> tuple[str, ...]:
    if isinstance(node, Items):
        found = each(
            node, field.name, "[VIP, Gold]", reading.report, lambda item: parse_values.folded(item, field.name)
        )  # fmt: skip
        return tuple(dict.fromkeys(found))
    return (fold(scalars.text(node, field.name)),)


def _channels(node: Node, field: Field, reading: Reading) -> tuple[str, ...]:
    found = one_or_more(node, field.name, reading.report, lambda one: parse_reference.channel(one, reading))
    return tuple(dict.fromkeys(found))
