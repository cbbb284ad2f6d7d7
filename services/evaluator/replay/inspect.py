"""The live state looked at without changing anything: its digest, and one customer's in words.

What a replay makes of the log is `partition.py`'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.contracts.topics import partition_of
from headrace.runtime.generations import live_generation
from headrace.runtime.settings import KafkaSettings
from services.evaluator.replay.digest import bodies, digest_of, rows
from services.evaluator.replay.generations import Generations
from services.evaluator.replay.partition import live_partition, settle
from services.evaluator.replay.pool import each, rule_sets_of
from services.evaluator.replay.readable import readable_state
from services.evaluator.replay.refused import Refused
from services.evaluator.rules_feed import RuleSets


@dataclass(frozen=True, slots=True)
class Look:
    """One partition of one generation to look at."""

    generation: int
    partition: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What it holds. `position`: the next offset of the source."""

    partition: int
    position: int
    customers: int
    rows: bytes


def look_at(settings: KafkaSettings, rule_sets: RuleSets, look: Look) -> Seen:
    """A partition as it is at its last commit, with all that is pending shown to its customers."""
    live = live_partition(settings, look.generation, look.partition)
    settle(settings, rule_sets, live)
    return Seen(look.partition, live.applied + 1, len(list(live.keys())), rows(bodies(live.records)))


def state_digest(settings: KafkaSettings, *, processes: int) -> dict[str, Any]:
    """The digest of the live generation, and the offsets it is of."""
    generation, partitions = _live(settings)
    seen = list(
        each(look_at, settings, [Look(generation, number) for number in range(partitions)], processes=processes)
    )
    return {
        "generation": generation,
        "digest": digest_of(one.rows for one in seen),
        "customers": sum(one.customers for one in seen),
        "offsets": {str(one.partition): one.position for one in sorted(seen, key=lambda one: one.partition)},
    }


def show_state(settings: KafkaSettings, customer: str, *, personal: bool) -> dict[str, Any]:
    """One customer's state. Raises `Refused("unknown_customer")`."""
    generation, partitions = _live(settings)
    key = customer.encode()
    live = live_partition(settings, generation, partition_of(key, partitions))
    settle(settings, rule_sets_of(settings), live)
    stored = live.get(key)
    if stored is None:
        raise Refused("unknown_customer", f"generation {generation} has no state of {customer}")
    pages: Mapping[bytes, bytes] = {page: found.body for page in live.pages(key) if (found := live.get(page))}
    return {
        "customer": customer,
        "generation": generation,
        "partition": live.number,
        "mark": stored.mark,
        **readable_state(stored.body, pages, personal=personal),
    }


def _live(settings: KafkaSettings) -> tuple[int, int]:
    generations, live = Generations(settings), live_generation(settings)
    if live not in generations.existing():
        raise Refused("no_live_generation", f"generation {live} has no changelog", "run `headrace topics create`")
    return live, generations.partitions()
