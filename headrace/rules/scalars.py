"""Readers of single values, from their source text by the type of the field: text, money, numbers, dates, words.

Each returns the value or raises `Refused` saying what to write instead; lists and mappings are not read here.
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Final, Literal, cast

from headrace.contracts.money import exponent, from_minor, to_minor
from headrace.rules.findings import Refused, did_you_mean, quoted
from headrace.rules.yaml_source import Items, Mapping, Node, Scalar

MAX_TEXT: Final = 255
"""Characters of a name or value: what the narrowest platform field takes."""
MAX_DIGITS: Final = 15
_AMOUNT: Final = re.compile(r"[0-9]+(?:\.([0-9]+))?")
_GROUPED: Final = re.compile(r"[0-9]{1,3}(?:[ ,._'][0-9]{3})+")
_DURATION: Final = re.compile(r"([0-9]{1,5}) +(hour|day|month|year)s?")
Unit = Literal["hour", "day", "month", "year"]
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NAMED_CURRENCY: Final = re.compile(r"(?:([A-Za-z]{3}) ?([0-9].*)|([0-9].*?) ?([A-Za-z]{3}))")
_SYMBOLS: Final = "$€£¥₹₩₽"


def scalar(node: Node, what: str) -> Scalar:
    """The single value that `what` names; refuses lists, mappings and keys without a value."""
    if isinstance(node, Items):
        raise Refused("wrong_shape", node.place, f"{what} is one value, this is a list", "write one value, without [ ]")
    if isinstance(node, Mapping):
        raise Refused(
            "wrong_shape", node.place, f"{what} is one value, this is a mapping", f"write {what} as one value"
        )
    if node.text == "" and not node.quoted:
        raise Refused("empty_value", node.place, f"{what} has no value", "write a value after the colon")
    return node


def text(node: Node, what: str, *, limit: int = MAX_TEXT) -> str:
    """What is written, as it is written: `NO`, `02134`, `1e5`, `on`, `12:30` are these characters."""
    value = scalar(node, what)
    if not value.text.strip():
        raise Refused("empty_value", value.place, f"{what} is empty", "write at least one character")
    if len(value.text) > limit:
        raise Refused(
            "bad_text", value.place, f"{what} has {len(value.text)} characters", f"write at most {limit} characters"
        )
    if not value.text.isprintable():
        raise Refused(
            "bad_text", value.place, f"{what} contains a line break, tab or invisible character", "write it on one line"
        )
    if value.text != value.text.strip():
        raise Refused(
            "bad_text", value.place, f"{what} begins or ends with a space", f"write {quoted(value.text.strip())}"
        )
    return value.text


def whole_number(node: Node, what: str) -> int:
    """A number of things: digits only, 0 or more."""
    value = scalar(node, what)
    written = value.text
    if re.fullmatch(r"0|[1-9][0-9]*", written) and len(written) <= MAX_DIGITS:
        return int(written)
    raise Refused(
        "not_a_whole_number", value.place, f"{what} is a whole number, not {quoted(written)}", _number_hint(written)
    )


def _number_hint(written: str) -> str:
    if re.fullmatch(r"0+[0-9]{1,15}", written):
        return f"write {int(written)}, without leading zeros"
    if re.fullmatch(r"[0-9]{1,15}\.0+", written) or _GROUPED.fullmatch(written):
        digits = re.sub(r"\.0+$", "", written) if not _GROUPED.fullmatch(written) else re.sub("[^0-9]", "", written)
        return f"write {digits}, digits only"
    if re.fullmatch(r"[0-9]{1,3}[eE][0-9]{1,2}", written):
        base, _, power = written.lower().partition("e")
        return f"write {int(base) * 10 ** int(power)}, digits only" if int(power) <= MAX_DIGITS else "write digits only"
    return "write digits only, such as 100"


def money(node: Node, what: str, *, currency: str) -> int:
    """Minor units of an amount in the store's currency ("" = not known, read with two digits)."""
    value = scalar(node, what)
    amount = _without_currency(value, what, currency)
    match = _AMOUNT.fullmatch(amount)
    digits = exponent(currency)
    if match is None or len(amount) > MAX_DIGITS or re.match(r"0[0-9]", amount):
        raise _amount_refusal(value, amount, what, digits)
    decimals = match[1] or ""
    if len(decimals) > digits:
        raise _decimals_refusal(value, amount, what, digits)
    return to_minor(amount, currency)


def _without_currency(value: Scalar, what: str, currency: str) -> str:
    written = value.text.strip()
    match = _NAMED_CURRENCY.fullmatch(written)
    if match is None:
        return written
    named = (match[1] or match[4]).upper()
    amount = (match[2] or match[3]).strip()
    if currency and named != currency and amount[-1].isdigit():
        raise Refused(
            "other_currency",
            value.place,
            f"{what} is in {named}, the store's currency is {currency}; other currencies come with a later release",
            f"write the amount in {currency}, such as {quoted(f'{amount} {currency}')} if that is meant",
        )
    return amount


