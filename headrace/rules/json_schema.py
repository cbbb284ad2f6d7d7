"""The JSON Schema of a rule file, for editors: made from the catalogue, written to `schemas/rule-file.schema.json`.

It knows shapes and names; the loader knows more (groups, ids, amounts) and decides.
"""

import json
import sys
from typing import Any, Final, get_args

from headrace.rules import action_schema, time_schema
from headrace.rules.catalogue import (
    COUNT_OPERATORS,
    CROSSINGS,
    ELEMENT_FIELDS,
    FIELDS,
    IN_SEGMENT,
    ON_RUNG,
    OPERATORS,
    OWN_EVENT,
    PINNED,
    PLATFORMS,
    PREFIXES,
    QUANTIFIERS,
    SET_PREFIXES,
    SINCE,
    STATUSES,
    SUBDOMAINS,
    TRIGGERS,
    VISITS,
    Family,
    Field,
    Scope,
    Takes,
    prefixed_field,
    set_field,
)
from headrace.rules.parse_entries import TURNS
from headrace.rules.parse_ladders import LADDER_FIELDS
from headrace.rules.parse_store import ABOUT, ALIAS_PLATFORMS, SPEND_CHOICES

Schema = dict[str, Any]
_ANY_SCALAR: Final[Schema] = {"type": ["string", "number", "boolean"]}
_AMOUNT: Final[Schema] = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": "^[A-Z0-9. ]+$"}]}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_VALUES: Final[Schema] = {"anyOf": [_ANY_SCALAR, {"type": "array", "items": _ANY_SCALAR, "minItems": 1}]}
_DURATION: Final = time_schema.DURATION


