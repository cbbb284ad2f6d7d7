"""Conditions: `all`, `any`, `not`, tests on lists, and which field may be read where.

One test on one field is read in `parse_leaf.py`.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal, cast

from headrace.rules.catalogue import (
    ATTRIBUTES,
    CHANNEL_SHARE,
    COUNT_OPERATORS,
    CROSSINGS,
    ELEMENT_FIELDS,
    EVENT,
    FIELDS,
    PLATFORMS,
    PREFIXES,
    QUANTIFIERS,
    TAGS,
    Field,
    Scope,
    prefixed_field,
    set_field,
)
from headrace.rules.findings import Refused, did_you_mean, quoted
from headrace.rules.geography import country_code
from headrace.rules.model import AllOf, AnyOf, Between, Condition, Each, Leaf, Not, form_key
from headrace.rules.names import attribute_name
from headrace.rules.parse_leaf import leaf
from headrace.rules.parse_reference import channel_named
from headrace.rules.reading import Reading, items, mapping, single_pair
from headrace.rules.yaml_source import Items, Mapping, Node, Pair, Scalar

_COMBINE: Final = ("all", "any", "not")
_NOT_OF_ELEMENTS: Final = {"customer.name": "customer.last_name", "order.total": "order.value"}
"""What whoever writes these means."""
_COUNT: Final = Field(name="count", family="number", scope="line", doc="", operators=COUNT_OPERATORS)


@dataclass(frozen=True, slots=True)
class Scoped:
    """Where a condition stands: may it read an order, or is it about the elements of a list."""

    order: bool
    where: str
    """For messages: "a segment", "a rule on customer.created"."""
    cart: bool = False
    event: bool = False
    happening: bool = False
    """Something happens to the customer, which differs before and after it."""
    elements: Scope | None = None
    list_name: str = ""
    country: str = ""


def condition(node: Node, scope: Scoped, reading: Reading) -> Condition:
    """A condition; raises `Refused`, or records findings inside its parts and returns what is left."""
    if isinstance(node, Items):
        raise Refused(
            "wrong_shape",
            node.place,
            "a condition is a mapping, this is a list",
            "write all: before the list (or any:)",
        )
    if not isinstance(node, Mapping):
        raise Refused(
            "wrong_shape", node.place, "a condition is `field: value`, this is a single value", _example(scope)
        )
    if len(node.pairs) != 1:
        raise _not_one(node, scope)
    pair = node.pairs[0]
    if pair.key.text in _COMBINE:
        return _combined(pair, scope, reading)
    test = _test(pair, scope, reading)
    reading.place_test(test, pair.key.place)
    return test


def _example(scope: Scoped) -> str:
    return "write brand: Apple" if scope.elements else "write customer.spend: {above: 500}"


def _not_one(node: Mapping, scope: Scoped) -> Refused:
    if not node.pairs:
        return Refused("empty_value", node.place, "an empty condition", _example(scope))
    parts = ", ".join(f"{{{pair.key.text}: ...}}" for pair in node.pairs[:4])
    return Refused(
        "several_conditions",
        node.pairs[1].key.place,
        f"{len(node.pairs)} conditions in one mapping",
        f"write all: [{parts}] if every one must hold, any: [...] if one is enough",
    )


def _combined(pair: Pair, scope: Scoped, reading: Reading) -> Condition:
    if pair.key.text == "not":
        return Not(of=condition(pair.value, scope, reading))
    nodes = items(pair.value, pair.key.text, f"{pair.key.text}: [{{...}}, {{...}}]")
    if pair.key.text == "all" and scope.elements == "address":
        scope = replace(scope, country=_country_beside(nodes) or scope.country)
    parts = tuple(
        part for part in (reading.report.tried(condition, item, scope, reading) for item in nodes) if part is not None
    )
    return AllOf(of=parts) if pair.key.text == "all" else AnyOf(of=parts)


def _country_beside(nodes: tuple[Node, ...]) -> str:
    """The country an `all` demands, by which its states are read."""
    for node in nodes:
        value = node.get("country") if isinstance(node, Mapping) else None
        if isinstance(value, Mapping):
            value = value.get("is")
        if isinstance(value, Scalar):
            return country_code(value.text) or ""
    return ""


def _test(pair: Pair, scope: Scoped, reading: Reading) -> Condition:
    field = _field(pair.key, scope, reading)
    if field.family == "list":
        return _each(pair, field, scope, reading)
    test = leaf(pair.key, pair.value, field, reading, country=scope.country)
    if not scope.happening and (field.happening or test.operator in CROSSINGS):
        raise _nothing_happens(pair, test, scope)
    return test


def _nothing_happens(pair: Pair, test: Leaf, scope: Scoped) -> Refused:
    word = test.operator if test.operator in CROSSINGS else test.field
    return Refused(
        "crosses_not_in_rule",
        pair.key.place,
        f"{word} compares before and after something that happens, and {scope.where} is not about that",
        "make it a rule with when: order.placed; or test where it stands, with above: or up_to:",
    )


def _field(key: Scalar, scope: Scoped, reading: Reading) -> Field:
    if scope.elements is not None:
        return _element_field(key, scope, scope.elements)
    name = key.text
    if name.startswith(ATTRIBUTES):
        return set_field(ATTRIBUTES + attribute_name(name.removeprefix(ATTRIBUTES), key.place))
    if name.startswith(TAGS):
        return _tags_field(key)
    field = FIELDS.get(name) or _prefixed(key, reading)
    if field is None:
        raise _unknown_field(key)
    if field.scope == "order" and not scope.order:
        raise Refused(
            "order_field_out_of_place",
            key.place,
            f"{name} is of one order, and {scope.where} is not about an order",
            _instead(name, scope),
        )
    if (field.scope == "cart" and not scope.cart) or (field.scope == "event" and not scope.event):
        a, example = ("a cart", "cart.abandoned") if field.scope == "cart" else ("an event", "custom.visit")
        raise Refused(
            "order_field_out_of_place",
            key.place,
            f"{name} is of {a}, and {scope.where} is not about one",
            f"make it a rule with when: {example}",
        )
    return field


def _prefixed(key: Scalar, reading: Reading) -> Field | None:
    """A field whose name the merchant completes: form fields and purposes folded, a channel by its name."""
    prefix = next((prefix for prefix in PREFIXES if key.text.startswith(prefix)), None)
    if prefix is None:
        return None
    name = key.text.removeprefix(prefix)
    if not name.strip() or not name.isprintable():
        example = f"{prefix}{PREFIXES[prefix].example}"
        raise Refused("unknown_field", key.place, f"{prefix.rstrip('.')} needs a name behind it", f"write {example}")
    if prefix == CHANNEL_SHARE:
        name = channel_named(key, name, reading)
    elif prefix != EVENT:
        name = form_key(name)
    return prefixed_field(prefix + name)


def _instead(name: str, scope: Scoped) -> str:
    cart = name.replace("order.", "cart.")
    if scope.cart and cart in FIELDS:
        return f"write {cart}"
    use = {"order.value": "customer.largest_order or customer.spend", "order.lines": "customer.purchased"}
    return f"test {use.get(name, 'customer.items')}, or make it a rule with when: order.placed"


def _tags_field(key: Scalar) -> Field:
    platform = key.text.removeprefix(TAGS)
    if platform in PLATFORMS:
        return set_field(key.text)
    hint = did_you_mean(platform, PLATFORMS, otherwise="write customer.tags.mailchimp")
    raise Refused("unknown_field", key.place, f"no e-mail platform is called {quoted(platform)}", hint)


def _unknown_field(key: Scalar) -> Refused:
    name = key.text
    elements = {element for fields in ELEMENT_FIELDS.values() for element in fields}
    prefix, _, element = name.rpartition(".")
    if element in elements and prefix in ("", "customer", "order") and name not in _NOT_OF_ELEMENTS:
        lists = [f.name for f in FIELDS.values() if f.elements and element in ELEMENT_FIELDS[f.elements]]
        lists = [each for each in lists if each.startswith(prefix)] or lists
        hint = f"write {lists[0]}: {{any: {{{element}: ...}}}}"
        return Refused(
            "unknown_field", key.place, f"{quoted(element)} is of the elements of {' and '.join(lists)}", hint
        )
    bare = next((prefix for prefix in PREFIXES if name + "." == prefix), None)
    if bare is not None:
        example = f"write {bare}{PREFIXES[bare].example}: ..."
        return Refused("unknown_field", key.place, f"{name} needs a name behind it", example)
    if name in ("customer.attributes", "customer.tags"):
        example = f"{name}.tier: VIP" if name.endswith("attributes") else f"{name}.mailchimp: VIP"
        return Refused("unknown_field", key.place, f"{name} needs the name behind it", f"write {example}")
    meant = _NOT_OF_ELEMENTS.get(name, name)
    hint = did_you_mean(meant, tuple(FIELDS), otherwise=f"fields are: {', '.join(FIELDS)}")
    return Refused("unknown_field", key.place, f"there is no field {quoted(name)}", hint)


def _element_field(key: Scalar, scope: Scoped, elements: Scope) -> Field:
    known = ELEMENT_FIELDS[elements]
    field = known.get(key.text)
    if field is not None:
        return field
    if key.text in FIELDS or key.text.startswith(("customer.", "order.")):
        tail = key.text.rpartition(".")[2]
        hint = f"write {tail}: ..." if tail in known else "test it outside, beside this list under all:"
        raise Refused("unknown_field", key.place, f"{key.text} is no field of one element of {scope.list_name}", hint)
    hint = did_you_mean(key.text, tuple(known), otherwise=f"its elements have: {', '.join(known)}")
    raise Refused("unknown_field", key.place, f"elements of {scope.list_name} have no {quoted(key.text)}", hint)


def _each(pair: Pair, field: Field, scope: Scoped, reading: Reading) -> Each:
    name = field.name
    example = f"{name}: {{any: {{...}}}}"
    if not isinstance(pair.value, Mapping) or not any(key.text in QUANTIFIERS for key, _ in pair.value.pairs):
        raise Refused(
            "element_test_missing",
            pair.value.place,
            f"{name} is a list: say how many of its elements must meet the test",
            f"write {example} (or all:, none:, count:)",
        )
    quantifier = single_pair(pair.value, name, example)
    inner = Scoped(order=False, where=scope.where, elements=field.elements, list_name=name)
    if quantifier.key.text == "count":
        return _count(quantifier, name, inner, reading)
    return Each(
        field=name,
        quantifier=cast("Literal['any', 'all', 'none']", quantifier.key.text),
        of=condition(quantifier.value, inner, reading),
    )


def _count(pair: Pair, name: str, inner: Scoped, reading: Reading) -> Each:
    example = f"{name}: {{count: {{of: {{...}}, from: 3}}}}"
    of = mapping(pair.value, "count").get("of")
    compared = tuple(entry for entry in mapping(pair.value, "count").pairs if entry.key.text != "of")
    if of is None or not compared:
        missing = "of: which elements to count" if of is None else "a comparison"
        raise Refused("missing_key", pair.value.place, f"count has no {missing}", f"write {example}")
    test = leaf(pair.key, Mapping(compared, pair.value.place), _COUNT, reading)
    assert test.operand is None or isinstance(test.operand, int | Between)
    return Each(
        field=name,
        quantifier="count",
        of=condition(of, inner, reading),
        operator=test.operator,
        operand=test.operand,
    )
