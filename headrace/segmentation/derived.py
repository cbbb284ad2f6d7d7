"""What a decision itself brings about: an attribute, or the group, is another than before it.

Rules that wait for one come after whatever may set it, so one pass over the entries sees every change once.
"""

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from headrace.segmentation.facts import Facts, Labels, folded
from headrace.segmentation.group_claims import newest_of
from headrace.segmentation.state import State
from headrace.segmentation.triggers import Occurrence

ATTRIBUTE_CHANGED: Final = "attribute.changed"
GROUP_CHANGED: Final = "group.changed"
DERIVED: Final = frozenset({ATTRIBUTE_CHANGED, GROUP_CHANGED})
_EVERYTHING: Final = frozenset({"profile", "ledger", "labels"})
_UNKNOWN: Final = datetime.min.replace(tzinfo=UTC)


class Moment(Struct, frozen=True):
    """Of one decision: the id of what led to it, and when that happened.

    `moved_to`: the group that somebody else put the customer into, though the store already had the one we wanted.
    `as_told`: what led to it changes neither group nor attributes by itself.
    """

    event: str
    at: datetime | None
    moved_to: str | None = None
    as_told: bool = False


class Changed(Struct, frozen=True):
    """One change; of an attribute no values are told."""

    trigger: str
    before: str | None = None
    now: str | None = None


def attribute_changed(name: str, state: State, now: Labels) -> Changed | None:
    """Whether the customer has other values of an attribute than were last told; `now`: all, folded."""
    before = set(map(folded, state.emitted.attributes.get(name, ())))
    return None if before == set(now.get(name, ())) else Changed(ATTRIBUTE_CHANGED)


def group_changed(facts: Facts, now: str | None, moment: Moment) -> Changed | None:
    """Whether the customer counts as in another group (None = in none), or was moved in the store by somebody else.

    Who is seen for the first time has not changed from the group the store has.
    """
    if facts.profile is None or facts.state.guest:
        return None
    before = _group_before(facts)
    if before != now:
        return Changed(GROUP_CHANGED, before, now)
    return None if moment.moved_to is None else Changed(GROUP_CHANGED, before, moment.moved_to or None)


def group_told(state: State) -> str | None:
    """The group as last told, else the store's; None: no group, or none known."""
    told = state.emitted
    if told.group_known and told.group is not None:
        return told.group or None
    return None if state.profile is None or state.guest else state.profile.group or None


def _group_before(facts: Facts) -> str | None:
    told = facts.state.emitted
    if told.group_known and told.group is not None:
        return told.group or None
    known = facts.before.profile if facts.before is not None and facts.before.profile is not None else facts.profile
    return None if known is None else known.group or None


def derived(changed: Changed, moment: Moment, facts: Facts) -> Occurrence:
    """The trigger of a change; its fact is what led to the decision, without a clock the newest that is known."""
    fact_at = moment.at or newest_of(facts.state, _EVERYTHING) or _UNKNOWN
    return Occurrence(changed.trigger, fact_at, from_=changed.before or "", to=changed.now or "", cause=moment.event)
