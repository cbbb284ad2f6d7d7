"""When time alone changes what a condition comes to, and numbers of the customer that know when they change.

What is asked is always the first moment after `facts.now`; None stands for never.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from headrace.segmentation.conditions.tree import Aged
from headrace.segmentation.facts import Facts

TIME: Final = "time"
"""Among the parts of the customer that something reads: time alone changes its value."""
NextChange = Callable[[Facts], datetime | None]
Change = Aged | NextChange
"""Of one leaf; that of an age comes at its edge, unless it has passed."""
Bounds = tuple[int, ...]
Judged = Callable[[int | None], object]
Falling = Callable[[Bounds], NextChange]
Later = Callable[[Facts, Bounds], Iterable[tuple[datetime, int]]]


@dataclass(frozen=True, slots=True)
class CompiledNumber:
    """A number of the customer. `reads`: the parts of the customer it depends on.

    `later`: what it becomes by time alone, moment by moment after `facts.now`, as far as values at or just above these
    bounds are concerned. None: time does not change it.
    """

    read: Callable[[Facts], int | None]
    reads: frozenset[str]
    later: Later | None = None
    falling: Falling | None = None
    """Of a number that time alone only makes smaller: when it falls below one of these that it has reached.

    The same function for the same bounds: many leaves ask for one moment.
    """

    def next_change(self, judged: Judged, bounds: Bounds, *, steady: bool = False) -> NextChange | None:
        """When what is `judged` of the number changes by time alone; `bounds`: the values it is compared with.

        `steady`: what is judged goes one way only as the number grows.
        """
        later, read, falling = self.later, self.read, self.falling
        if later is None:
            return None
        if steady and falling is not None:
            steps = {value for bound in bounds for value in (bound, bound + 1) if judged(value) != judged(value - 1)}
            return falling(tuple(sorted(steps)))

        def following(facts: Facts) -> datetime | None:
            held = judged(read(facts))
            return next((moment for moment, value in later(facts, bounds) if judged(value) != held), None)

        return following


@dataclass(frozen=True, slots=True)
class Timed:
    """An entry that time alone may change; `reads`: the parts of the customer by which its next change moves.

    `changes`: of each of its leaves, the first of which is the entry's; so they are asked of many entries together.
    """

    source: str
    reads: frozenset[str]
    next_change: NextChange
    changes: tuple[Change, ...]


def earliest(changes: Sequence[NextChange]) -> NextChange:
    """The first change of any of them."""
    if len(changes) == 1:
        return changes[0]

    def first(facts: Facts) -> datetime | None:
        found: datetime | None = None
        for change in changes:
            due = change(facts)
            if due is not None and (found is None or due < found):
                found = due
        return found

    return first


def newest_fact(facts: Facts) -> datetime | None:
    """When the newest thing known of the customer happened: before the first clock, that is when to look."""
    known = (facts.totals.newest, None if facts.profile is None else facts.profile.modified_at)
    return max((at for at in known if at is not None), default=None)
