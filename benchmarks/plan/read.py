"""What a plan is measured against: one partition read back and each customer decoded, and nothing more.

Beside it, the same with every order of every customer opened: what nothing that adds them up anew can go without.
"""

import gc
import time
from dataclasses import dataclass

from headrace.runtime.settings import KafkaSettings
from headrace.segmentation.codec import decode_entry, decode_lines, decode_state
from services.evaluator.plan.memory import peak_mb
from services.evaluator.replay.partition import live_partition
from services.evaluator.rules_feed import RuleSets


@dataclass(frozen=True, slots=True)
class Look:
    """One partition of a generation. `orders`: whether they are opened too."""

    generation: int
    partition: int
    orders: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """How many customers it has, and the seconds it took; `cpu_s`, `rss_mb`: of the process."""

    customers: int
    seconds: float
    cpu_s: float
    rss_mb: int


def read_partition(settings: KafkaSettings, rule_sets: RuleSets, look: Look) -> Read:
    """Raises `KafkaException`."""
    gc.disable()  # as a plan does
    began, cpu, customers = time.perf_counter(), time.process_time(), 0
    live = live_partition(settings, look.generation, look.partition)
    for key in list(live.keys()):
        stored = live.get(key)
        assert stored is not None
        state = decode_state(stored.body)
        if look.orders:
            for body in state.ledger.values():
                decode_lines(decode_entry(body).lines)
        customers += 1
    gc.enable()
    rss_mb = peak_mb()
    return Read(customers, time.perf_counter() - began, time.process_time() - cpu, rss_mb)
