"""A golden case as read: steps with their places; the words of each step stand in `words.py`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from headrace.contracts.events import Origin
from headrace.rules.findings import Place

StepKind = Literal[
    "clock",
    "customer",
    "order",
    "refund",
    "status",
    "event",
    "cart",
    "refund_requested",
    "attribute",
    "pin",
    "unpin",
    "deleted",
    "rules",
    "expect",
]


@dataclass(frozen=True, slots=True)
class World:
    """What single values are read by: the currency and the zone of the rules."""

    currency: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happens, or (`expect`) is looked at. `at` None: a second after the step before it."""

    kind: StepKind
    fields: dict[str, Any]
    place: Place
    at: datetime | None = None
    origin: Origin = "live"


@dataclass(frozen=True, slots=True)
class Case:
    """One customer's history; expectations are steps of it."""

    name: str
    place: Place
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class WantedEffect:
    """An effect that must have been released: its kind, and what must stand under it (texts, as written)."""

    kind: str
    says: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """What was expected and what was found, only where they differ: memberships as plain values; `why` for people."""

    case: str
    place: Place
    expected: dict[str, Any]
    actual: dict[str, Any]
    why: tuple[str, ...] = ()
