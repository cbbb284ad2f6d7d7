"""What is remembered of a customer beside the facts: claims, where they stand, pins, what waits."""

from dataclasses import dataclass, field
from datetime import datetime

from headrace.rules.model import Action, RuleSet
from tests.reference import standing
from tests.reference.entries import Entry, renames
from tests.reference.labels import Claims
from tests.reference.standing import OnRung


@dataclass(frozen=True)
class Pin:
    group: str
    until: datetime | None


@dataclass(frozen=True)
class Waiting:
    """An action of an entry that waits. `due`: when it is done; `cause`, `fact_at`: for what it is done."""

    due: datetime
    source: str
    key: str
    cause: str
    fact_at: datetime


@dataclass(frozen=True)
class Fired:
    """What an entry asked for: its actions that are effects or wait, by key. `fact_at` None: of a segment or ladder.

    `waited`: their time has come. `past`: an order from before the rule was looked at.
    """

    source: str
    entry: Entry
    actions: list[tuple[str, Action]]
    cause: str
    fact_at: datetime | None = None
    waited: bool = False
    past: bool = False


@dataclass
class Memory:
    """Of one customer."""

    claims: Claims = field(default_factory=Claims)
    segments: dict[str, datetime | None] = field(default_factory=dict)
    """Those the customer is in, and since when."""
    rungs: dict[str, OnRung] = field(default_factory=dict)
    pin: Pin | None = None
    taken: bool = False
    """An activation took the customer over."""
    waiting: list[Waiting] = field(default_factory=list)
    folded: dict[str, object] = field(default_factory=dict)
    """The rules that went over the past, and what they said."""

    def keep(self, rules: RuleSet, now: datetime | None) -> None:
        """What still has an entry in these rules, by the names they give."""
        names = {kind: renames(getattr(rules, kind)) for kind in ("rules", "segments", "ladders")}
        self.claims.keep({rule.id for rule in rules.rules}, names["rules"])
        segments = {segment.id for segment in rules.segments}
        known = {names["segments"].get(name, name): since for name, since in self.segments.items()}
        self.segments = {name: since or now for name, since in known.items() if name in segments}
        rungs = {names["ladders"].get(name, name): rung for name, rung in self.rungs.items()}
        self.rungs = {
            ladder.id: standing.kept(ladder, rungs[ladder.id], now) for ladder in rules.ladders if ladder.id in rungs
        }
        before = {names["rules"].get(rule, rule): said for rule, said in self.folded.items()}
        self.folded = before

    def renamed(self, rules: RuleSet, source: str) -> str:
        """A source by the name these rules give it."""
        kind, _, name = source.partition(":")
        return f"{kind}:{renames(getattr(rules, f'{kind}s')).get(name, name)}"
