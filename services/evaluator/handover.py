"""How one partition stands between two generations of its state, and how the sinks pass from one to the other.

The record `generation.promoted` is the line: whose customers lie before it is `generation.py`'s.
"""

from collections.abc import Mapping
from typing import Protocol, TypeVar

from msgspec.structs import replace

from headrace.contracts.actions import DesiredAttributes, DesiredContact, DesiredEmailTags, DesiredGroup
from headrace.contracts.effects import Effect
from headrace.contracts.events import GenerationPromoted
from headrace.segmentation.decide import Decision
from headrace.segmentation.reassert import STEPS, Told
from services.evaluator.marker import Marker

T = TypeVar("T", DesiredGroup | DesiredAttributes | DesiredEmailTags | DesiredContact, Effect)


class Sinks(Protocol):
    """What the sinks were told (`sinks.py`)."""

    async def told(self, partition: int, promoted: GenerationPromoted, offset: int) -> Mapping[bytes, Told]:
        """By customer, once nothing of the replaced generation can come any more."""


class Handover:
    """Of one partition, in `generation`.

    `silent`: nothing may leave it yet. `ended_at`: behind this offset a newer generation goes on, None: we do.
    """

    def __init__(self, generation: int, marker: Marker, applied: int) -> None:
        """`applied`: the last offset that the restored state has seen."""
        self._generation = generation
        self.silent = marker.silent
        self.ended_at = applied if marker.promoted > generation else None
        self._from = marker.promoted_at if marker.promoted == generation else -1

    def is_end(self, promoted: GenerationPromoted) -> bool:
        """Whether this is a newer generation's promotion."""
        return promoted.generation > self._generation

    def is_begin(self, promoted: GenerationPromoted) -> bool:
        """Whether this is our own, met for the first time."""
        return promoted.generation == self._generation and self.silent

    def begin(self, offset: int) -> None:
        """We go on behind this offset."""
        self.silent, self._from = False, offset

    def lift(self, decision: Decision, offset: int) -> Decision:
        """The actions of a decision at `offset`, numbered behind what was told at our promotion.

        A timer belongs to the record that set it, which may stand before the promotion.
        """
        if offset >= self._from or not (decision.actions or decision.effects):
            return decision
        actions, effects = tuple(map(self._lift, decision.actions)), tuple(map(self._lift, decision.effects))
        return replace(decision, actions=actions, effects=effects)

    def _lift(self, told: T) -> T:
        generation, _, step = told.version
        return replace(told, version=(generation, self._from, STEPS + step))
