"""What a role may call beyond its own part of our share, when the store's replies show that it is left.

Pure: `elapsed` is the part of the vendor's window that is over, from 0 to 1; counts are calls of one window. What is
guaranteed, and why, is decision 16.
"""

import math
from dataclasses import dataclass
from typing import Final

_HELD_UNTIL: Final = 0.5
_RELEASED_AT: Final = 0.9
"""A role's right to the calls of its part that it did not make holds until the first, and is gone at the second."""
_FRESH: Final = 0.05
"""What a reply says of the others counts for this part of a window; then one call asks anew."""
_AT_A_TIME: Final = 0.3
"""So much of what is free a role takes before it looks again: several do not take the same calls."""


@dataclass(frozen=True, slots=True)
class View:
    """What one reply said: so many calls of all apps had landed in this window. `sent_at`: when its call went out."""

    used: int
    sent_at: float


def held(elapsed: float) -> float:
    """The part (1 to 0) of its unused calls that a role still has a right to."""
    return min(1.0, max(0.0, (_RELEASED_AT - elapsed) / (_RELEASED_AT - _HELD_UNTIL)))


def room(whole: int, part: float, used: int, elapsed: float) -> float:
    """Calls of our share (`whole`) that neither anybody has made nor the other roles have a right to.

    `part` is our part of the share; `used` are the calls of all apps, ours on the way included: another app's calls
    count like those of a sister, since nobody can tell them apart.
    """
    return whole - used - (1 - part) * whole * held(elapsed)


def may_borrow(whole: int, part: float, view: View, unseen: int, elapsed: float) -> bool:
    """True when one more call is free. `unseen`: calls of our own that the view may not count."""
    free = room(whole, part, view.used, elapsed)
    return free - unseen >= 1 and unseen < math.ceil(_AT_A_TIME * free)


def is_fresh(view: View, now: float, window_s: float) -> bool:
    """False when the others may have called since without our knowing."""
    return now - view.sent_at <= _FRESH * window_s


def opens_at(whole: int, part: float, used: int) -> float:
    """The part of the window after which one more call is free, if nobody calls meanwhile; above 1: not any more."""
    right = (whole - used - 1) / max(1e-9, (1 - part) * whole)
    if right < 0:
        return math.inf
    return _RELEASED_AT - (_RELEASED_AT - _HELD_UNTIL) * min(1.0, right)
