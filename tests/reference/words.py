"""Texts, places and numbers compared as a merchant reads the words: one plain function a family."""

import re
from collections.abc import Sequence
from typing import Any

from headrace.contracts.events import Address
from headrace.rules.model import Between, Leaf, fold

COUNTRIES = {
    "us": "US", "usa": "US", "united states": "US", "america": "US",
    "gb": "GB", "uk": "GB", "united kingdom": "GB",
    "fr": "FR", "france": "FR",
    "au": "AU", "australia": "AU",
}  # fmt: skip
"""Those that the generated stores know."""
STATES = {
    ("US", "ny"): "new york", ("US", "tx"): "texas", ("US", "ca"): "california",
    ("AU", "nsw"): "new south wales", ("", "ny"): "new york", ("", "tx"): "texas", ("", "nsw"): "new south wales",
}  # fmt: skip


def address_of(address: Address) -> dict[str, str]:
    """An address by the names rules have for its parts, written so that equal places are equal."""
    country = COUNTRIES.get(fold(address.country_code)) or COUNTRIES.get(fold(address.country))
    state = fold(address.state)
    return {
        "country": country or fold(address.country).upper(),
        "state": STATES.get((country or "", state), state),
        "city": fold(address.city),
        "zip": fold(address.postcode),
    }


LEGAL = ("inc", "ltd", "gmbh", "llc")
"""Of the legal forms those that the generated stores know."""


def company_name(written: str, aliases: dict[str, tuple[str, ...]]) -> str:
    """The name a company goes by: without its legal form, one of several spellings."""
    bare = _without_form(written)
    return {_without_form(one): _without_form(name) for name, several in aliases.items() for one in several}.get(
        bare, bare
    )


def _without_form(written: str) -> str:
    words = written.replace(",", " ").replace(".", "").split()
    while len(words) > 1 and words[-1] in LEGAL:
        words.pop()
    return " ".join(words)


def number_meets(value: int | None, operator: str, operand: Any) -> bool:
    """Numbers and money in minor units; None = unset."""
    if operator == "is_not":
        return bool(value is None or value != operand)
    if operator in ("is_set", "is_unset"):
        return (value is not None) == (operator == "is_set")
    if value is None:
        return False
    if operator == "between":
        assert isinstance(operand, Between)
        return bool(operand.low <= value < operand.high)
    met: dict[str, bool] = {
        "is": value == operand,
        "above": value > operand,
        "from": value >= operand,
        "below": value < operand,
        "up_to": value <= operand,
    }
    return met[operator]


def texts_meet(values: Sequence[str], leaf: Leaf) -> bool:
    """One or several texts as written (none: unset): a positive test needs one that meets it."""
    complements = {"is_not": "is", "not_in": "in", "is_unset": "is_set"}
    if leaf.operator in complements:
        return not any(_text_meets(fold(value), complements[leaf.operator], leaf) for value in values)
    return any(_text_meets(fold(value), leaf.operator, leaf) for value in values)


def _text_meets(value: str, operator: str, leaf: Leaf) -> bool:
    wanted: Any = leaf.operand
    match operator:
        case "is_set":
            return True
        case "is":
            return bool(value == wanted)
        case "in":
            several = wanted if isinstance(wanted, tuple) else (wanted,)
            below = leaf.options.get("or_subdomains", False)
            return value in several or (below and any(value.endswith("." + str(domain)) for domain in several))
        case "contains":
            return wanted in value
        case "starts_with":
            return value.startswith(wanted)
        case "ends_with":
            return value.endswith(wanted)
        case "matches":
            return re.search(wanted, value, re.IGNORECASE) is not None
    raise AssertionError(operator)


def set_meets(values: set[str], leaf: Leaf) -> bool:
    """Folded values of an attribute, or folded tags."""
    wanted = set(leaf.operand) if isinstance(leaf.operand, tuple) else {leaf.operand}
    return {
        "has_any": bool(values & wanted),
        "has_all": wanted <= values,
        "has_none": not values & wanted,
    }[leaf.operator]
