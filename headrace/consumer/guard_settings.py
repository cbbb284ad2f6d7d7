"""How many customers a rule may move before its sink is paused: settings of every desired-state consumer."""

from datetime import timedelta

from pydantic import Field

from headrace.consumer.guard import Bounds
from headrace.runtime.settings import ServiceSettings


class GuardSettings(ServiceSettings):
    """The guard's measures."""

    guard_share: float = Field(default=0.25, ge=0, le=1)
    """A rule that moves a larger share of the customers within `guard_minutes` pauses this consumer until
    `headrace sinks resume`; 0 = never. What a plan or an import moves is not counted."""
    guard_minutes: float = Field(default=60.0, gt=0)
    """The time that counts, by the log's times."""
    guard_least: int = Field(default=1000, ge=0)
    """So few customers never pause it."""

    @property
    def bounds(self) -> Bounds:
        """For `Consumer`."""
        return Bounds(share=self.guard_share, span=timedelta(minutes=self.guard_minutes), least=self.guard_least)
