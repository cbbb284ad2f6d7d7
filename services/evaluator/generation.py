"""The customers of one generation, which may have to wait for its promotion, and ends at the next one's.

Before its own promotion it folds silently; at it, the sinks are told what differs from what they were told last
(`headrace.segmentation.reassert`). What an event does to a customer is `agent.py`'s.
"""

from collections.abc import Mapping, Sequence

import msgspec

from headrace.contracts.effects import EffectKind
from headrace.contracts.events import Event, GenerationPromoted, decode_event
from headrace.contracts.topics import PARTITION_WIDE_KEY
from headrace.runtime.logs import log
from headrace.segmentation.actions import Stamp
from headrace.segmentation.decide import Decision
from headrace.segmentation.effects import Fate
from headrace.segmentation.reassert import Told, reassert
from services.evaluator.activations import Activations
from services.evaluator.agent import PartitionCustomers, Place
from services.evaluator.customer import Customer
from services.evaluator.engine.fold import Folded, PartitionFold, PartitionView, SourceRecord, Swept
from services.evaluator.handover import Handover, Sinks
from services.evaluator.rules_feed import RuleSets, RulesFeed

ORIGIN = "promotion"
"""Of the cause of what is told at a promotion."""


class Generation:
    """The fold of the evaluator: opens a partition's customers."""

    def __init__(self, place: Place, rule_sets: RuleSets, feed: RulesFeed, sinks: Sinks) -> None:
        self._place = place
        self._rule_sets = rule_sets
        self._feed = feed
        self._sinks = sinks

    def open(self, view: PartitionView) -> PartitionFold:
        """The customers of a restored partition."""
        activations = Activations(view, self._rule_sets)
        return GenerationCustomers(view, self._place, activations, self._feed, self._sinks)


class GenerationCustomers(PartitionCustomers):
    """The customers of one partition in one generation."""

    def __init__(
        self, view: PartitionView, place: Place, activations: Activations, feed: RulesFeed, sinks: Sinks
    ) -> None:
        super().__init__(view, place, activations, feed)
        self._handover = Handover(place.generation, activations.marker, view.applied)
        self._sinks = sinks
        self._told: Mapping[bytes, Told] = {}
        self._end_unsaid = self._handover.ended_at is not None

    async def prepare(self, records: Sequence[SourceRecord]) -> None:
        """Besides, before its own promotion: waits until the older generation has ended there, and what it told."""
        await super().prepare(records)
        for record in records:
            promoted = _promoted(record)
            if promoted is not None and self._handover.is_begin(promoted):
                self._told = await self._sinks.told(self._view.number, promoted, record.offset)

    def sweep(self, budget: int) -> Swept:
        """Nothing behind the end; one that had ended before it was opened says so once, for the engine to know."""
        if self._handover.ended_at is None:
            return super().sweep(budget)
        unsaid, self._end_unsaid = self._end_unsaid, False
        return Swept(int(unsaid), more=False)

    def close(self) -> Folded:
        """Without what a silent generation would say."""
        folded = super().close()
        folded.ended_at = self._handover.ended_at
        if self._handover.silent:
            folded.outputs = ()
        return folded

    def _apply(self, record: SourceRecord) -> None:
        if self._handover.ended_at is None:
            super()._apply(record)

    def _apply_to_partition(self, event: Event, offset: int) -> None:
        promoted = event.data
        if not isinstance(promoted, GenerationPromoted):
            super()._apply_to_partition(event, offset)
        elif self._handover.is_end(promoted):
            self._activations.promote(promoted.generation, offset)
            self._handover.ended_at = offset
            log.info("generation.retired", partition=self._view.number, offset=offset)
        elif self._handover.is_begin(promoted):
            self._begin(promoted, offset)

    def _keep(self, customer: Customer, key: bytes, decision: Decision, offset: int) -> None:
        super()._keep(customer, key, self._handover.lift(decision, offset), offset)

    def _count_effects(self, fates: Mapping[tuple[EffectKind, Fate], int]) -> None:
        if not self._handover.silent:
            super()._count_effects(fates)

    # -- promotion ---------------------------------------------------------------------------------------------------
    def _begin(self, promoted: GenerationPromoted, offset: int) -> None:
        """Everybody is brought up to here first: what was pending is older than what is told now."""
        self._letters.take()
        told_anew = 0
        for key in tuple(self._keys()):
            known = key in self._customers
            self._visit(key)
            told_anew += self._tell_anew(key, promoted, offset)
            customer = self._customers.get(key)
            if not known and customer is not None and not (customer.changed or customer.speaks):
                del self._customers[key]
        self._activations.promote(promoted.generation, offset)
        self._handover.begin(offset)
        self._told = {}
        log.info("generation.promoted", partition=self._view.number, offset=offset, told_anew=told_anew)

    def _tell_anew(self, key: bytes, promoted: GenerationPromoted, offset: int) -> bool:
        try:
            customer = self._customer(key)
        except Exception:  # its next event becomes a dead letter
            log.exception("task.failed", task="promote", partition=self._view.number)
            return False
        customer.unsay()
        if customer.state is None:
            return False
        store = key.partition(b":")[0].decode()
        activation, rules = self._activations.in_force(store)
        version = activation.version if activation else 0
        cause = f"{ORIGIN}:{promoted.promotion}"
        stamp = Stamp(promoted.generation, offset, version, cause, ORIGIN)
        customer.actions.extend(reassert(customer.state, rules, self._told.get(key, Told()), stamp))
        return bool(customer.actions)


def _promoted(record: SourceRecord) -> GenerationPromoted | None:
    if record.key != PARTITION_WIDE_KEY or record.value is None:
        return None
    try:
        data = decode_event(record.value).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # becomes a dead letter in `apply`
        return None
    return data if isinstance(data, GenerationPromoted) else None
