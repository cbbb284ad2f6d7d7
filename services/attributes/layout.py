"""Where the values of one customer belong in the store, and which stay here, and why. Pure.

A place is `attribute:<name>` (at most 255 characters) or `metafield:<key>` (at most 65,535). How a place is written is
`mirror`'s matter.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from headrace.consumer import Result
from headrace.consumer.kind import APPLIED
from services.attributes.definitions import Definitions, definition_of
from services.attributes.encoding import MAX_CHARACTERS, MAX_METAFIELD, encode_list, encode_values

Texts = dict[str, str]
"""Place -> text; a place without a text is left out."""
Reason = Literal[
    "mirror_none",  # the definition says so
    "value_not_allowed",  # the definition does not allow the value
    "kept_in_metafield",  # too long for the store attribute, whole in a metafield
    "attribute_limit",  # the store has no attribute for it: in a metafield, if that may be
    "too_long_for_the_store",  # stays here
]
ATTRIBUTE: Final = "attribute:"
METAFIELD: Final = "metafield:"
MAX_KEY: Final = 64
_HASH_CHARACTERS: Final = 8
_GRAVEST: Final[Sequence[Reason]] = (
    "too_long_for_the_store",
    "kept_in_metafield",
    "value_not_allowed",
    "attribute_limit",
)


@dataclass(frozen=True, slots=True)
class Room:
    """What the store offers. `together`: name of the store attribute for all without one of their own.

    `missing`: names for which the store has no attribute and makes none. `metafields` False: nothing goes to a
    metafield but what is defined to. `kept_here`: nothing is written to the store at all.
    """

    together: str
    missing: frozenset[str] = frozenset()
    metafields: bool = True
    kept_here: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one attribute: its `place` (None = only here), the reason if that is not what was asked for, and the values
    that are not mirrored because the definition does not allow them."""

    place: str | None
    reason: Reason | None = None
    not_allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """What the store shall hold of one customer, and how each attribute fares."""

    texts: Texts = field(default_factory=dict)
    standings: Mapping[str, Standing] = field(default_factory=dict)


def lay_out(present: Mapping[str, Sequence[str]], definitions: Definitions, room: Room) -> Layout:
    """Each value in one place, or kept here with a reason."""
    texts: Texts = {}
    standings: dict[str, Standing] = {}
    together: dict[str, list[str]] = {}
    for name, values in sorted(present.items()):
        definition = definition_of(definitions, name)
        not_allowed = definition.refused(values)
        mirrored = [value for value in values if value not in not_allowed]
        if definition.mirror == "together" or name.casefold() == room.together.casefold():
            together[name] = mirrored
            standings[name] = Standing(None, not_allowed=not_allowed)
        elif definition.mirror == "none":
            standings[name] = Standing(None, "mirror_none")
        else:
            text = encode_list(mirrored)
            wish = ATTRIBUTE if definition.mirror == "store_attribute" else METAFIELD
            place, reason = _place(name, text, room, wish=wish)
            standings[name] = Standing(place, reason, not_allowed)
            _put(texts, place, text)
    text = encode_values(together)
    place, reason = _place(room.together, text, room, wish=ATTRIBUTE)
    _put(texts, place, text)
    standings |= {name: Standing(place, reason, standings[name].not_allowed) for name in together}
    return Layout(texts, standings)


def told_of(layout: Layout) -> Result:
    """What the outcome says: `overflow` for what is too long, the gravest reason, every attribute it concerns."""
    found = sorted(_reasons(layout), key=lambda each: (_GRAVEST.index(each[1]), each[0]))
    if not found:
        return APPLIED
    reason = found[0][1]
    kept_here = any(
        each.place is None and each.reason not in (None, "mirror_none") for each in layout.standings.values()
    )
    result: Literal["overflow", "applied"] = "overflow" if kept_here or reason == "kept_in_metafield" else "applied"
    return Result(result, reason, "; ".join(f"{name}: {each}" for name, each in found))


def to_ledger(texts: Mapping[str, str], together: str) -> Any:
    """A plain text where there is nothing but the common store attribute, else place -> text."""
    plain = ATTRIBUTE + together
    return texts.get(plain, "") if texts.keys() <= {plain} else dict(texts)


def from_ledger(value: Any, together: str) -> Texts:
    """The reverse; {} for what is not known."""
    if isinstance(value, dict):
        return {place: text for place, text in value.items() if text}
    return {ATTRIBUTE + together: value} if value else {}


def metafield_key(name: str) -> str:
    """The key of an attribute's metafield: its name, cut and told apart by a hash beyond 64 characters."""
    if len(name) <= MAX_KEY:
        return name
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:_HASH_CHARACTERS]
    return f"{name[: MAX_KEY - _HASH_CHARACTERS - 1]}~{digest}"


def _place(name: str, text: str, room: Room, *, wish: str) -> tuple[str | None, Reason | None]:
    reason: Reason | None = None
    if wish == ATTRIBUTE:
        if name in room.missing:
            reason = "attribute_limit"
            if not room.metafields:
                return None, reason
        elif len(text) <= MAX_CHARACTERS:
            return ATTRIBUTE + name, None
        elif room.metafields:
            reason = "kept_in_metafield"
        else:
            return None, "too_long_for_the_store"
    if len(text) > MAX_METAFIELD:
        return None, "too_long_for_the_store"
    return METAFIELD + metafield_key(name), reason


def _put(texts: Texts, place: str | None, text: str) -> None:
    if place is not None and text:
        texts[place] = text


def _reasons(layout: Layout) -> Iterator[tuple[str, Reason]]:
    for name, standing in layout.standings.items():
        if standing.reason not in (None, "mirror_none"):
            yield name, standing.reason
        if standing.not_allowed:
            yield name, "value_not_allowed"
