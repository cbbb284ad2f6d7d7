"""What a customer's row says beside the account itself: form fields, the birthday among them, and store credit.

Shapes as the vendor's file has them (`include=formfields,storecredit`); what rules make of them is the core's.
"""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from headrace.contracts.money import to_minor
from headrace.platforms.replies import decimal

Row = Mapping[str, Any]
_BIRTHDAYS: Final = frozenset({"birthday", "birth date", "birthdate", "date of birth", "dob"})
_ISO_DAY: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ].*)?")
_MOST: Final = 2**53 - 1


def form(row: Row) -> dict[str, str]:
    """The form fields that were filled in, by lower-case name; of several values a list with commas."""
    found: dict[str, str] = {}
    for each in row.get("form_fields") or ():
        name, text = _plain(each.get("name")).lower(), _value(each.get("value"))
        if name and text:
            found[name] = text
    return found


def birthday(fields: Mapping[str, str]) -> str | None:
    """The day a form field of that name holds, where it is written year-month-day; else nobody knows which is which."""
    for name, text in fields.items():
        match = _ISO_DAY.fullmatch(text) if name.replace("_", " ") in _BIRTHDAYS else None
        if match is not None and _is_day(match[1]):
            return match[1]
    return None


def has_store_credit(row: Row) -> bool:
    """It has some, so that its currency matters. An odd row has none: it is set aside when it is read."""
    try:
        return bool(_credit(row))
    except (ValueError, TypeError, AttributeError):
        return False


def store_credit(row: Row, currency: str) -> int | None:
    """Minor units of the store's own currency; None where the row has no word of it, or the currency is not known."""
    amount = _credit(row)
    if amount is None or (amount and not currency):
        return None
    return min(_MOST, max(0, to_minor(amount, currency)))


def _credit(row: Row) -> Decimal | None:
    amounts = row.get("store_credit_amounts")
    if amounts is None:
        return None
    return sum((decimal(each.get("amount")) for each in amounts), Decimal(0))


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(text for each in value if (text := _value(each)))
    if isinstance(value, bool) or value is None:
        return ""
    return _plain(value if isinstance(value, str) else str(value))


def _plain(value: Any) -> str:
    """Without what no UTF-8 can hold."""
    return value.encode(errors="replace").decode().strip() if isinstance(value, str) else ""


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
