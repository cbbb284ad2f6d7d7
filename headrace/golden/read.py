"""Cases from YAML nodes: every error has its place and a mend, as in rule files."""

from typing import Any, Final, get_args

from headrace.contracts.events import CUSTOM_PREFIX, Origin
from headrace.golden import values
from headrace.golden.model import Case, Step, StepKind, World
from headrace.golden.words import BARE, REQUIRED, STEPS, fields_of
from headrace.rules.findings import Refused, Report, did_you_mean, quoted
from headrace.rules.reading import items, mapping, single_pair
from headrace.rules.yaml_source import Items, Mapping, Node, Scalar

CASE_KEYS: Final = ("name", "history", "expect")
_ORIGINS: Final = get_args(Origin)
_EXAMPLE: Final = "- {name: ..., history: [...], expect: {...}}"


def read_cases(node: Node, world: World, report: Report) -> tuple[Case, ...]:
    """All cases of a list; those that are refused are left out, with a finding."""
    found: list[Case] = []
    seen: dict[str, Case] = {}
    for item in report.tried(items, node, "cases", _EXAMPLE) or ():
        case = report.tried(_case, item, world, report)
        if case is None:
            continue
        if case.name in seen:
            where = f"line {seen[case.name].place.line}"
            report.add("duplicate_id", case.place, f"the case {quoted(case.name)} is already in {where}", "rename one")
        seen[case.name] = case
        found.append(case)
    return tuple(found)


def _case(node: Node, world: World, report: Report) -> Case | None:
    for key, _ in mapping(node, "a case").pairs:
        if key.text not in CASE_KEYS:
            raise Refused(
                "unknown_key", key.place, f"a case has no {key.text!r}", f"a case has: {', '.join(CASE_KEYS)}"
            )
    assert isinstance(node, Mapping)
    name, history, expect = (node.get(key) for key in CASE_KEYS)
    if name is None:
        raise Refused("missing_key", node.place, "this case has no name", "add name: what it shows, in a sentence")
    named = values.words(name, "name", world)
    steps = [report.tried(_step, step, world) for step in _history(history)]
    if expect is not None:
        steps.append(report.tried(_expect, expect, world))
    read = tuple(step for step in steps if step is not None)
    if len(read) < len(steps):
        return None
    if not any(step.kind == "expect" for step in read):
        raise Refused(
            "missing_key", node.place, f"the case {quoted(named)} expects nothing", "add expect: {group: Gold}"
        )
    return Case(named, node.place, read)


def _history(node: Node | None) -> tuple[Node, ...]:
    if node is None or (isinstance(node, Items) and not node.items):
        return ()
    return items(node, "history", "[{customer: {...}}, {order: {...}}]")


def _step(node: Node, world: World) -> Step:
    key, value = single_pair(node, "a step", "{order: {id: 1, value: 100.00}}: one step per list item")
    if key.text not in STEPS:
        hint = did_you_mean(key.text, tuple(STEPS), otherwise=f"steps are: {', '.join(STEPS)}")
        raise Refused("unknown_key", key.place, f"there is no step {quoted(key.text)}", hint)
    return _read_step(_kind(key.text), value, node, world)


def _kind(word: str) -> StepKind:
    return next(kind for kind in STEPS if kind == word)


def _expect(node: Node, world: World) -> Step:
    return _read_step("expect", node, node, world)


def _read_step(kind: StepKind, value: Node, whole: Node, world: World) -> Step:
    place = whole.place
    if kind == "clock":
        return Step("clock", {}, place, at=values.moment(value, "clock", world))
    if kind == "rules":
        return Step("rules", {"text": values.document(value, "rules", world), "line": value.place.line}, place)
    if isinstance(value, Scalar) and not value.text and kind in BARE:
        return Step(kind, {}, place)
    node, beside = _split(value, kind, world)
    fields = _event(node, world) if kind == "event" else fields_of(node, kind, world, STEPS[kind])
    for key in REQUIRED.get(kind, ()):
        if key not in fields:
            raise Refused("missing_key", place, f"this {kind} has no {key}", f"add {key}:")
    if kind == "cart" and len(fields.keys() & {"abandoned", "converted"}) != 1:
        raise Refused("missing_key", place, "a cart is abandoned or converted", "write {cart: {abandoned: 55.00}}")
    return Step(kind, fields, place, **beside)


def _split(node: Node, kind: StepKind, world: World) -> tuple[Mapping, dict[str, Any]]:
    """What is the step's own, and `at` and `origin`, which every step may have."""
    beside: dict[str, Any] = {}
    own = []
    if isinstance(node, Scalar) and STEPS[kind] and kind != "expect":
        key = next(iter(REQUIRED.get(kind, STEPS[kind])))
        hint = f"write {{{kind}: {{{key}: {node.text or '...'}}}}}"
        raise Refused("wrong_shape", node.place, f"the step {kind} is a mapping, this is a single value", hint)
    for pair in mapping(node, f"the step {kind}").pairs:
        if pair.key.text == "at":
            beside["at"] = values.moment(pair.value, "at", world)
        elif pair.key.text == "origin" and kind != "expect":
            beside["origin"] = values.one_of(*_ORIGINS)(pair.value, "origin", world)
        else:
            own.append(pair)
    return Mapping(tuple(own), node.place), beside


def _event(node: Mapping, world: World) -> dict[str, Any]:
    key, value = single_pair(node, "an event", "{event: {custom.visit: {page: home}}}")
    if not key.text.startswith(CUSTOM_PREFIX) or key.text == CUSTOM_PREFIX:
        raise Refused(
            "unknown_key",
            key.place,
            f"{quoted(key.text)} is no event of your own",
            f"write {CUSTOM_PREFIX}{key.text or 'visit'}",
        )
    payload = values.plain(value, key.text, world)
    return {"type": key.text, "payload": payload if isinstance(payload, dict) else {}}
