"""Which effects are released: once per cause, of live facts only, marketing to who consented."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headrace.contracts.effects import MARKETING
from headrace.rules.model import Action, Send
from tests.reference import timeline
from tests.reference.entries import parts_read
from tests.reference.memory import Fired, Waiting
from tests.reference.walk import Walk

Effect = tuple[Any, ...]
"""Kind, entry, key, cause."""


@dataclass(frozen=True)
class Why:
    """What a settlement came of: `origin` of the event, "time" or "activation"; `at`: of the moment.

    `clock`: the store's time when it is done. `event`: its id, or the moment's name. `named`: entries whose effects
    this activation releases on purpose. `happened`: when an event that is no snapshot did; `told_at`: when any did.
    """

    origin: str
    at: datetime | None
    clock: datetime | None
    event: str
    named: frozenset[str] = frozenset()
    happened: datetime | None = None
    told_at: datetime | None = None


def release(walk: Walk, why: Why) -> list[Effect]:
    """The effects of one settlement, each cause's once; what waits is noted in the memory."""
    found: dict[Effect, None] = {}
    waiting: list[Waiting] = []
    for fired in walk.fired:
        origin = "activation" if fired.past else why.origin
        cause, fact_at = _cause(fired, walk, why)
        for key, action in fired.actions:
            if action.after is not None and not fired.waited:
                waiting += _to_wait(fired, key, action, (cause, fact_at, origin), walk, why)
            elif isinstance(action, Send) and _may(fired, action, fact_at, origin, walk, why):
                once = "" if action.once == "customer" else cause
                found[(action.kind, fired.source, key, once)] = None
    known = {(one.source, one.key, one.cause) for one in walk.memory.waiting}
    for one in waiting:
        if (one.source, one.key, one.cause) not in known:
            known.add((one.source, one.key, one.cause))
            walk.memory.waiting.append(one)
    walk.memory.waiting.sort(key=lambda one: (one.due, one.source, one.key, one.cause))
    return list(found)


def _cause(fired: Fired, walk: Walk, why: Why) -> tuple[str, datetime]:
    """What it is done for and when that happened; of a segment or rung the newest fact behind it."""
    if fired.fact_at is not None:
        return fired.cause, fired.fact_at
    if why.origin == "time" and why.at is not None:
        at = why.at
    else:
        times = [*walk.fact_times(parts_read(fired.entry)), *([why.happened] if why.happened else [])]
        at = max(times, default=why.at or datetime.fromtimestamp(0, UTC))
    return f"{fired.cause}:{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}", at


def _to_wait(
    fired: Fired, key: str, action: Action, cause: tuple[str, datetime, str], walk: Walk, why: Why
) -> list[Waiting]:
    named, fact_at, origin = cause
    if isinstance(action, Send):
        if not _is_live(fired.source, origin, why):
            return []
        if origin == "activation":
            fact_at = why.at or fact_at
    assert action.after is not None
    due = timeline.same_time_later(fact_at, action.after, walk.scene.zone)
    return [] if due is None else [Waiting(max(due, why.at or due), fired.source, key, named, fact_at)]


def _may(fired: Fired, action: Send, fact_at: datetime, origin: str, walk: Walk, why: Why) -> bool:
    customer = walk.scene.facts.customer
    if action.kind in MARKETING and (customer is None or customer.subscribed is not True):
        return False
    if not _is_live(fired.source, origin, why):
        return False
    if origin not in ("reconcile", "time"):
        return True
    since = fact_at
    if fired.waited and action.after is not None:
        since = timeline.same_time_later(fact_at, action.after, walk.scene.zone) or fact_at
    if why.clock is None:
        return False
    return not timeline.is_older(since, why.clock, walk.scene.rules.max_age, walk.scene.zone)


def _is_live(source: str, origin: str, why: Why) -> bool:
    return origin in ("live", "reconcile", "time") or (origin == "activation" and source in why.named)
