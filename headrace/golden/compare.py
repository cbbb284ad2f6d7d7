"""What a case expects beside what was found; only what is named is compared."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from headrace.contracts.effects import Effect
from headrace.contracts.money import from_minor
from headrace.golden.model import WantedEffect, World
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.state import State

Found = dict[str, Any]
LISTS: Final = ".lists"
"""What the state puts behind the platform where it keeps lists beside tags."""
_MONEY: Final = ("spend", "refunds", "largest")


def found_of(state: State | None, rules: CompiledRules | None, effects: Iterable[Effect]) -> Found:
    """Memberships as plain values, and the effects released since they were looked at last."""
    state = State(key="") if state is None else state
    emitted, totals = state.emitted, state.totals
    group = emitted.group if emitted.group_known else None
    labels = {str(name): list(values) for name, values in emitted.tags.items()}
    return {
        "group": group if rules is None or rules.names is None else rules.names.to_rules(group),
        "attributes": {name: list(values) for name, values in emitted.attributes.items()},
        "tags": {name: values for name, values in labels.items() if not name.endswith(LISTS)},
        "lists": {name.removesuffix(LISTS): values for name, values in labels.items() if name.endswith(LISTS)},
        "segments": list(state.standing.segments),
        "rungs": {} if rules is None else {name: _rung(rules, name, n) for name, n in state.standing.rungs.items()},
        "effects": list(effects),
        "totals": {name: getattr(totals, name) for name in (*_MONEY, "orders", "items")},
        "deleted": state.deleted,
    }


def _rung(rules: CompiledRules, ladder: str, number: int) -> str:
    """A rung's group; where it has none, its number from 1."""
    return rules.ladders[ladder].gives[number].group or str(number + 1)


def differences(wanted: Mapping[str, Any], found: Found, world: World) -> tuple[Found, Found]:
    """The parts that differ: as expected, and as found. Both empty when all is as expected."""
    expected: Found = {}
    actual: Found = {}
    for name, value in wanted.items():
        compare = _COMPARE.get(name, _whole)
        if compare(value, found.get(name)):
            continue
        expected[name], actual[name] = _shown(name, value, world), _shown(name, found.get(name), world)
    for name, value in wanted.get("not", {}).items():
        if _HAS.get(name, _whole)(value, found[name]):
            expected.setdefault("not", {})[name] = _shown(name, value, world)
            actual[name] = _shown(name, found[name], world)
    return expected, actual


def _whole(wanted: Any, found: Any) -> bool:
    return bool(wanted == found)


def _unordered(wanted: Iterable[str], found: Iterable[str]) -> bool:
    return sorted(wanted) == sorted(found)


def _named(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Every name has exactly these values; an empty mapping: there is nothing at all."""
    if not wanted:
        return not any(found.values())
    return all(_same(value, found.get(name, ())) for name, value in wanted.items())


def _same(wanted: Any, found: Any) -> bool:
    return wanted == found if isinstance(wanted, str | int) else _unordered(wanted, found)


def _in_order(wanted: Iterable[str], found: Iterable[str]) -> bool:
    return list(wanted) == list(found)


def _effects(wanted: Iterable[WantedEffect], found: Iterable[Effect]) -> bool:
    """Each wanted one is another of those found, and none is left over."""
    left = list(found)
    # Those that say most are looked for first: one that says only its kind must not take theirs.
    for one in sorted(wanted, key=lambda effect: -len(str(effect.says))):
        match = next((effect for effect in left if _is(one, effect)), None)
        if match is None:
            return False
        left.remove(match)
    return not left


def _any_effect(wanted: Iterable[WantedEffect], found: Iterable[Effect]) -> bool:
    released = list(found)
    return any(_is(one, effect) for one in wanted for effect in released)


def _is(wanted: WantedEffect, found: Effect) -> bool:
    said = {"consumer": found.consumer, "key": found.key, "entry": found.entry} | found.with_
    return wanted.kind == found.kind and _within(wanted.says, said)


def _within(wanted: Any, said: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(said, Mapping) and all(_within(value, said.get(name)) for name, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(said, list | tuple) and len(wanted) == len(said) and all(map(_within, wanted, said))
    return str(wanted) == str(said)


def _has_named(wanted: Mapping[str, Iterable[str]], found: Mapping[str, Any]) -> bool:
    return any(_has(values, found.get(name, ())) for name, values in wanted.items())


def _has(wanted: Iterable[str] | str, found: Iterable[str] | str) -> bool:
    if isinstance(wanted, str) or isinstance(found, str):
        return wanted == found
    return not set(wanted).isdisjoint(found)


_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    **dict.fromkeys(("attributes", "tags", "lists", "rungs", "totals"), _named),
    "segments": _unordered,
    "effects": _effects,
    "actions": _in_order,
    "not": lambda _wanted, _found: True,
}
_HAS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    **dict.fromkeys(("attributes", "tags", "lists", "rungs"), _has_named),
    "segments": _has,
    "effects": _any_effect,
}


def _shown(name: str, value: Any, world: World) -> Any:
    if name == "totals":
        return {key: str(from_minor(n, world.currency)) if key in _MONEY else n for key, n in value.items()}
    if name == "effects":
        return [_effect_text(effect) for effect in value]
    if isinstance(value, Mapping):
        return {key: list(one) if isinstance(one, tuple) else one for key, one in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _effect_text(effect: WantedEffect | Effect) -> str:
    said = effect.says if isinstance(effect, WantedEffect) else effect.with_
    inside = ", ".join(f"{name}: {value}" for name, value in said.items())
    return f"{effect.kind} ({inside})" if inside else effect.kind
