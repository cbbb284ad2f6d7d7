"""What entries give: groups, attributes, tags and places on lists of the e-mail platforms."""

from typing import Final

from headrace.contracts.actions import Platform
from headrace.rules import scalars
from headrace.rules.catalogue import PLATFORMS
from headrace.rules.findings import Refused, did_you_mean, quoted
from headrace.rules.model import Tag
from headrace.rules.names import attribute_name, attribute_value, list_name, tag_name
from headrace.rules.reading import Reading, mapping, one_or_more
from headrace.rules.yaml_source import Items, Node, Scalar

_TAG_EXAMPLE: Final = "[{mailchimp: New York}]"
_LIST_EXAMPLE: Final = "{klaviyo: Newsletter}"


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
    return _named(node, reading, lists=False)


def lists(node: Node, reading: Reading) -> tuple[Tag, ...]:
    """`{klaviyo: Newsletter}`, or a list of such mappings; several names as a list."""
    return _named(node, reading, lists=True)


def _named(node: Node, reading: Reading, *, lists: bool) -> tuple[Tag, ...]:
    nodes = node.items if isinstance(node, Items) else (node,)
    if not nodes:
        what, example = ("list", _LIST_EXAMPLE) if lists else ("tag", _TAG_EXAMPLE)
        raise Refused("empty_value", node.place, f"no {what} is named", f"write {example}")
    found: list[Tag] = []
    for item in nodes:
        found.extend(reading.report.tried(_of_one, item, reading, lists=lists) or ())
    return tuple(dict.fromkeys(found))


def _of_one(node: Node, reading: Reading, *, lists: bool) -> list[Tag]:
    what = "list" if lists else "tag"
    if isinstance(node, Scalar):
        first = "klaviyo" if lists else "mailchimp"
        raise Refused(
            "wrong_shape", node.place, f"a {what} names its platform", f"write {{{first}: {node.text or 'VIP'}}}"
        )
    found: list[Tag] = []
    for key, value in mapping(node, f"a {what}").pairs:
        platform = _platform(key)
        names = one_or_more(value, f"the {what}s on {platform}", reading.report, list_name if lists else tag_name)
        found.extend(Tag(platform=platform, name=name, list=lists) for name in names)
    return found


def _platform(key: Scalar) -> Platform:
    if key.text in PLATFORMS:
        return key.text
    hint = did_you_mean(key.text, PLATFORMS, otherwise=f"platforms are: {', '.join(PLATFORMS)}")
    raise Refused("unknown_key", key.place, f"no e-mail platform is called {quoted(key.text)}", hint)