def rule_file_schema() -> Schema:
    """The whole schema (JSON Schema 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Headrace rule file",
        "description": "One store's rules: a file, or a folder of files that together are one rule set.",
        **_object(
            {
                "store": _store(),
                "spend": _spend(),
                "groups": {"type": "array", "items": {"$ref": "#/$defs/group"}},
                "group_order": {
                    "description": "Highest first; a list inside the list = equals.",
                    "type": "array",
                    "items": {"anyOf": [_ANY_SCALAR, {"type": "array", "items": _ANY_SCALAR, "minItems": 1}]},
                },
                "default_group": _text("The group of customers nobody claims; empty = none."),
                "channels": {
                    "description": "Names for the store's channel ids: {online: [1, 3], in_store: 2}.",
                    "type": "object",
                    "additionalProperties": {"anyOf": [_COUNT, {"type": "array", "items": _COUNT, "minItems": 1}]},
                },
                "aliases": {
                    "description": "Companies and other spellings of them: {Acme: [Acme Intl]}.",
                    "type": "object",
                    "additionalProperties": _VALUES,
                },
                "postcodes": _text("A CSV file beside this one: postcode,latitude,longitude and perhaps country."),
                "calendars": time_schema.calendars(),
                **action_schema.sending(),
                "unmanaged": {"const": "keep"},
                "drift": _enum(("report", "overwrite", "pin")),
                **{
                    f"{kind}s": {"type": "array", "items": {"$ref": f"#/$defs/{kind}"}}
                    for kind in ("ladder", "segment", "rule")
                },
            }
        ),
        "$defs": {
            "group": _group(),
            "ladder": _ladder(),
            "segment": _segment(),
            "rule": _rule(),
            "action": action_schema.action(),
            "turn": action_schema.turn(),
            "attributes": {"type": "object", "minProperties": 1, "additionalProperties": _VALUES},
            "tags": _tags(),
            "condition": _condition([*FIELDS.values()], "condition", sets=True),
            **{
                f"{scope}-condition": _condition([*fields.values()], f"{scope}-condition", sets=False)
                for scope, fields in ELEMENT_FIELDS.items()
            },
            **{_test_name(field): _test(field) for field in _every_field()},
        },
    }


def _every_field() -> list[Field]:
    sets = [set_field(prefix) for prefix in SET_PREFIXES]
    named = [field for prefix in PREFIXES if (field := prefixed_field(prefix)) is not None]
    return [*FIELDS.values(), *(f for fields in ELEMENT_FIELDS.values() for f in fields.values()), *sets, *named]


def _object(properties: Schema, *, required: tuple[str, ...] = ()) -> Schema:
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**found, "required": list(required)} if required else found


def _text(description: str) -> Schema:
    return {"description": description, **_ANY_SCALAR}


def _enum(words: tuple[str, ...]) -> Schema:
    return {"enum": list(words)}


def _about() -> Schema:
    docs = ("What it is for.", "Whom to ask.", "When to look at it again: 2027-01-31.")
    return {key: _text(doc) for key, doc in zip(ABOUT, docs, strict=True)}


def _store() -> Schema:
    return _object(
        {"timezone": _text("IANA name: Europe/London."), "currency": {"type": "string", "pattern": "^[A-Z]{3}$"}},
        required=("timezone", "currency"),
    )


def _spend() -> Schema:
    return _object(
        {
            "count_statuses": {"type": "array", "items": _enum(STATUSES), "minItems": 1},
            **{key: _enum(words) for key, words in SPEND_CHOICES.items()},
        }
    )


_DISCOUNT: Final[Schema] = _object(
    {"percent": _COUNT, "amount": _AMOUNT, "category": _ANY_SCALAR, "product": _ANY_SCALAR}
)


def _group() -> Schema:
    return _object(
        {
            "name": _text("As in the store, where that has no alias."),
            "alias": {
                "description": "What a platform calls it: customers are put into the store's group of that name.",
                **_object(dict.fromkeys(ALIAS_PLATFORMS, _ANY_SCALAR)),
            },
            "kind": _enum(("B2B", "B2C")),
            "erp_id": _text("Its id in the ERP."),
            "description": _text("For people."),
            "categories": {"description": "The categories its customers see: all, none, or names and ids.", **_VALUES},
            "discounts": {
                "description": "What its customers pay less, of the whole store, a category or a product; or none.",
                "anyOf": [_enum(("none",)), _DISCOUNT, {"type": "array", "items": _DISCOUNT, "minItems": 1}],
            },
            "price_list": _text("The price list its customers buy by; then it has no discounts."),
            **_about(),
        },
        required=("name",),
    )


def _gives() -> Schema:
    return {
        "group": _text("The group customers have while in."),
        "attributes": {"$ref": "#/$defs/attributes"},
        "tags": {"$ref": "#/$defs/tags"},
        "lists": {"$ref": "#/$defs/tags"},
        **{turn: {"type": "array", "items": {"$ref": "#/$defs/turn"}, "minItems": 1} for turn in TURNS},
    }


def _entry(own: Schema, *, required: tuple[str, ...]) -> Schema:
    identity = {"id": {"type": ["string", "integer"]}, "renamed_from": {"type": ["string", "integer"]}}
    return _object({**identity, **own, **_about()}, required=("id", *required))


def _ladder() -> Schema:
    rung = _object({**_gives(), "from": _AMOUNT, "above": _AMOUNT})
    return _entry(
        {
            "by": _by(),
            "rungs": {"type": "array", "items": rung, "minItems": 1},
            "demote": _enum(("direct", "one_step", "never")),
            "grace": _DURATION,
        },
        required=("by", "rungs"),
    )


def _by() -> Schema:
    windowed = {
        name: {**_object(time_schema.windows(filters=name != VISITS)), "minProperties": 1}
        for name in LADDER_FIELDS
        if FIELDS[name].windowed
    }
    return {"anyOf": [_enum(LADDER_FIELDS), {**_object(windowed), "minProperties": 1, "maxProperties": 1}]}


def _segment() -> Schema:
    return _entry({"who": {"$ref": "#/$defs/condition"}, **_gives()}, required=("who",))


def _rule() -> Schema:
    return _entry(
        {
            "when": _when(),
            "if": {"$ref": "#/$defs/condition"},
            "then": {"type": "array", "items": {"$ref": "#/$defs/action"}, "minItems": 1},
            "past": _enum(("ignore", "apply")),
        },
        required=("when", "then"),
    )


def _when() -> Schema:
    plain = {name: spec for name, spec in TRIGGERS.items() if not spec.needs}
    named = {"enum": list(plain), "description": "; ".join(f"{name}: {spec.doc}" for name, spec in plain.items())}
    own = {"type": "string", "pattern": r"^custom\..+$", "description": OWN_EVENT.doc}
    narrowed = {
        name: {"description": spec.doc, **_TAKEN[spec.takes]}
        for name, spec in TRIGGERS.items()
        if spec.takes != "nothing"
    }
    return {"anyOf": [named, own, {**_object(narrowed), "minProperties": 1, "maxProperties": 1}]}


def _tags() -> Schema:
    one = {**_object(dict.fromkeys(PLATFORMS, _VALUES)), "minProperties": 1}
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


def _condition(fields: list[Field], name: str, *, sets: bool) -> Schema:
    itself: Schema = {"$ref": f"#/$defs/{name}"}
    several: Schema = {"type": "array", "items": itself, "minItems": 1}
    properties: Schema = {"all": several, "any": several, "not": itself}
    properties |= {field.name: {"description": field.doc, **_test_of(field)} for field in fields}
    schema: Schema = {**_object(properties), "minProperties": 1, "maxProperties": 1}
    if sets:
        schema["patternProperties"] = {
            _pattern(prefix): {"description": doc, **_test_of(set_field(prefix))}
            for prefix, doc in SET_PREFIXES.items()
        }
        named = {prefix: field for prefix in PREFIXES if (field := prefixed_field(prefix)) is not None}
        schema["patternProperties"] |= {
            _pattern(prefix): {"description": field.doc, **_test_of(field)} for prefix, field in named.items()
        }
    return schema


def _pattern(prefix: str) -> str:
    return f"^{prefix.replace('.', chr(92) + '.')}.+"


def _test_name(field: Field) -> str:
    """Fields that are tested alike share a definition."""
    if field.elements is not None:
        return f"{field.elements}-list"
    if field.name == "customer.email_domain":
        return "domain-test"
    if field.family == "membership":
        own = {IN_SEGMENT: "member-test", ON_RUNG: "member-test", "customer.kind": "kind-test", PINNED: "pinned-test"}
        return own.get(field.name, "group-test")
    if field.windowed:
        return "visits-test" if field.name == VISITS else f"{field.family}-window-test"
    if CROSSINGS[0] in field.operators:
        return f"{field.family}-crossing-test"
    if field.family in ("number", "money") and "is_set" in field.operators:
        return f"{field.family}-or-unset-test"
    return "place-test" if field.family == "geography" and "starts_with" in field.operators else f"{field.family}-test"


def _test_of(field: Field) -> Schema:
    return {"$ref": f"#/$defs/{_test_name(field)}"}


def _test(field: Field) -> Schema:
    if field.elements is not None:
        return _list(field.elements)
    operand = _MEMBERSHIPS.get(field.name, _OPERANDS[field.family])
    operators: Schema = {name: _operand(name, operand) for name in field.operators}
    if field.name == "customer.email_domain":
        operators[SUBDOMAINS] = {"type": "boolean"}
    if field.name in (IN_SEGMENT, ON_RUNG):
        operators[SINCE] = _DURATION
    if field.windowed:
        operators |= time_schema.windows(filters=field.name != VISITS)
    tested: Schema = {**_object(operators), "minProperties": 1}
    if field.family in ("time", "radius"):
        return tested
    return {"anyOf": [_VALUES if field.family in ("set", "channels") else operand, tested]}


def _operand(operator: str, operand: Schema) -> Schema:
    spec = OPERATORS[operator]
    shapes: dict[str, Schema] = {
        "one": operand,
        "many": {"type": "array", "items": operand, "minItems": 1},
        "pattern": {"type": "string", "format": "regex"},
        "duration": _DURATION,
        "date": time_schema.DAY,
        "calendar": time_schema.CALENDAR_NAME,
        "yearly": time_schema.YEARLY_DAY,
        "nearby": operand,
        "true": {"type": "boolean"},
    }
    if operator.startswith("has_"):
        shapes["many"] = _VALUES
    return {"description": spec.doc, **shapes[spec.operand]}


def _list(elements: Scope) -> Schema:
    inner: Schema = {"$ref": f"#/$defs/{elements}-condition"}
    counted = _object({"of": inner, **dict.fromkeys(COUNT_OPERATORS, _COUNT)}, required=("of",))
    quantifiers = {name: counted if name == "count" else inner for name in QUANTIFIERS}
    return {**_object(quantifiers), "minProperties": 1, "maxProperties": 1}


_OPERANDS: Final[dict[Family, Schema]] = {
    "text": _ANY_SCALAR,
    "number": _COUNT,
    "money": _AMOUNT,
    "geography": _ANY_SCALAR,
    "set": _ANY_SCALAR,
    "channels": _ANY_SCALAR,
    "channel": _ANY_SCALAR,
    "status": _enum(STATUSES),
    "radius": _object({"km": _COUNT, "of": _ANY_SCALAR}, required=("km", "of")),
    "consent": {"type": "boolean"},
    "membership": _ANY_SCALAR,
    "time": _DURATION,
    "calendar": time_schema.CALENDAR_NAME,
}
_MEMBERSHIPS: Final[dict[str, Schema]] = {"customer.kind": _enum(("B2B", "B2C")), PINNED: {"type": "boolean"}}
_TAKEN: Final[dict[Takes, Schema]] = {
    "attribute": _ANY_SCALAR,
    "groups": _object(dict.fromkeys(("from", "to"), _ANY_SCALAR)),
    "statuses": _object(dict.fromkeys(("from", "to"), _enum(STATUSES))),
    "status": _enum(STATUSES),
    "cron": time_schema.CRON,
    "time": time_schema.reached(),
}
"""What may stand behind a trigger's name."""


def schema_text() -> str:
    """The file's text."""
    return json.dumps(rule_file_schema(), indent=2, ensure_ascii=False) + "\n"


assert set(_OPERANDS) | {"list"} == set(get_args(Family))

if __name__ == "__main__":
    sys.stdout.write(schema_text())
