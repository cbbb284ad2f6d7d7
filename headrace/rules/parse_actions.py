"""What entries give: groups, attributes, tags; and the triggers and actions of rules."""

from typing import Final

from headrace.contracts.actions import Platform
from headrace.rules import later, scalars
from headrace.rules.catalogue import ACTIONS, LATER_PLATFORMS, PLATFORMS, TRIGGERS
from headrace.rules.findings import Place, Refused, did_you_mean, quoted
from headrace.rules.model import (
    Action,
    AddAttribute,
    AddTag,
    AssignGroup,
    RemoveAttribute,
    RemoveTag,
    Tag,
    Trigger,
)
from headrace.rules.names import attribute_name, attribute_value, tag_name
from headrace.rules.parse_store import status
from headrace.rules.reading import Reading, each, keys, mapping, one_or_more, single_pair
from headrace.rules.yaml_source import Items, Mapping, Node, Scalar

_TAG_EXAMPLE: Final = "[{mailchimp: New York}]"


def group_name(node: Node, reading: Reading) -> str:
    """A group that is claimed here."""
    name = scalars.text(node, "a group")
    reading.use_group(name, node.place)
    return name


def attributes(node: Node, reading: Reading) -> dict[str, tuple[str, ...]]:
    """`{tier: VIP}`, `{interests: [apple, pear]}`."""
    found: dict[str, tuple[str, ...]] = {}
    pairs = mapping(node, "attributes").pairs
    if not pairs:
        raise Refused("empty_value", node.place, "no attribute is named", "write {tier: VIP}")
    for key, value in pairs:
        name = attribute_name(key.text, key.place)
        values = one_or_more(value, f"the values of {quoted(name)}", reading.report, attribute_value)
        found[name] = tuple(dict.fromkeys(values))
    return found


def tags(node: Node, reading: Reading) -> tuple[Tag, ...]:
    """`[{mailchimp: New York}]`, or one such mapping; several names as a list."""
    nodes = node.items if isinstance(node, Items) else (node,)
    if not nodes:
        raise Refused("empty_value", node.place, "no tag is named", f"write {_TAG_EXAMPLE}")
    found: list[Tag] = []
    for item in nodes:
        found.extend(reading.report.tried(_tags_of_one, item, reading) or ())
    return tuple(dict.fromkeys(found))


def _tags_of_one(node: Node, reading: Reading) -> list[Tag]:
    if isinstance(node, Scalar):
        raise Refused(
            "wrong_shape", node.place, "a tag names its platform", f"write {{mailchimp: {node.text or 'VIP'}}}"
        )
    found: list[Tag] = []
    for key, value in mapping(node, "a tag").pairs:
        platform = _platform(key)
        names = one_or_more(value, f"the tags on {platform}", reading.report, tag_name)
        found.extend(Tag(platform=platform, name=name) for name in names)
    return found


def _platform(key: Scalar) -> Platform:
    if key.text in PLATFORMS:
        return key.text
    if key.text in LATER_PLATFORMS:
        raise Refused("not_yet", key.place, f"tags on {key.text} come with a later release", "write mailchimp: ...")
    hint = did_you_mean(key.text, PLATFORMS, otherwise=f"platforms are: {', '.join(PLATFORMS)}")
    raise Refused("unknown_key", key.place, f"no e-mail platform is called {quoted(key.text)}", hint)


def trigger(node: Node, reading: Reading) -> Trigger:
    """`order.placed`, or `{order.status_changed: {from: x, to: y}}`."""
    if isinstance(node, Mapping):
        key, options = single_pair(node, "when", "when: {order.status_changed: {from: x, to: y}}")
        return _narrowed(_trigger_name(key.text, key.place), options, reading)
    if isinstance(node, Items):
        raise Refused("wrong_shape", node.place, "a rule has one trigger, this is a list", "write one rule per trigger")
    return Trigger(name=_trigger_name(scalars.text(node, "when"), node.place))


def _trigger_name(name: str, place: Place) -> str:
    if name in TRIGGERS:
        return name
    if name in later.TRIGGERS or name.startswith(later.TRIGGER_PREFIX):
        raise Refused(
            "not_yet", place, f"the trigger {name} comes with a later release", f"write one of: {', '.join(TRIGGERS)}"
        )
    hint = did_you_mean(name, tuple(TRIGGERS), otherwise=f"triggers are: {', '.join(TRIGGERS)}")
    raise Refused("unknown_trigger", place, f"there is no trigger {quoted(name)}", hint)


def _narrowed(name: str, node: Node, reading: Reading) -> Trigger:
    allowed = TRIGGERS[name].options
    if not allowed:
        raise Refused("wrong_shape", node.place, f"{name} takes no options", f"write when: {name}; narrow it with if:")
    found = keys(node, name, reading.report, known=allowed)
    before = reading.report.tried(status, found["from"]) if "from" in found else None
    after = reading.report.tried(status, found["to"]) if "to" in found else None
    if before is not None and before == after:
        raise Refused("empty_range", found["to"].place, "a status does not change into itself", "write two statuses")
    return Trigger(name=name, from_=before, to=after)


def actions(node: Node, reading: Reading) -> tuple[Action, ...]:
    """The list under `then`."""
    return each(node, "then", "then: [{assign_group: Gold}]", reading.report, lambda item: action(item, reading))


def action(node: Node, reading: Reading) -> Action:
    """One action: a mapping of its name and what it gives."""
    if isinstance(node, Scalar):
        raise Refused(
            "wrong_shape", node.place, "an action is a mapping, this is a single value", "write {assign_group: Gold}"
        )
    pairs = mapping(node, "an action").pairs
    for key, _ in pairs:
        _refuse_later(key)
    key, value = single_pair(node, "an action", "one action per list item: [{assign_group: Gold}, {tag: ...}]")
    if key.text in ("assign_group", "group"):
        return AssignGroup(group=group_name(value, reading))
    if key.text in ("add_attribute", "remove_attribute"):
        values = attributes(value, reading)
        return AddAttribute(values=values) if key.text == "add_attribute" else RemoveAttribute(values=values)
    if key.text in ("tag", "untag"):
        named = tags(value, reading)
        return AddTag(tags=named) if key.text == "tag" else RemoveTag(tags=named)
    hint = did_you_mean(key.text, tuple(ACTIONS), otherwise=f"actions are: {', '.join(ACTIONS)}")
    raise Refused("unknown_action", key.place, f"there is no action {quoted(key.text)}", hint)


def _refuse_later(key: Scalar) -> None:
    if key.text in later.ACTIONS or key.text in later.ACTION_MODIFIERS:
        kind = "action" if key.text in later.ACTIONS else "action's option"
        raise Refused(
            "not_yet",
            key.place,
            f"the {kind} {quoted(key.text)} comes with a later release",
            f"remove it here; actions of this release: {', '.join(ACTIONS)}",
        )
