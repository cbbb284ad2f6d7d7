"""Where a customer stands: segments and rungs with the time they were entered, the grace of who is below a rung."""

from dataclasses import dataclass, replace
from datetime import datetime

from headrace.rules.model import Ladder, Rung
from tests.reference import timeline


@dataclass(frozen=True)
class OnRung:
    """`below`: since when the number is lower than the rung asks. `name`: kept where a rung outlives its number."""

    number: int
    since: datetime | None
    below: datetime | None = None
    name: str | None = None


def stand(ladder: Ladder, known: OnRung | None, value: int | None, now: datetime | None, zone: str) -> OnRung:
    """Where the number puts the customer: up at once, down when the grace is over, by one step or all, or never."""
    rung = rung_of(ladder, value)
    if known is None or rung > known.number:
        return _entered(ladder, rung, now)
    if rung == known.number or ladder.demote == "never":
        return replace(known, below=None)
    if ladder.grace is None:
        return _entered(ladder, rung, now)
    if now is None:
        return known  # before the first clock nobody's grace begins or ends
    if known.below is None:
        return replace(known, below=now)
    if not timeline.is_older(known.below, now, ladder.grace, zone):
        return known
    if ladder.demote == "direct":
        return _entered(ladder, rung, now)
    lower = _entered(ladder, known.number - 1, now)
    return lower if rung == lower.number else replace(lower, below=now)


def rung_of(ladder: Ladder, value: int | None) -> int:
    """The highest rung whose bound is met; unset is nothing."""
    return max(number for number, rung in enumerate(ladder.rungs) if _reached(rung, value or 0))


def kept(ladder: Ladder, known: OnRung, now: datetime | None) -> OnRung:
    """The same rung in an edited ladder: by its name where that was kept and is still there, else by its number."""
    names = [name_of(rung) for rung in ladder.rungs]
    number = names.index(known.name) if known.name in names else min(known.number, len(names) - 1)
    return OnRung(number, known.since or now, known.below, names[number] if outlives(ladder) else None)


def outlives(ladder: Ladder) -> bool:
    """Somebody may stand higher than the number says."""
    return ladder.demote == "never" or ladder.grace is not None


def name_of(rung: Rung) -> str:
    return rung.group or f"{rung.bound} {rung.threshold}"


def _entered(ladder: Ladder, number: int, now: datetime | None) -> OnRung:
    return OnRung(number, now, None, name_of(ladder.rungs[number]) if outlives(ladder) else None)


def _reached(rung: Rung, value: int) -> bool:
    return {"start": True, "from": value >= rung.threshold, "above": value > rung.threshold}[rung.bound]
