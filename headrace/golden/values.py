"""Readers of the values of a case: moments, amounts, lists of texts; each raises `Refused` with what to write."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final

from headrace.golden.model import World
from headrace.rules import scalars
from headrace.rules.findings import Refused, quoted
from headrace.rules.reading import mapping
from headrace.rules.yaml_source import Items, Mapping, Node, Scalar

Reader = Callable[[Node, str, World], Any]
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_LOCAL: Final = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2})?")
_EXAMPLE: Final = "write 2026-01-05, 2026-01-05 14:30 (the store's time) or 2026-01-05T14:30:00Z"
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,14})")


def moment(node: Node, what: str, world: World) -> datetime:
    """A date is the first moment of that day in the store's zone; a time without an offset is the store's."""
    value = scalars.scalar(node, what)
    try:
        if _DAY.fullmatch(value.text) or _LOCAL.fullmatch(value.text):
            return datetime.fromisoformat(value.text).replace(tzinfo=world.zone).astimezone(UTC)
        found = datetime.fromisoformat(value.text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Refused("not_a_date", value.place, f"{what} is a moment, not {quoted(value.text)}", _EXAMPLE)
    return found.astimezone(UTC)


def a_day(node: Node, what: str, world: World) -> date:
    """A date, `1990-05-17`."""
    return date.fromisoformat(scalars.day(node, what))


def words(node: Node, what: str, world: World) -> str:
    """A text; quoted, it may be empty."""
    if isinstance(node, Scalar) and node.quoted and node.text == "":
        return ""
    return scalars.text(node, what)


def document(node: Node, what: str, world: World) -> str:
    """A text of several lines, maybe none."""
    return "" if isinstance(node, Scalar) and node.quoted and not node.text else scalars.scalar(node, what).text


def number(node: Node, what: str, world: World) -> int:
    """A whole number."""
    return scalars.whole_number(node, what)


def amount(node: Node, what: str, world: World) -> int:
    """Minor units of the store's currency."""
    return scalars.money(node, what, currency=world.currency)


def flag(node: Node, what: str, world: World) -> bool:
    """true or false."""
    return scalars.true_false(node, what)


def one_of(*allowed: str) -> Reader:
    """A reader of one of these words."""
    return lambda node, what, world: scalars.choice(node, what, allowed)


def texts(node: Node, what: str, world: World) -> tuple[str, ...]:
    """One text or a list of them, maybe empty."""
    if isinstance(node, Items):
        return tuple(words(item, f"an element of {what}", world) for item in node.items)
    return (words(node, what, world),)


def numbers(node: Node, what: str, world: World) -> tuple[int, ...]:
    """One whole number or a list of them."""
    items = node.items if isinstance(node, Items) else (node,)
    return tuple(scalars.whole_number(item, what) for item in items)


def by_name(read: Reader) -> Reader:
    """A reader of a mapping whose keys are free names."""

    def reader(node: Node, what: str, world: World) -> dict[str, Any]:
        return {key.text: read(value, f"{key.text} of {what}", world) for key, value in mapping(node, what).pairs}

    return reader


def plain(node: Node, what: str, world: World) -> Any:
    """Any value as JSON would have it: numbers and true / false where they are written without quotes."""
    if isinstance(node, Mapping):
        return {key.text: plain(value, what, world) for key, value in node.pairs}
    if isinstance(node, Items):
        return [plain(item, what, world) for item in node.items]
    if node.quoted:
        return node.text
    if _NUMBER.fullmatch(node.text):
        return int(node.text)
    return {"true": True, "false": False, "null": None, "~": None, "": None}.get(node.text, node.text)
