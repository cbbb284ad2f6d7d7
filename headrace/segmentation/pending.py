"""Actions that wait for their time: which are due, which fall away, and what a new rule set makes of them.

They stand in `State.pending`, sorted. What one then does is `effects.py`'s, or a claim's.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from msgspec.structs import replace

from headrace.segmentation.compiled_actions import CompiledAction
from headrace.segmentation.state import Pending

Waiting = tuple[Pending, ...]
ByKey = Mapping[tuple[str, str], CompiledAction]
"""Actions with `after`, by source and key."""


def due_at(waiting: Waiting, source: str, moment: datetime) -> Waiting:
    """Those of an entry whose time has come."""
    return tuple(one for one in waiting if one.source == source and one.due <= moment)


def sources_due(waiting: Waiting, moment: datetime) -> frozenset[str]:
    """The entries that have some whose time has come."""
    return frozenset(one.source for one in waiting if one.due <= moment)


def without(waiting: Waiting, source: str, keys: Collection[str]) -> Waiting:
    """What is left when an entry takes these back; the same object if it waited for none of them."""
    left = tuple(one for one in waiting if one.source != source or one.key not in keys)
    return waiting if len(left) == len(waiting) else left


def with_more(waiting: Waiting, more: Collection[Pending]) -> Waiting:
    """All, sorted. One cause makes an action wait once: its first time stays."""
    if not (waiting or more):
        return waiting
    known = {(one.source, one.key, one.cause): one for one in reversed((*waiting, *more))}
    return waiting if len(known) == len(waiting) else tuple(sorted(known.values(), key=_order))


def when_due(action: CompiledAction, fact_at: datetime) -> datetime | None:
    """When an action with `after` is due whose cause happened then; None: after the last year of the calendar."""
    return fact_at if action.due is None else action.due(fact_at)


def not_before(due: datetime, now: datetime | None) -> datetime:
    """What should have been done already is done next: time does not go back for it."""
    return due if now is None else max(due, now)


def under_new_rules(waiting: Waiting, actions: ByKey, renamed: Callable[[str], str], now: datetime | None) -> Waiting:
    """What goes on waiting: what waits under these rules too, its time computed anew. `renamed`: of a source."""
    kept = list[Pending]()
    for one in waiting:
        source = renamed(one.source)
        action = actions.get((source, one.key))
        due = None if action is None else when_due(action, one.fact_at)
        if due is not None:
            kept.append(replace(one, source=source, due=not_before(due, now)))
    found = tuple(sorted(kept, key=_order))
    return waiting if found == waiting else found


def _order(one: Pending) -> tuple[datetime, str, str, str]:
    return one.due, one.source, one.key, one.cause
