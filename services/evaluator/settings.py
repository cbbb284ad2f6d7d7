"""The evaluator's settings: what every service has, and the engine's few measures.

What they are used for is composed in `bootstrap.py`.
"""

from typing import Final

from pydantic import Field

from headrace.contracts.topics import EVENTS, changelog
from headrace.runtime.kafka import topic
from headrace.runtime.settings import ServiceSettings

_STATE_TABLE: Final = "state"


class EvaluatorSettings(ServiceSettings):
    """One worker. `worker_id` must be its own and stay the same over restarts: its transactional id is made of it."""

    epoch_ms: int = Field(default=50, ge=1, le=5_000)
    """How long a transaction gathers before it is committed, ms."""
    epoch_records: int = Field(default=10_000, ge=1)
    """How many records close it earlier."""
    chunk_records: int = Field(default=2_000, ge=1)
    """How many records of one partition are folded at a stretch."""
    session_timeout_ms: int = Field(default=10_000, ge=1_000)
    """How long the group waits for a worker that says nothing, ms."""

    @property
    def group(self) -> str:
        """The consumer group, by generation."""
        return topic(self, f"evaluator-{self.generation}")

    @property
    def source(self) -> str:
        """The log of events."""
        return topic(self, EVENTS)

    @property
    def state_table(self) -> str:
        """Faust's name of the table: with the group it gives the changelog's name."""
        assert f"{self.group}-{_STATE_TABLE}-changelog" == topic(self, changelog(self.generation))
        return _STATE_TABLE

    @property
    def transactional_id(self) -> str:
        """One per worker and generation."""
        return f"{self.group}-{self.worker_id}"
