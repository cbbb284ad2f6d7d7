"""One moment of one customer: the facts, the store's time, and what is being looked at."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from headrace.contracts.events import OrderLine, OrderSnapshot
from headrace.rules.model import RuleSet
from tests.reference.facts import Facts, Happening
from tests.reference.labels import Label


@dataclass(frozen=True)
class Memberships:
    """What the walk over the entries has come to so far."""

    group: str | None = None
    pinned: bool = False
    segments: dict[str, datetime | None] = field(default_factory=dict)
    """The segments the customer is in, and since when."""
    rungs: dict[str, tuple[int, datetime | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Scene:
    """What a condition is asked of.

    `orders`: as they stand, in the past of a fold only those up to then. `before`: the same customer before the event,
    None where there is none (time, a rule set).
    """

    rules: RuleSet
    facts: Facts
    orders: dict[str, OrderSnapshot]
    now: datetime | None
    labels: Callable[[], set[Label]]
    memberships: Callable[[], Memberships] = Memberships
    before: "Scene | None" = None
    happening: Happening | None = None
    lines: tuple[OrderLine, ...] = ()

    @property
    def zone(self) -> str:
        return self.rules.store.timezone

    def at(self, happening: Happening, lines: tuple[OrderLine, ...] | None = None) -> "Scene":
        """The same, with what happened."""
        return replace(self, happening=happening, lines=happening.lines if lines is None else lines)
