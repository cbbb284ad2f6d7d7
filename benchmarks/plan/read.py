"""What a plan is measured against: one partition read back and each customer decoded, and nothing more."""

import gc
import time
from dataclasses import dataclass

from headrace.runtime.settings import KafkaSettings
from headrace.segmentation.codec import decode_state
from services.evaluator.replay.partition import live_partition
from services.evaluator.rules_feed import RuleSets


@dataclass(frozen=True, slots=True)
class Look:
    """One partition of a generation."""

    generation: int
    partition: int


@dataclass(frozen=True, slots=True)
class Read:
    """How many customers it has, and the seconds it took."""

    customers: int
    seconds: float


def read_partition(settings: KafkaSettings, rule_sets: RuleSets, look: Look) -> Read:
    """Raises `KafkaException`."""
    gc.disable()  # as a plan does
    began, customers = time.perf_counter(), 0
    live = live_partition(settings, look.generation, look.partition)
    for key in list(live.keys()):
        stored = live.get(key)
        assert stored is not None
        decode_state(stored.body)
        customers += 1
    gc.enable()
    return Read(customers, time.perf_counter() - began)
