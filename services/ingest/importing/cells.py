"""What single cells say, or what is wrong with them and what to write instead. Pure.

A message never repeats a value that may be personal.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final, get_args
from zoneinfo import ZoneInfo

from headrace.contracts.events import OrderStatus
from headrace.rules.findings import Place, Refused
from headrace.rules.scalars import money
from headrace.rules.yaml_source import Scalar

MAX_TEXT: Final = 255
MAX_VALUES: Final = 100
AHEAD: Final = timedelta(minutes=5)
_STATUSES: Final[dict[str, str]] = {name.replace("_", " "): name for name in get_args(OrderStatus)}
_YES: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")
_EMAIL: Final = re.compile(r"[^\s@,;]+@[^\s@,;]+\.[^\s@,;]+")
_OTHER_DAY: Final = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})(.*)")


class Bad(ValueError):
    """A cell that is refused. `field`: a name of the columns; `hint`: what to write."""

    def __init__(self, field: str, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.field = field
        self.code = code
        self.hint = hint
        self.row: int | None = None
        """Of an order's rows, the number of the one it is about."""


def plain(field: str, text: str, limit: int = MAX_TEXT) -> str:
    """One line of text."""
    if len(text) > limit:
        raise Bad(field, "too_long", f"has {len(text)} characters", f"write at most {limit}")
    if not text.isprintable():
        raise Bad(field, "bad_text", "has a line break or a character that cannot be seen", "write it on one line")
    return text


def customer_id(text: str, store: str) -> str:
    """The id behind `store:`, or alone."""
    prefix, colon, rest = text.rpartition(":")
    if (colon and prefix != store) or not _ID.fullmatch(rest) or rest.startswith("guest-"):
        raise Bad("customer", "bad_customer", "is no customer's id", "write the id that the store shows, such as 1041")
    return rest


def email(text: str) -> str:
    """An address, as far as one can see."""
    if len(text) > MAX_TEXT or not _EMAIL.fullmatch(text):
        raise Bad("email", "bad_email", "is no e-mail address", "write one address, such as ann@example.org")
    return text


def values(field: str, text: str) -> tuple[str, ...]:
    """Values with `|` between them, each once; `-` alone is none."""
    if text == "-":
        return ()
    found = tuple(dict.fromkeys(plain(field, part) for each in text.split("|") if (part := each.strip())))
    if len(found) > MAX_VALUES:
        raise Bad(field, "too_many", f"has {len(found)} values", f"write at most {MAX_VALUES}")
    return found


def kind(text: str) -> str:
    """B2B or B2C."""
    if text.upper() not in ("B2B", "B2C"):
        raise Bad("kind", "unknown_kind", "is neither B2B nor B2C", "write B2B or B2C")
    return text.upper()


def yes_or_no(field: str, text: str) -> bool:
    """A truth."""
    found = _YES.get(text.lower())
    if found is None:
        raise Bad(field, "not_yes_or_no", "is neither yes nor no", "write yes or no")
    return found


def status(text: str) -> str:
    """A status of the store, in any case."""
    found = _STATUSES.get(re.sub(r"[\s_-]+", " ", text.lower()))
    if found is None:
        raise Bad("status", "unknown_status", "is no status of an order", f"write one of: {', '.join(_STATUSES)}")
    return found


def units(text: str) -> int:
    """How many, 1 or more."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or not int(text):
        raise Bad("quantity", "not_a_whole_number", "is no number of units", "write digits only, 1 or more")
    return int(text)


def amount(field: str, text: str, currency: str) -> int:
    """Minor units, by the rules for money in rule files: a point before the cents, nothing between thousands."""
    try:
        return money(Scalar(text, _NOWHERE), field, currency=currency)
    except Refused as error:
        raise Bad(field, error.code, "is no amount that everybody reads the same way", error.hint) from None


def currency_code(text: str) -> str:
    """Three capital letters."""
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise Bad("currency", "unknown_currency", "is no currency", "write its ISO code, such as GBP")
    return text


def moment(field: str, text: str, zone: ZoneInfo, latest: datetime | None = None) -> datetime:
    """A date or a time of ISO 8601; without an offset it is one of `zone`. `latest`: it must not be much later."""
    try:
        found = datetime.fromisoformat(text)
        found = (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Bad(field, "not_a_date", "is no date", _date_hint(text)) from None
    if latest is not None and found > latest + AHEAD:
        raise Bad(field, "in_the_future", "is in the future", "write when it happened")
    return found


def day(field: str, text: str) -> str:
    """A day, `1990-05-17`."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Bad(field, "not_a_date", "is no date", _date_hint(text)) from None


def _date_hint(text: str) -> str:
    match = _OTHER_DAY.fullmatch(text)
    if match is None:
        return "write year-month-day, such as 2026-03-31, or a time such as 2026-03-31T14:05:00+01:00"
    first, second, year = int(match[1]), int(match[2]), match[3]
    if first > 12 >= second:
        return f"write year-month-day: {year}-{second:02}-{first:02}"
    return f"write year-month-day: {year}-{second:02}-{first:02}, if the first number is the day"


_NOWHERE: Final = Place("", 0, 0)
