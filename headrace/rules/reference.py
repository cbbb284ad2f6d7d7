"""The tables of `docs/rules.md`, made from the catalogue: `python -m headrace.rules.reference < docs/rules.md`.

The prose around them is written by hand.
"""

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from headrace.rules.catalogue import (
    ACTIONS,
    ELEMENT_FIELDS,
    FAMILY_DOCS,
    FIELDS,
    OPERATORS,
    OWN_EVENT,
    PREFIXES,
    SET_PREFIXES,
    TRIGGERS,
    Field,
    TriggerSpec,
    prefixed_field,
    set_field,
)
from headrace.rules.effects import EFFECTS, MODIFIERS, EffectSpec
from headrace.rules.findings import CATALOGUE

_BLOCK: Final = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str) -> str:
    """The page with every `<!-- table: NAME -->` block made anew. Raises KeyError for an unknown name."""
    return _BLOCK.sub(lambda match: f"{match[1]}{TABLES[match[2]]()}{match[3]}", page)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _field_row(field: Field, name: str | None = None) -> list[str]:
    tests = _code(field.operators) if field.operators else "`any`, `all`, `none`, `count`"
    return [f"`{name or field.name}`", field.family, field.doc, tests]


def _fields() -> str:
    rows = [_field_row(field) for field in FIELDS.values()]
    rows += [
        [f"`{prefix}<name>`", "set", doc, _code(set_field(prefix).operators)] for prefix, doc in SET_PREFIXES.items()
    ]
    rows += [_field_row(field, f"{prefix}<name>") for prefix in PREFIXES if (field := prefixed_field(prefix))]
    return _table(["field", "family", "what it is", "tests"], rows)


def _elements() -> str:
    lists = {scope: [f.name for f in FIELDS.values() if f.elements == scope] for scope in ELEMENT_FIELDS}
    rows = [
        [_code(lists[scope]), *_field_row(field)]
        for scope, fields in ELEMENT_FIELDS.items()
        for field in fields.values()
    ]
    return _table(["in", "field", "family", "what it is", "tests"], rows)


def _families() -> str:
    return _table(["family", "how it is compared"], FAMILY_DOCS.items())


def _operators() -> str:
    rows = [[f"`{o.name}`", o.doc, "no" if o.positive else "yes"] for o in OPERATORS.values()]
    return _table(["test", "holds when the value is / does", "holds on an unset value"], rows)


def _triggers() -> str:
    specs = {**TRIGGERS, "custom.<name>": OWN_EVENT}
    rows = [[f"`{name}`", spec.doc, _code(_readable(spec)) or "-"] for name, spec in specs.items()]
    return _table(["trigger", "when", "may also read"], rows)


def _readable(spec: TriggerSpec) -> list[str]:
    return [f"{name}.*" for name in ("order", "cart", "event") if getattr(spec, name)]


def _actions() -> str:
    return _table(
        ["action", "what it does", "written"], [[f"`{n}`", a.doc, f"`{a.example}`"] for n, a in ACTIONS.items()]
    )


def _effects() -> str:
    rows = [
        [f"`{kind}`", f"`{name}`", _required(name, spec), option.doc]
        for kind, spec in EFFECTS.items()
        for name, option in spec.options.items()
    ]
    return _table(["effect", "under it", "needed", "what it is"], rows)


def _required(name: str, spec: EffectSpec) -> str:
    if name in spec.one_of:
        return "one of " + _code(spec.one_of)
    return "yes" if spec.options[name].required else ""


def _modifiers() -> str:
    return _table(["beside an action", "what it says"], [[f"`{name}`", doc] for name, doc in MODIFIERS.items()])


def _findings() -> str:
    rows = [[f"`{code}`", m.severity, m.text, f"`{m.example}`"] for code, m in CATALOGUE.items()]
    return _table(["code", "severity", "meaning", "for example"], rows)


TABLES: Final[dict[str, Callable[[], str]]] = {
    "fields": _fields,
    "elements": _elements,
    "families": _families,
    "operators": _operators,
    "triggers": _triggers,
    "actions": _actions,
    "effects": _effects,
    "modifiers": _modifiers,
    "findings": _findings,
}

if __name__ == "__main__":
    sys.stdout.write(filled(sys.stdin.read()))
