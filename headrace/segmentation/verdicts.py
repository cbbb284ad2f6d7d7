"""Verdicts: what one entry came to in a decision, and why."""

from typing import Literal

from msgspec import Struct

Outcome = Literal[
    "fired",
    "not_met",
    "entered",
    "left",
    "in",
    "out",
    "rung",
    "dropped",
    "ignored",
    "effect",
    "waits",
    "withheld",
    "drifted",
]


class Verdict(Struct, frozen=True):
    """What one entry came to, and why. `source`: `rule:<id>`, `segment:<id>`, `ladder:<id>` or what ignored it."""

    source: str
    outcome: Outcome
    reason: str
