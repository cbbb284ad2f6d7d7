"""What entries give: groups, attributes, tags; and the actions of rules."""

from typing import Final

from headrace.contracts.actions import Platform
from headrace.rules import later, scalars
from headrace.rules.catalogue import ACTIONS, LATER_PLATFORMS, PLATFORMS
from headrace.rules.findings import Refused, did_you_mean, quoted
from headrace.rules.model import (
    Action,
    AddAttribute,
    AddTag,
    AssignGroup,
    RemoveAttribute,
    RemoveTag,
    Tag,
)
from headrace.rules.names import attribute_name, attribute_value, tag_name
from headrace.rules.reading import Reading, each, mapping, one_or_more, single_pair
from headrace.rules.yaml_source import Items, Node, Scalar

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
