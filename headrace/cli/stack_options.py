"""What may differ from one local run of the whole of Headrace to the next."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

STORE: Final = "demo"
"""The simulated store's hash, unless HEADRACE_STORE or --store names it."""
REPOSITORY: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class StackOptions:
    """`speed`: seconds of the simulated stores per real second; every store has the whole quota for itself."""

    store: str = field(default_factory=lambda: os.environ.get("HEADRACE_STORE") or STORE)
    stores: int = 1
    speed: float = 60.0
    seed: int = 1
    partitions: int = 12
    start_time: str = "2009-12-01T00:00:00Z"
    quota: int = 450
    quota_share: float = 0.6
    other_app_share: float = 0.4
    duplicates: float = 0.05
    reorders: float = 0.05
    max_delay_s: float = 30.0
    backfill: bool = False
    consumers: tuple[str, ...] = ()
    """Of the merchant's own, by name: run beside the services."""

    @property
    def names(self) -> tuple[str, ...]:
        """The stores: `demo`, `demo-2`, ..."""
        return (self.store, *(f"{self.store}-{number}" for number in range(2, self.stores + 1)))
