"""The JSON Schema of actions, and of when effects may go out. Put together in `json_schema.py`."""

from typing import Any, Final

from headrace.contracts.effects import EffectKind
from headrace.rules.catalogue import ACTIONS
from headrace.rules.effects import EFFECTS, MODIFIERS, SEQUENCE_PLATFORMS, USES, Option, OptionKind
from headrace.rules.parse_actions import ONCE
from headrace.rules.time_schema import DURATION

Schema = dict[str, Any]
_SCALAR: Final[Schema] = {"type": ["string", "number", "boolean"]}
_TEXTS: Final[Schema] = {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR, "minItems": 1}]}
_FREE: Final[Schema] = {"type": "object"}
_KEY: Final[Schema] = {"type": ["string", "integer"], "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"}
_OPTIONS: Final[dict[OptionKind, Schema]] = {
    "name": _SCALAR,
    "prose": _SCALAR,
    "url": {"type": "string", "pattern": "^https?://"},
    "addresses": _TEXTS,
    "percent": {"type": "integer", "minimum": 1, "maximum": 100},
    "money": {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": "^[A-Z0-9. ]+$"}]},
    "duration": DURATION,
    "platform": {"enum": list(SEQUENCE_PLATFORMS)},
    "customer": {"const": "customer"},
    "use": {"enum": list(USES)},
    "mapping": _FREE,
    "file": _SCALAR,
    "columns": _TEXTS,
}
_OPERANDS: Final[dict[str, Schema]] = {
    "group": _SCALAR,
    "attributes": {"$ref": "#/$defs/attributes"},
    "tags": {"$ref": "#/$defs/tags"},
    "own": {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": _FREE},
}


def action() -> Schema:
    """One action of a rule: exactly one of the names, and what may stand beside it."""
    return _one_of({name: {"description": spec.doc, **_operand(name)} for name, spec in ACTIONS.items()}, "rule")


def turn() -> Schema:
    """One effect of `on_enter` or `on_exit`."""
    effects = {name: spec for name, spec in ACTIONS.items() if spec.operand in ("effect", "own")}
    return _one_of({name: {"description": spec.doc, **_operand(name)} for name, spec in effects.items()}, "turn")


def sending() -> Schema:
    """The top-level keys about when effects may go out."""
    time_of_day = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
    return {
        "max_age": {"description": "An effect whose fact is older is not sent; 24 hours unless named.", **DURATION},
        "quiet_hours": {
            "description": "No marketing between these times of the customer's day: {from: 21:00, to: 08:00}.",
            **_object({"from": time_of_day, "to": time_of_day}, ("from", "to")),
        },
        "frequency_cap": {
            "description": "At most so many marketing effects a customer: {at_most: 3, per: 7 days}.",
            **_object({"at_most": {"type": "integer", "minimum": 1}, "per": DURATION}, ("at_most", "per")),
        },
    }


def _one_of(named: Schema, where: Any) -> Schema:
    beside: dict[str, Schema] = {
        "after": DURATION,
        "unless": {"$ref": "#/$defs/condition"},
        "once": {"enum": list(ONCE[where])},
        "key": _KEY,
    }
    assert set(beside) == set(MODIFIERS)
    modifiers = {name: {"description": MODIFIERS[name], **schema} for name, schema in beside.items()}
    return {**_object(named | modifiers), "oneOf": [{"required": [name]} for name in named]}


def _operand(name: str) -> Schema:
    spec = ACTIONS[name]
    return _effect(name) if spec.operand == "effect" else _OPERANDS[spec.operand]  # type: ignore[arg-type]  # a kind


def _effect(kind: EffectKind) -> Schema:
    spec = EFFECTS[kind]
    told = _object(
        {name: _option(option) for name, option in spec.options.items()},
        tuple(name for name, option in spec.options.items() if option.required),
    )
    if spec.one_of:
        told["oneOf"] = [{"required": [name]} for name in spec.one_of]
    return {"anyOf": [_option(spec.options[spec.short]), told]} if spec.short else told


def _option(option: Option) -> Schema:
    return {"description": option.doc, **_OPTIONS[option.kind]}


def _object(properties: Schema, required: tuple[str, ...] = ()) -> Schema:
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**found, "required": list(required)} if required else found
