"""An explanation as a value: plain parts that become JSON as they stand (`msgspec.to_builtins`).

Never with anything that identifies a person; how it is found is in the other files of this package.
"""

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

Shown = bool | int | str | dict[str, Any] | list[str] | None
"""For people and scripts: money as {"amount_minor", "currency"}, ranges as {"from", "below"}, moments in RFC 3339."""
EntryKind = Literal["rule", "segment", "ladder"]
ChangeKind = Literal["number", "time", "set", "flag"]
Moves = Literal["enters", "leaves", "stays"]


class ConditionSeen(Struct, frozen=True, kw_only=True):
    """One leaf of an entry's condition. `path`: where it stands, `who.any[1].customer.spend`. `text`: it in words."""

    path: str
    value: Shown
    operator: str
    operand: Shown
    holds: bool
    text: str


class ChangeSeen(Struct, frozen=True, kw_only=True):
    """The smallest single change that moves the customer.

    `fact` changes by `by`, its own unit (money, a count, `{"days": 3}`, `{"add": "vip"}`, true): at any moment before
    `until` (None: whenever), except of kind time, where nothing else needs to happen and `until` is when it moves.
    `to`: what the customer then enters, leaves or, where time alone would end it, stays in: a group, the id of a
    segment or rule, `rung 2`.
    """

    fact: str
    by: Shown
    until: datetime | None
    kind: ChangeKind
    entry: str
    to: str
    moves: Moves


class EntrySeen(Struct, frozen=True, kw_only=True):
    """A rule, segment or ladder. `holds`: the rule has latched, the customer is in the segment, above the lowest rung.

    `met`: what the condition comes to now. `when`: a rule's trigger. `order`: the one the condition was looked at with.
    """

    id: str
    kind: EntryKind
    holds: bool
    met: bool
    text: str
    conditions: tuple[ConditionSeen, ...]
    when: str | None = None
    order: str | None = None
    since: datetime | None = None


class ClaimSeen(Struct, frozen=True, kw_only=True):
    """A wish for a group, won or lost. `rule`: its source, `segment:vip`."""

    rule: str
    group: str
    won: bool
    why: str


class MembershipSeen(Struct, frozen=True, kw_only=True):
    """What the customer is in: a segment, or a ladder's rung (counted from 1). `since` None: not known."""

    kind: Literal["segment", "rung"]
    id: str
    group: str | None
    rung: int | None = None
    since: datetime | None = None


class FactSeen(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A fact that the rules read, and the ids of the orders it is taken from."""

    value: Shown
    from_: tuple[str, ...]


class WaitingSeen(Struct, frozen=True, kw_only=True):
    """An action that waits until `due`. `rule`: its source; `cause`: the order, refund, event or entry it is for."""

    rule: str
    action: str
    cause: str
    due: datetime


class Explanation(Struct, frozen=True, kw_only=True):
    """Why a customer stands where it stands. `group`: the desired one, None = not ours to move, `not_ours` says why.

    `at`: the store's time it is told of. `smallest_change`: to a better group or, without one, out of this one.
    `moved_to`: the group ("" = none) that somebody put the customer into in the store, where it is not the desired one.
    """

    customer: str
    at: datetime | None
    group: str | None
    won_by: str | None
    claims: tuple[ClaimSeen, ...]
    memberships: tuple[MembershipSeen, ...]
    facts: dict[str, FactSeen]
    rules: tuple[EntrySeen, ...]
    smallest_change: ChangeSeen | None
    not_ours: str | None = None
    waiting: tuple[WaitingSeen, ...] = ()
    moved_to: str | None = None
