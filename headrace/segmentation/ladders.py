"""Ladders: the rung a number stands on, exactly one per ladder, and how long a customer keeps one that is lost.

Up is at once. Down is at once too, or after a grace that begins when the number is first seen below the rung, ends with
each recovery, and begins anew on every rung where a ladder goes down one step at a time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from headrace.rules.model import Ladder
from headrace.segmentation.conditions.change import CompiledNumber, NextChange, earliest, newest_fact
from headrace.segmentation.conditions.time import Edge, edge_of
from headrace.segmentation.facts import Facts
from headrace.segmentation.state import Standing

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Rungs:
    """A ladder ready to stand on. `grace`: from when somebody is below a rung to when it is lost, None: at once.

    `names`: what each rung is known by when others come or go around it. `holds`: some customers keep a rung that their
    number has left.
    """

    id: str
    source: str
    ladder: Ladder
    grace: Edge | None
    names: tuple[str, ...]
    holds: bool


def compile_rungs(ladder: Ladder, timezone: str) -> Rungs:
    """The rungs of a ladder."""
    grace = None if ladder.grace is None or ladder.demote == "never" else edge_of(ladder.grace, timezone)
    names = tuple(rung.group or f"{rung.bound} {rung.threshold}" for rung in ladder.rungs)
    holds = grace is not None or ladder.demote == "never"
    return Rungs(ladder.id, f"ladder:{ladder.id}", ladder, grace, names, holds)


def next_change(rungs: Rungs, number: CompiledNumber) -> NextChange | None:
    """When time alone may move somebody: a grace ends, or the number stands on another rung. None: it never does."""
    bounds = tuple(rung.threshold for rung in rungs.ladder.rungs if rung.bound != "start")
    by_number = number.next_change(lambda value: rung_of(rungs.ladder, value), bounds, steady=True)
    changes = [] if by_number is None else [by_number]
    if rungs.grace is not None:
        changes.append(lambda facts: _grace_change(rungs, number, facts))
    return earliest(changes) if changes else None


def _grace_change(rungs: Rungs, number: CompiledNumber, facts: Facts) -> datetime | None:
    """When the grace ends; before the first clock, which begins none, when it is to begin."""
    standing = facts.standing()
    if facts.now is None and rung_of(rungs.ladder, number.read(facts)) < standing.rungs.get(rungs.id, 0):
        return newest_fact(facts)
    return _after(grace_ends(rungs, standing), facts.now)


def _after(moment: datetime | None, now: datetime | None) -> datetime | None:
    return None if moment is None or (now is not None and moment <= now) else moment


def rung_of(ladder: Ladder, value: int | None) -> int:
    """Number of the highest rung whose bound is met; unset counts as 0, the start rung always holds.

    `from` includes its threshold, `above` does not.
    """
    standing, rungs = 0 if value is None else value, ladder.rungs
    number = len(rungs) - 1
    while number:
        rung = rungs[number]
        if standing > rung.threshold or rung.bound == "start" or (standing == rung.threshold and rung.bound == "from"):
            break
        number -= 1
    return number


def step_to(rungs: Rungs, standing: Standing, number: int, now: datetime | None) -> Standing:
    """The standing as of now, given that the ladder's number is on this rung; itself when nothing changes.

    Before the store's first clock (`now` None) no grace begins or ends: nobody goes down who is granted one.
    """
    rung = standing.rungs.get(rungs.id)
    if rung is None or number > rung:
        return _moved([(rungs, number)], standing, now)
    if number == rung or rungs.ladder.demote == "never":
        return _above(rungs, standing)
    if rungs.grace is None:
        return _moved([(rungs, number)], standing, now)
    since = standing.below.get(rungs.id)
    if since is None:
        return standing if now is None else replace(standing, below={**standing.below, rungs.id: now})
    ends = rungs.grace(since)
    if now is None or ends is None or now < ends:
        return standing
    if rungs.ladder.demote == "direct":
        return _moved([(rungs, number)], standing, now)
    lower = _moved([(rungs, rung - 1)], standing, now)
    return lower if number == rung - 1 else replace(lower, below={**lower.below, rungs.id: now})


def climb(ladders: Iterable[tuple[Rungs, int]], standing: Standing, now: datetime | None) -> Standing:
    """The same of several ladders, each with the rung that its number is on."""
    moved: list[tuple[Rungs, int]] = []
    for rungs, number in ladders:
        if rungs.holds or rungs.id in standing.below:
            standing = step_to(rungs, _moved(moved, standing, now), number, now)
            moved = []
        elif standing.rungs.get(rungs.id) != number:
            moved.append((rungs, number))
    return _moved(moved, standing, now)


def grace_ends(rungs: Rungs, standing: Standing) -> datetime | None:
    """When the rung is lost if nothing happens; None while no grace runs."""
    since = standing.below.get(rungs.id)
    return None if since is None or rungs.grace is None else rungs.grace(since)


def explain(rungs: Rungs, standing: Standing, value: int | None, timezone: str) -> str:
    """`rung 2, Gold, by customer.spend; the number is on rung 1, kept until 2026-02-10 00:00`, in that zone."""
    rung, number = standing.rungs.get(rungs.id, 0), rung_of(rungs.ladder, value)
    text = f"rung {rung + 1}, {rungs.ladder.rungs[rung].group or 'no group'}, by {rungs.ladder.by}"
    if number >= rung:
        return text
    ends = grace_ends(rungs, standing)
    until = "" if ends is None else f" until {ends.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M}"
    return f"{text}; the number is on rung {number + 1}, kept{until}"


def kept_rung(rungs: Rungs, number: int, name: str | None) -> int:
    """The number in this ladder of a rung that had this number and, where it was kept, name in an earlier version."""
    if name is not None and name in rungs.names:
        return rungs.names.index(name)
    return min(number, len(rungs.names) - 1)


def _moved(moved: Sequence[tuple[Rungs, int]], standing: Standing, now: datetime | None) -> Standing:
    """On these rungs from now on."""
    if not moved:
        return standing
    on, since, below, held = standing.rungs.copy(), standing.since.copy(), standing.below, standing.held
    for rungs, number in moved:
        on[rungs.id] = number
        since.pop(rungs.source, None)
        if now is not None:
            since[rungs.source] = now
        if rungs.id in below:
            below = _without(below, rungs.id)
        if rungs.holds:
            held = {**held, rungs.id: rungs.names[number]}
    return Standing(standing.segments, on, since, below, held)


def _above(rungs: Rungs, standing: Standing) -> Standing:
    return replace(standing, below=_without(standing.below, rungs.id)) if rungs.id in standing.below else standing


def _without(known: dict[str, V], name: str) -> dict[str, V]:
    return {other: value for other, value in known.items() if other != name} if name in known else known
