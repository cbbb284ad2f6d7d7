"""Many values in one text of the store: `;country=France;interests=apple;` together, `;apple;pear;` of one attribute.

Sorted, so that neither order nor repeats of the values matter; every value stands between two semicolons, so a theme or
a segment may look for `;apple;`. What is read back is what was written. Pure; who writes it where is `layout`'s matter.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

MAX_CHARACTERS: Final = 255
"""BigCommerce's limit for the value of a customer attribute."""
MAX_METAFIELD: Final = 65_535
"""BigCommerce's limit for the value of a metafield."""
_WRITTEN: Final = {";": "%3B", "=": "%3D", "%": "%25"}
_READ: Final = {code: character for character, code in _WRITTEN.items()}
_CODE: Final = re.compile("|".join(_READ))
_SPECIAL: Final = re.compile(";|%(?=3B|3D|25)")
"""A per cent sign is only written otherwise where it would be read as a code: "50%" stays as it is."""


def encode_values(values: Mapping[str, Iterable[str]]) -> str:
    """All attributes of a customer in one text, "" for none."""
    tokens = {f"{_name(name)}={_escape(value)}" for name, several in values.items() for value in several}
    return _joined(tokens)


def decode_values(text: str) -> dict[str, tuple[str, ...]]:
    """Name -> values, sorted. Of what `encode_values` wrote; a token without `=` is a name with the value ""."""
    found: dict[str, set[str]] = {}
    for token in _tokens(text):
        name, _, value = token.partition("=")
        found.setdefault(_unescape(name), set()).add(_unescape(value))
    return {name: tuple(sorted(values)) for name, values in sorted(found.items())}


def encode_list(values: Iterable[str]) -> str:
    """The values of one attribute, "" for none."""
    return _joined({_escape(value) for value in values})


def decode_list(text: str) -> tuple[str, ...]:
    """The values, sorted."""
    return tuple(sorted({_unescape(token) for token in _tokens(text)}))


def fits(text: str) -> bool:
    """False when a store attribute cannot hold it."""
    return len(text) <= MAX_CHARACTERS


def _joined(tokens: Iterable[str]) -> str:
    ordered = sorted(tokens)
    return f";{';'.join(ordered)};" if ordered else ""


def _tokens(text: str) -> list[str]:
    return text[1:-1].split(";") if len(text) > 1 else []


def _name(name: str) -> str:
    return _escape(name).replace("=", "%3D")


def _escape(text: str) -> str:
    return _SPECIAL.sub(lambda found: _WRITTEN[found[0]], text)


def _unescape(text: str) -> str:
    return _CODE.sub(lambda found: _READ[found[0]], text)
