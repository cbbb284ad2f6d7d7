"""Actions: one mapping each, of what is done and, beside it, when and how often; and the names they go by.

What is given stands in `parse_labels.py`, what an effect is told in `parse_effects.py`.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from msgspec.structs import replace

from headrace.contracts.effects import EFFECT_KINDS
from headrace.rules import scalars
from headrace.rules.catalogue import ACTIONS
from headrace.rules.effects import EFFECT_ONLY, EFFECTS, MODIFIERS
from headrace.rules.findings import Refused, did_you_mean, quoted
from headrace.rules.model import (
    Action,
    AddAttribute,
    AddTag,
    AssignGroup,
    Condition,
    Duration,
    RemoveAttribute,
    RemoveTag,
    Send,
)
from headrace.rules.names import effect_key
from headrace.rules.parse_conditions import Scoped, condition
from headrace.rules.parse_effects import effect
from headrace.rules.parse_labels import attributes, group_name, lists, tags
from headrace.rules.reading import Reading, Use, each, mapping, single_pair
from headrace.rules.yaml_source import Mapping, Node, Pair, Scalar

Where = Literal["rule", "turn"]
"""In a rule, or where a segment or rung is entered or left."""
ONCE: Final[dict[Where, tuple[str, ...]]] = {"rule": ("always", "customer"), "turn": ("entry", "customer", "always")}
"""How often an effect is done; the first is the default."""
_MANY: Final = "one action per list item: [{assign_group: Gold}, {tag: ...}]"
_EXAMPLES: Final[dict[Where, str]] = {"rule": "{assign_group: Gold}", "turn": "{send_email: {template: welcome}}"}


def actions(node: Node, reading: Reading) -> tuple[Action, ...]:
    """The list under `then`."""
    read = each(
        node, "then", "then: [{assign_group: Gold}]", reading.report, lambda item: action(item, reading, "rule")
    )
    return with_keys(read)


def turns(node: Node, reading: Reading) -> tuple[Action, ...]:
    """The list under `on_enter` or `on_exit`: effects; their keys are not given yet."""
    example = "[{send_email: {template: welcome}}]"
    return each(node, "on_enter or on_exit", example, reading.report, lambda item: action(item, reading, "turn"))


def with_keys(found: Sequence[Action], prefix: str = "") -> tuple[Action, ...]:
    """Each effect named within its entry: by its own `key`, else by its kind, `send_email-2` for a second one."""
    taken = {one.key for one in found if isinstance(one, Send)}
    counts: Counter[str] = Counter()
    named: list[Action] = []
    for one in found:
        if isinstance(one, Send) and not one.key:
            key = ""
            while not key or key in taken:
                counts[one.kind] += 1
                key = one.kind if counts[one.kind] == 1 else f"{one.kind}-{counts[one.kind]}"
            named.append(replace(one, key=prefix + key))
        else:
            named.append(one)
    return tuple(named)


def action(node: Node, reading: Reading, where: Where) -> Action:
    """One action: a mapping of its name and what it gives, and of what modifies it."""
    if isinstance(node, Scalar):
        raise Refused(
            "wrong_shape",
            node.place,
            "an action is a mapping, this is a single value",
            f"write {_EXAMPLES[where]}",
        )
    pairs = mapping(node, "an action").pairs
    beside = {pair.key.text: pair for pair in pairs if pair.key.text in MODIFIERS}
    rest = Mapping(tuple(pair for pair in pairs if pair.key.text not in MODIFIERS), node.place)
    _refuse_options(rest)
    key, value = single_pair(rest, "an action", _MANY)
    if key.text in EFFECT_KINDS:
        return _effect(key, value, beside, reading, where)
    read = _LABELS.get(key.text)
    if read is None:
        hint = did_you_mean(key.text, tuple(ACTIONS), otherwise=f"actions are: {', '.join(ACTIONS)}")
        raise Refused("unknown_action", key.place, f"there is no action {quoted(key.text)}", hint)
    if where == "turn":
        raise _out_of_place(key)
    for name in EFFECT_ONLY:
        if name in beside:
            raise Refused(
                "unknown_key",
                beside[name].key.place,
                f"{name} is of effects, and {key.text} is none: it is wanted once, however often it is asked for",
                f"remove {name}",
            )
    made: Action = replace(read(value, reading), **_when(beside, reading))
    return made


def _effect(key: Scalar, value: Node, beside: dict[str, Pair], reading: Reading, where: Where) -> Send:
    assert key.text in EFFECT_KINDS
    made = effect(key.text, value, reading)
    words = ONCE[where]
    once = scalars.choice(beside["once"].value, "once", words) if "once" in beside else words[0]
    name = ""
    if "key" in beside:
        name = effect_key(beside["key"].value)
        reading.effect_keys.append(Use(name, beside["key"].value.place, reading.report.entry))
    return replace(made, key=name, once=once, **_when(beside, reading))


def _when(beside: dict[str, Pair], reading: Reading) -> dict[str, Any]:
    if "after" not in beside:
        if "unless" in beside:
            raise Refused(
                "missing_key",
                beside["unless"].key.place,
                "unless is asked when a time has passed, and there is no after",
                "add after: 30 days, or write the condition under if: with not:",
            )
        return {}
    found: dict[str, Any] = {"after": _after(beside["after"].value)}
    if "unless" in beside:
        found["unless"] = _unless(beside["unless"].value, reading)
    return found


def _after(node: Node) -> Duration:
    count, unit = scalars.duration(node, "after")
    if count == 0:
        raise Refused("not_a_duration", node.place, "after is no time at all", "remove after, or write after: 1 day")
    return Duration(count=count, unit=unit)


def _unless(node: Node, reading: Reading) -> Condition:
    return condition(node, Scoped(order=False, where="unless, asked after a time,"), reading)


def _refuse_options(rest: Mapping) -> None:
    """`with` beside `send_email` instead of under it."""
    kinds = [pair.key.text for pair in rest.pairs if pair.key.text in EFFECTS]
    for pair in rest.pairs:
        for kind in kinds:
            if pair.key.text in EFFECTS[kind].options:
                raise Refused(
                    "unknown_key",
                    pair.key.place,
                    f"{pair.key.text} stands beside {kind}, and belongs under it",
                    f"write {EFFECTS[kind].example}",
                )


def _out_of_place(key: Scalar) -> Refused:
    under = _INSTEAD.get(key.text)
    instead = f"write {under} beside on_enter: it holds while the customer is in" if under else "make it a rule"
    return Refused(
        "action_out_of_place", key.place, f"{key.text} is no effect, and only effects stand under on_enter", instead
    )


_INSTEAD: Final = {
    "assign_group": "group: Gold",
    "group": "group: Gold",
    "add_attribute": "attributes: {tier: VIP}",
    "tag": "tags: {mailchimp: VIP}",
    "add_to_list": "lists: {klaviyo: VIP}",
}
_LABELS: Final[dict[str, Callable[[Node, Reading], Action]]] = {
    "assign_group": lambda node, reading: AssignGroup(group=group_name(node, reading)),
    "group": lambda node, reading: AssignGroup(group=group_name(node, reading)),
    "add_attribute": lambda node, reading: AddAttribute(values=attributes(node, reading)),
    "remove_attribute": lambda node, reading: RemoveAttribute(values=attributes(node, reading)),
    "tag": lambda node, reading: AddTag(tags=tags(node, reading)),
    "untag": lambda node, reading: RemoveTag(tags=tags(node, reading)),
    "add_to_list": lambda node, reading: AddTag(tags=lists(node, reading)),
    "remove_from_list": lambda node, reading: RemoveTag(tags=lists(node, reading)),
}
