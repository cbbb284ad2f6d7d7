"""What the parsers share while one rule set is read: the report, the store's currency, and what was seen where.

Cross-checks that need every file read first (`check.py`) work on the uses recorded here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

from headrace.rules.findings import Place, Refused, Report, did_you_mean, quoted
from headrace.rules.model import Calendar, Condition
from headrace.rules.postcodes import Postcodes
from headrace.rules.yaml_source import Items, Mapping, Node, Pair

Kind = Literal["ladder", "segment", "rule"]
MAX_ITEMS: Final = 10_000
"""Elements of any one list."""
MAX_ENTRIES: Final = 2_000
"""Ladders, segments and rules together."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Use:
    """A name (a group, an entry's id) written at a place, inside the entry `entry`."""

    name: str
    place: Place
    entry: str | None = None


@dataclass(slots=True)
class Reading:
    """One rule set being read. `currency` is "" until the store's is known."""

    report: Report
    currency: str = ""
    ids: list[Use] = field(default_factory=list)
    renamed: list[Use] = field(default_factory=list)
    groups: list[Use] = field(default_factory=list)
    group_aliases: list[tuple[str, Use]] = field(default_factory=list)
    """The names that groups have elsewhere, each with the platform; `entry` is the group's own name."""
    group_uses: list[Use] = field(default_factory=list)
    group_order: list[Use] = field(default_factory=list)
    default_group: list[Use] = field(default_factory=list)
    """The one that is named, if any."""
    channels: dict[str, tuple[int, ...]] = field(default_factory=dict)
    postcodes: Postcodes | None = None
    """None until a file of them is named."""
    calendars: dict[str, Calendar] = field(default_factory=dict)
    member_uses: list[tuple[str, Use]] = field(default_factory=list)
    """Groups, segments and rungs that a test or trigger names, each with the field that reads it."""
    effect_keys: list[Use] = field(default_factory=list)
    own_effects: list[tuple[Use, dict[str, Any]]] = field(default_factory=list)
    """What rules ask of consumers of the merchant's own, each with the consumer's name where it stands."""
    tests: dict[int, tuple[Condition, Place]] = field(default_factory=dict)
    """Where each test stands, by its identity: two that say the same are two."""

    def use_group(self, name: str, place: Place) -> None:
        """Remember that an entry claims this group."""
        self.group_uses.append(Use(name, place, self.report.entry))

    def use_member(self, field: str, name: str, place: Place) -> None:
        """Remember that an entry asks for members of this group, segment or rung."""
        self.member_uses.append((field, Use(name, place, self.report.entry)))

    def place_test(self, test: Condition, place: Place) -> None:
        """Remember where a test stands."""
        self.tests[id(test)] = test, place


def keys(node: Node, what: str, report: Report, *, known: Sequence[str]) -> dict[str, Node]:
    """The values of a mapping by key; unknown keys are recorded and left out."""
    found: dict[str, Node] = {}
    for key, value in mapping(node, what).pairs:
        if key.text in known:
            found[key.text] = value
        else:
            hint = did_you_mean(key.text, tuple(known), otherwise=f"{what} has: {', '.join(known)}")
            report.add("unknown_key", key.place, f"{what} has no {quoted(key.text)}", hint)
    return found


def mapping(node: Node, what: str) -> Mapping:
    """Refuses what is not a mapping."""
    if isinstance(node, Mapping):
        return node
    shape = "a list" if isinstance(node, Items) else "a single value"
    raise Refused("wrong_shape", node.place, f"{what} is a mapping, this is {shape}", "write `key: value` pairs")


def items(node: Node, what: str, example: str) -> tuple[Node, ...]:
    """The elements of a list that is not empty."""
    if not isinstance(node, Items):
        shape = "a mapping" if isinstance(node, Mapping) else "a single value"
        raise Refused("wrong_shape", node.place, f"{what} is a list, this is {shape}", f"write {example}")
    if not node.items:
        raise Refused("empty_value", node.place, f"{what} is an empty list", f"write {example}, or remove the key")
    if len(node.items) > MAX_ITEMS:
        raise Refused(
            "too_many", node.place, f"{what} has {len(node.items):,} elements", f"a list has at most {MAX_ITEMS:,}"
        )
    return node.items


def each(node: Node, what: str, example: str, report: Report, read: Callable[[Node], T]) -> tuple[T, ...]:
    """Every element of a list read; those refused are recorded and left out."""
    read_items = (report.tried(read, item) for item in items(node, what, example))
    return tuple(item for item in read_items if item is not None)


def one_or_more(node: Node, what: str, report: Report, read: Callable[[Node], T]) -> tuple[T, ...]:
    """A single value, or a list of them."""
    if isinstance(node, Items):
        return each(node, what, "at least one value", report, read)
    return (read(node),)


def single_pair(node: Node, what: str, example: str) -> Pair:
    """The only pair of a mapping that must have exactly one."""
    pairs = mapping(node, what).pairs
    if len(pairs) == 1:
        return pairs[0]
    place = pairs[1].key.place if pairs else node.place
    raise Refused("wrong_shape", place, f"{what} has exactly one key, this has {len(pairs)}", f"write {example}")
