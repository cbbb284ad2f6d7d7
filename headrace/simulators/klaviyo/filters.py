"""The `filter` parameter: `any(email,["a@b.example"])`, `greater-or-equal(updated,2026-01-01T00:00:00Z)`, several by
comma."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from headrace.simulators.bigcommerce.dates import parse_date

_HEAD: Final = re.compile(r"\s*,?\s*([a-z-]+)\(\s*([\w.]+)\s*,\s*")
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "equals": lambda have, wanted: bool(have == wanted),
    "any": lambda have, wanted: have in wanted,
    "greater-than": lambda have, wanted: bool(have > wanted),
    "greater-or-equal": lambda have, wanted: bool(have >= wanted),
    "less-than": lambda have, wanted: bool(have < wanted),
    "less-or-equal": lambda have, wanted: bool(have <= wanted),
}
_ANY_OF_AT_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Condition:
    """`operator(name,wanted)`."""

    operator: str
    name: str
    wanted: Any

    def holds(self, found: Iterable[Any]) -> bool:
        """Of any of the values that a row has under the name."""
        return any(_COMPARE[self.operator](have, self.wanted) for have in found)


def conditions(text: str | None, allowed: Mapping[str, str]) -> list[Condition]:
    """All of them; `allowed`: name -> its operators, separated by blanks. Raises ValueError for anything else."""
    return list(_parse(text or "", allowed))


def _parse(text: str, allowed: Mapping[str, str]) -> Iterator[Condition]:
    at = 0
    while text[at:].strip():
        head = _HEAD.match(text, at)
        if head is None:
            raise ValueError("the filter cannot be read")
        operator, name = head[1], head[2]
        if operator not in allowed.get(name, "").split():
            raise ValueError(f"{name} cannot be filtered by {operator}")
        wanted, at = _value(text, head.end())
        if operator == "any" and (not isinstance(wanted, list) or not 1 <= len(wanted) <= _ANY_OF_AT_MOST):
            raise ValueError(f"any takes a list of 1 to {_ANY_OF_AT_MOST} values")
        yield Condition(operator, name, wanted)


def _value(text: str, at: int) -> tuple[Any, int]:
    if text[at : at + 1] in ('"', "["):
        value, end = json.JSONDecoder().raw_decode(text, at)
    else:
        end = text.index(")", at)
        value = _date(text[at:end].strip())
    if text[end : end + 1] != ")":
        raise ValueError("a bracket is not closed")
    return value, end + 1


def _date(text: str) -> datetime:
    return parse_date(text)
