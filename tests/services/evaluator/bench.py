"""One partition of customers without Kafka: records in, changes and outputs out, restarts from what was written.

What is expected of it is in the tests.
"""

import json
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from headrace.contracts.actions import RuleSetRecord, encode
from headrace.contracts.topics import PARTITION_WIDE_KEY
from headrace.rules.load import rule_set_hash
from headrace.rules.model import RuleSet, encode_rule_set
from services.evaluator.agent import Customers, Place
from services.evaluator.engine.fold import Folded, Output, PartitionFold
from services.evaluator.engine.state import Partition, encode_record
from services.evaluator.rules_feed import RuleSets, RulesFeed
from tests.services.evaluator.service import STORE, Record


@dataclass(frozen=True)
class Source:
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = 0


class Bench:
    """One partition, whose fold can be opened anew from what it wrote."""

    def __init__(self) -> None:
        self.sets = RuleSets()
        self.partition = Partition(0)
        self.outputs: list[tuple[str, dict[str, Any]]] = []
        self.written: list[Output] = []
        self.fold = self.open()

    def open(self) -> PartitionFold:
        feed = cast("RulesFeed", None)  # nothing here has to wait for a rule set
        self.fold = Customers(Place("t.events", "t.", 1), self.sets, feed).open(self.partition)
        return self.fold

    def rules(self, rule_set: RuleSet, version: int, store: str = STORE) -> None:
        document = msgspec.Raw(encode_rule_set(rule_set))
        self.sets.take(
            encode(RuleSetRecord(store=store, version=version, hash=rule_set_hash(rule_set), document=document))
        )

    def feed(self, *records: Record) -> None:
        """Applies records at the next offsets, in one epoch."""
        first = self.partition.applied + 1
        sources = [Source(first + n, key, value) for n, (_, key, value) in enumerate(records)]
        self.fold.apply(sources)
        self.partition.applied = sources[-1].offset
        self.close()

    def sweep(self, budget: int = 100) -> None:
        while self.fold.sweep(budget).more:
            self.close()
        self.close()

    def close(self) -> Folded:
        folded = self.fold.close()
        self.partition.update({key: stored and encode_record(*stored) for key, stored in folded.changes.items()})
        if folded.marker is not None:
            self.partition.update({PARTITION_WIDE_KEY: encode_record(self.partition.applied, folded.marker)})
        written = list(folded.outputs)
        self.written += written
        self.outputs += [(output.topic, json.loads(output.value or b"")) for output in written]
        return folded

    def groups(self) -> list[tuple[str, str | None, list[int]]]:
        return [(v["customer"], v["value"], v["version"]) for name, v in self.outputs if name == "t.actions.group"]

    def letters(self) -> list[tuple[str, int]]:
        return [(v["reason"], v["offset"]) for name, v in self.outputs if name == "t.dead-letters"]
