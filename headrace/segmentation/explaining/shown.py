"""Values and operands as people and scripts may see them: money with its currency, nothing that identifies a person.

Which values are personal is decided here, for every text of an explanation.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from headrace.rules.model import Between, Day, Duration, Leaf, Nearby, Operand
from headrace.segmentation.explaining.seen import Shown
from headrace.segmentation.explaining.values import Value
from headrace.segmentation.facts import MONEY, PERSONAL

HIDDEN: Final = "(personal)"
_DECLARED: Final = frozenset(
    {
        "customer.age",
        "customer.birthday",
        "customer.education",
        "customer.gender",
        "customer.income",
        "customer.marital_status",
    }
)
_DECLARED_PREFIXES: Final = ("customer.form.", "event.")


def is_personal(field: str) -> bool:
    """Whether the field's value belongs to the person alone: what identifies them, and what they declared."""
    return field in PERSONAL or field in _DECLARED or field.startswith(_DECLARED_PREFIXES)


def shown_value(field: str, value: Value, currency: str) -> Shown:
    """A value of a field; that of a personal one only as set or unset."""
    if value is not None and is_personal(field):
        return HIDDEN
    match value:
        case bool() | None:
            return value
        case int():
            return shown_number(field, value, currency)
        case str():
            return _word(value)
        case datetime():
            return rfc3339(value)
        case tuple():
            return _words(value)


def shown_operand(leaf: Leaf, currency: str) -> Shown:
    """What the leaf compares with."""
    operand: Operand = leaf.operand
    match operand:
        case bool() | None:
            return operand
        case int():
            return shown_number(leaf.field, operand, currency)
        case str():
            return HIDDEN if is_personal(leaf.field) else _word(operand)
        case tuple():
            return HIDDEN if is_personal(leaf.field) else _words(map(str, operand))
        case Between(low=low, high=high):
            return {"from": shown_number(leaf.field, low, currency), "below": shown_number(leaf.field, high, currency)}
        case Duration(count=count, unit=unit):
            return f"{count} {unit}{'' if count == 1 else 's'}"
        case Day(date=date):
            return date
        case Nearby(km=km, of=place):
            return f"{km} km of {place}"


def rfc3339(moment: datetime) -> str:
    """In UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def shown_number(field: str, value: int, currency: str) -> Shown:
    """Money of a money field, else the number."""
    return {"amount_minor": value, "currency": currency} if field in MONEY else value


def _word(text: str) -> str:
    return HIDDEN if "@" in text else text


def _words(members: Iterable[str]) -> list[str]:
    return sorted(map(_word, members))