def _amount_refusal(value: Scalar, amount: str, what: str, digits: int) -> Refused:
    bare = amount.strip(_SYMBOLS + " ")
    if re.fullmatch(r"[0-9]{1,12},[0-9]{1,2}", bare):
        whole, _, cents = bare.partition(",")
        return _ambiguous(value, amount, what, f"{whole}.{cents}", f"{whole}{cents}")
    if _GROUPED.fullmatch(bare) and len(bare) <= MAX_DIGITS:
        return _grouped(value, amount, what, bare, digits)
    if bare != amount and _AMOUNT.fullmatch(bare):
        return _not_an_amount(value, what, f"write {bare}: a bare amount is in the store's currency")
    if re.fullmatch(r"[0-9]{1,12},[0-9]{3}\.[0-9]+", bare):
        return _not_an_amount(value, what, f"write {bare.replace(',', '')}, without a separator of thousands")
    if re.fullmatch(r"[0-9]{1,3}[eE][0-9]{1,2}", bare):
        return _not_an_amount(value, what, _number_hint(bare))
    if re.fullmatch(r"0[0-9]{1,14}(\.[0-9]+)?", bare):
        return _not_an_amount(value, what, f"write {bare.lstrip('0') or '0'}, without leading zeros")
    if bare.startswith("-"):
        return _not_an_amount(value, what, "write an amount of 0 or more: totals are never negative")
    return _not_an_amount(value, what, "write digits, with a point before the cents, such as 1000 or 1000.50")


def _grouped(value: Scalar, amount: str, what: str, bare: str, digits: int) -> Refused:
    plain = re.sub("[^0-9]", "", bare)
    separators = re.sub("[0-9]", "", bare)
    if len(separators) > 1 or separators not in ",.":
        return _not_an_amount(value, what, f"write {plain}, without a separator of thousands")
    return _ambiguous(value, amount, what, plain, _as_decimal(bare.replace(",", "."), digits))


def _as_decimal(written: str, digits: int) -> str:
    whole, _, decimals = written.partition(".")
    return f"{whole}.{decimals[:digits]}" if digits else whole


def _decimals_refusal(value: Scalar, amount: str, what: str, digits: int) -> Refused:
    whole, _, decimals = amount.partition(".")
    if len(decimals) == 3 and len(whole) <= 3:
        return _ambiguous(value, amount, what, str(int(whole + decimals)), _as_decimal(amount, digits))
    places = f"at most {digits} digits" if digits else "no point and no digits"
    return _not_an_amount(value, what, f"write {places} after the point, such as {_as_decimal(amount, digits)}")


def _ambiguous(value: Scalar, amount: str, what: str, one: str, other: str) -> Refused:
    return Refused(
        "ambiguous_amount",
        value.place,
        f"{what} {quoted(amount)} can be read as {one} or as {other}",
        f"write {one} or {other}",
    )


def _not_an_amount(value: Scalar, what: str, hint: str) -> Refused:
    return Refused(
        "not_an_amount",
        value.place,
        f"{what} is an amount of money, not {quoted(value.text)}",
        hint,
    )


def true_false(node: Node, what: str) -> bool:
    """`true` or `false`, as YAML 1.2 writes them; `yes`, `on`, `1` are refused."""
    value = scalar(node, what)
    if value.text in ("true", "True", "TRUE"):
        return True
    if value.text in ("false", "False", "FALSE"):
        return False
    meant = {
        "yes": "true",
        "y": "true",
        "on": "true",
        "1": "true",
        "no": "false",
        "n": "false",
        "off": "false",
        "0": "false",
    }
    hint = meant.get(value.text.casefold())
    raise Refused(
        "not_true_false",
        value.place,
        f"{what} is true or false, not {quoted(value.text)}",
        f"write {hint}" if hint else "write true or false",
    )


def duration(node: Node, what: str) -> tuple[int, Unit]:
    """A count and its unit, days, months and years of the store's calendar or exact hours: `90 days`, `36 hours`."""
    value = scalar(node, what)
    match = _DURATION.fullmatch(value.text)
    if match is None:
        raise Refused("not_a_duration", value.place, *_duration_words(value.text, what))
    return int(match[1]), cast("Unit", match[2])


def _duration_words(written: str, what: str) -> tuple[str, str]:
    short = re.fullmatch(r"([0-9]{1,5}) *([dhwmy])", written.casefold())
    units = {"d": ("days", 1), "h": ("hours", 1), "w": ("days", 7), "m": ("months", 1), "y": ("years", 1)}
    hint = "write a number and hours, days, months or years, such as 90 days"
    if short is not None:
        unit, factor = units[short[2]]
        hint = f"write {int(short[1]) * factor} {unit}"
    return f"{what} is a duration in words, not {quoted(written)}", hint


def day(node: Node, what: str) -> str:
    """A calendar date, `2027-01-31`, as written."""
    value = scalar(node, what)
    try:
        if _DATE.fullmatch(value.text):
            date.fromisoformat(value.text)
            return value.text
        problem = "is a date"
    except ValueError:
        problem = "is a day of the calendar"
    raise Refused(
        "not_a_date",
        value.place,
        f"{what} {problem}, not {quoted(value.text)}",
        "write year-month-day, such as 2027-01-31",
    )


def choice(node: Node, what: str, words: Sequence[str]) -> str:
    """One of the words allowed."""
    value = scalar(node, what)
    if value.text in words:
        return value.text
    allowed = f"write one of: {', '.join(words)}"
    guess = did_you_mean(value.text.replace(" ", "_"), tuple(words), otherwise="")
    raise Refused(
        "unknown_choice",
        value.place,
        f"{what} cannot be {quoted(value.text)}",
        f"{guess} {allowed}".strip() if len(words) > 1 else f"write {words[0]}",
    )


def shown_money(amount_minor: int, currency: str) -> str:
    """An amount as a rule file would write it: `1000.00`."""
    return f"{from_minor(amount_minor, currency)}"
