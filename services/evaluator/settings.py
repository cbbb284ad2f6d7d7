"""The evaluator's settings: what every service has, and the engine's few measures.

What they are used for is composed in `bootstrap.py`.
"""

from typing import Final

from pydantic import Field

from headrace.contracts.topics import EVENTS, changelog
from headrace.runtime.generations import FIRST
from headrace.runtime.kafka import topic
from headrace.runtime.settings import ServiceSettings
from services.evaluator.dead_letter_limit import DeadLetterLimit

_STATE_TABLE: Final = "state"


class EvaluatorSettings(ServiceSettings):
    """One worker. `worker_id` must be its own and stay the same over restarts: its transactional id is made of it."""

    store: str = "all"
    """Not asked for: it serves every store of the log."""
    epoch_ms: int = Field(default=50, ge=1, le=5_000)
    """How long a transaction gathers before it is committed, ms."""
    epoch_records: int = Field(default=40_000, ge=1)
    """How many records close it earlier."""
    chunk_records: int = Field(default=10_000, ge=1)
    """How many records of one partition are folded at a stretch."""
    session_timeout_ms: int = Field(default=10_000, ge=1_000)
    """How long the group waits for a worker that says nothing, ms."""
    dead_letter_max_records: int = Field(default=100, ge=0)
    """So many dead letters within the window stop the worker: a bad release must not set all aside; 0 = never."""
    dead_letter_window_records: int = Field(default=1_000, ge=1)
    """The window: the last records about customers in a partition."""
    dead_letter_run_records: int = Field(default=50, ge=0)
    """So many dead letters in a row stop the worker, with nothing applied between them in the partition; 0 = never."""
    dead_letter_per_customer: int = Field(default=5, ge=1)
    """How often one customer counts within the window: a damaged one delays nobody else."""

    @property
    def dead_letter_limit(self) -> DeadLetterLimit:
        """When too many records were set aside to go on."""
        return DeadLetterLimit(
            letters=self.dead_letter_max_records,
            window=self.dead_letter_window_records,
            run=self.dead_letter_run_records,
            per_customer=self.dead_letter_per_customer,
        )

    @property
    def number(self) -> int:
        """The generation: the one that is named (`bootstrap.py` finds it when none is), else the first."""
        return self.generation or FIRST

    @property
    def group(self) -> str:
        """The consumer group, by generation."""
        return topic(self, f"evaluator-{self.number}")

    @property
    def source(self) -> str:
        """The log of events."""
        return topic(self, EVENTS)

    @property
    def state_table(self) -> str:
        """Faust's name of the table: with the group it gives the changelog's name."""
        assert f"{self.group}-{_STATE_TABLE}-changelog" == topic(self, changelog(self.number))
        return _STATE_TABLE

    @property
    def transactional_id(self) -> str:
        """One per worker and generation."""
        return f"{self.group}-{self.worker_id}"
