"""The JSON Schema of a file of golden cases, for editors: written to `schemas/cases-file.schema.json`.

It knows the words and the shapes of values; the reader knows more (moments, amounts, orders) and decides.
"""

import json
import sys
from typing import Any, Final, get_args

from headrace.contracts.effects import EFFECT_KINDS
from headrace.contracts.events import CUSTOM_PREFIX, Origin
from headrace.golden import values, words
from headrace.golden.model import StepKind
from headrace.golden.values import Reader
from headrace.rules.catalogue import STATUSES

Schema = dict[str, Any]
_SCALAR: Final[Schema] = {"type": ["string", "number", "boolean"]}
_TEXTS: Final[Schema] = {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR}]}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_MOMENT: Final[Schema] = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}", "description": "2026-01-05 14:30"}
_STATUS: Final[Schema] = {"enum": list(STATUSES)}
_ORIGIN: Final[Schema] = {"enum": list(get_args(Origin)), "description": "how we learn of it; live unless said"}
_SHAPES: Final[dict[Reader, Schema]] = {
    values.words: _SCALAR,
    values.texts: _TEXTS,
    values.number: _COUNT,
    values.numbers: {"anyOf": [_COUNT, {"type": "array", "items": _COUNT}]},
    values.amount: {"type": ["number", "string"]},
    values.flag: {"type": "boolean"},
    values.moment: _MOMENT,
    values.a_day: _MOMENT,
}


def cases_file_schema() -> Schema:
    """The whole schema (JSON Schema 2020-12)."""
    expect = {"$ref": "#/$defs/expect"}
    case = _object(
        {
            "name": _said("What it shows, in a sentence.", _SCALAR),
            "history": {"type": "array", "items": {"$ref": "#/$defs/step"}},
            "expect": expect,
        },
        required=("name",),
    )
    rules = {
        "description": "The rules these cases are about, as seen from this file; else those of its folder.",
        **_TEXTS,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Headrace golden cases",
        "description": "Customers' histories and where they must then stand; `headrace test` plays them.",
        **_object({"rules": rules, "cases": {"type": "array", "items": case, "minItems": 1}}, required=("cases",)),
        "$defs": {"step": _step(), "expect": _expect()},
    }


def _object(properties: Schema, *, required: tuple[str, ...] = ()) -> Schema:
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**found, "required": list(required)} if required else found


def _said(doc: str, schema: Schema) -> Schema:
    return {"description": doc, **schema}


def _step() -> Schema:
    steps: Schema = {kind: _said(words.DOCS[kind], _of_kind(kind)) for kind in words.STEPS}
    return {**_object(steps), "minProperties": 1, "maxProperties": 1}


def _of_kind(kind: StepKind) -> Schema:
    beside: Schema = {"at": _MOMENT, "origin": _ORIGIN}
    match kind:
        case "clock":
            return _MOMENT
        case "rules":
            return {"type": "string"}
        case "expect":
            return {"$ref": "#/$defs/expect"}
        case "event":
            own = {f"^{CUSTOM_PREFIX.replace('.', chr(92) + '.')}.+": {"type": ["object", "null"]}}
            return {**_object(beside), "patternProperties": own}
    known = {key: _shape(key, read) for key, read in words.STEPS[kind].items()}
    shape = _object(known | beside, required=words.REQUIRED.get(kind, ()))
    return {"anyOf": [shape, {"type": "null"}]} if kind in words.BARE else shape


def _shape(key: str, read: Reader) -> Schema:
    """By its reader, or by its name where that is made for it."""
    lists: dict[str, Schema] = {
        "addresses": _list(dict.fromkeys(words.ADDRESS, _SCALAR)),
        "ship_to": _list(dict.fromkeys(words.ADDRESS, _SCALAR)),
        "lines": _list({name: _SHAPES[each] for name, each in words.LINE.items()}),
        "told": {"type": "array", "items": _STATUS, "minItems": 2, "maxItems": 2},
        "form": {"type": "object", "additionalProperties": _SCALAR},
        "consents": {"type": "object", "additionalProperties": {"type": "boolean"}},
        "status": _STATUS,
        "to": _STATUS,
    }
    return _SHAPES.get(read) or lists[key]


def _list(properties: Schema) -> Schema:
    return {"type": "array", "items": _object(properties)}


def _expect() -> Schema:
    by_name: Schema = {"type": "object", "additionalProperties": _TEXTS}
    effect: Schema = {
        "anyOf": [
            {"enum": list(EFFECT_KINDS)},
            {**_object(dict.fromkeys(EFFECT_KINDS, True)), "minProperties": 1, "maxProperties": 1},
        ]
    }
    shapes: Schema = {
        "group": {"type": ["string", "number", "null"]},
        **dict.fromkeys(("attributes", "tags", "lists", "rungs"), by_name),
        "segments": _TEXTS,
        "effects": {"anyOf": [effect, {"type": "array", "items": effect}]},
    }
    known = {name: _said(words.EXPECTATIONS[name], shape) for name, shape in shapes.items()}
    own: Schema = {
        "not": _said(words.EXPECTATIONS["not"], _object(known)),
        "deleted": {"type": "boolean"},
        "totals": _object({name: _shape(name, read) for name, read in words.TOTALS.items()}),
        "actions": _TEXTS,
        "at": _MOMENT,
    }
    return _object(known | own)


def schema_text() -> str:
    """The file's text."""
    return json.dumps(cases_file_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
