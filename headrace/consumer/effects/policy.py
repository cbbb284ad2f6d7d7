"""What a merchant decides about effects in general: unknown outcomes, and how many at once are too many."""

from dataclasses import dataclass
from typing import Final, Literal

OfUnknown = Literal["ask", "resend", "drop"]
HOUR_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Policy:
    """`unknown`: what becomes of an effect that may have been done, at a sender that cannot ask: a person is asked, it
    is done again, or it is let go.

    `guard`: so many effects of one entry within `guard_s`, and further ones are held until a person lets them go (0 =
    no limit). What an activation sends on purpose was confirmed with its plan and is not counted.
    """

    unknown: OfUnknown = "ask"
    guard: int = 1000
    guard_s: float = HOUR_S
