"""Verdicts: what one entry came to in a decision, and why; together they are its trace."""

from collections.abc import Callable, Iterable
from typing import Literal

from msgspec import Struct

Outcome = Literal[
    "fired",
    "not_met",
    "entered",
    "left",
    "in",
    "out",
    "rung",
    "dropped",
    "ignored",
    "effect",
    "waits",
    "withheld",
    "drifted",
]


class Verdict(Struct, frozen=True):
    """What one entry came to, and why. `source`: `rule:<id>`, `segment:<id>`, `ladder:<id>` or what ignored it."""

    source: str
    outcome: Outcome
    reason: str


Part = Verdict | Callable[[], Iterable[Verdict]]
"""Of a trace. Those of entries asked together are only put together when somebody reads them."""


class Trace(Struct, frozen=True):
    """Why: the event, and the verdicts of every entry it concerned."""

    event: str
    parts: tuple[Part, ...] = ()

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """All, in their order."""
        return tuple(verdicts_of(self.parts))


def verdicts_of(parts: Iterable[Part]) -> list[Verdict]:
    """In their order."""
    found = list[Verdict]()
    for part in parts:
        found.extend((part,) if isinstance(part, Verdict) else part())
    return found
