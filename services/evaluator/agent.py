"""The shell of `decide`: the fold that gives the events of a partition their meaning for its customers.

It loads, calls, keeps and hands on; what an event does to a customer is decided in `headrace.segmentation`, how all of
it is committed in `engine/`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from headrace.contracts.effects import EffectKind
from headrace.contracts.events import Clock, Event, RulesetActivated
from headrace.contracts.notes import Note, encode_note
from headrace.contracts.topics import PARTITION_WIDE_KEY
from headrace.runtime.logs import log
from headrace.runtime.metrics import counter, gauge
from headrace.runtime.topics import MAX_RECORD_BYTES as TOPIC_RECORD_BYTES
from headrace.segmentation.codec import StateUnreadable, encode_state, microseconds, wake_at_of
from headrace.segmentation.decide import Context, Decision, NotApplicable, activate, decide
from headrace.segmentation.effects import Fate
from headrace.segmentation.settle import wake_at
from headrace.segmentation.state import State
from headrace.segmentation.wake import wake
from services.evaluator.activations import Activations
from services.evaluator.customer import Customer, open_customer
from services.evaluator.dead_letter_limit import DeadLetterLimit
from services.evaluator.dead_letters import NO_LIMIT, DeadLetters
from services.evaluator.due import NO_CLOCK, Due
from services.evaluator.engine import cures
from services.evaluator.engine.fold import (
    Folded,
    Output,
    PartitionFold,
    PartitionView,
    SourceRecord,
    Stored,
    Swept,
)
from services.evaluator.engine.state import PAGE_SIGN
from services.evaluator.marker import Activation
from services.evaluator.routing import effect_output, output_of
from services.evaluator.rules_feed import RuleSets, RulesFeed
from services.evaluator.source import SetAside, announced_in, decode, utc
from services.evaluator.sweep import Sweep

MAX_RECORD_BYTES: Final = TOPIC_RECORD_BYTES - 65_536
"""Room for the key, the headers and the batch around a record."""


@dataclass(frozen=True, slots=True)
class Place:
    """What every partition's fold needs to know: full name of the source, topic prefix, generation.

    `limit`: how many dead letters stop the worker.
    """

    source: str
    prefix: str
    generation: int
    limit: DeadLetterLimit = NO_LIMIT


class Customers:
    """The fold of the evaluator: opens a partition's customers."""

    def __init__(self, place: Place, rule_sets: RuleSets, feed: RulesFeed) -> None:
        self._place = place
        self._rule_sets = rule_sets
        self._feed = feed

    def open(self, view: PartitionView) -> PartitionFold:
        """The customers of a restored partition."""
        return PartitionCustomers(view, self._place, Activations(view, self._rule_sets), self._feed)


class PartitionCustomers:
    """The customers of one partition."""

    def __init__(self, view: PartitionView, place: Place, activations: Activations, feed: RulesFeed) -> None:
        self._view = view
        self._place = place
        self._activations = activations
        self._feed = feed
        self._customers: dict[bytes, Customer] = {}
        self._sweep = Sweep(view.number, activations, keys=self._keys, mark=self._mark)
        self._due = Due(wake_at=self._wake_at, clock=self._clock)
        self._due.restore(view.keys())
        self._letters = DeadLetters(
            view.number,
            source=place.source,
            prefix=place.prefix,
            limit=place.limit,
            failures=activations.failures,
        )
        self._counts: Counter[str] = Counter()
        self._fates: Counter[tuple[EffectKind, Fate]] = Counter()

    async def prepare(self, records: Sequence[SourceRecord]) -> None:
        """Waits for the rule sets that are in force here, or announced in these records."""
        for store, version in self._activations.unread():
            await self._feed.until_read(store, version)
        for record in records:
            if record.key == PARTITION_WIDE_KEY and (announced := announced_in(record)):
                await self._feed.until_read(announced.store, announced.version)

    def apply(self, records: Sequence[SourceRecord]) -> None:
        """Folds records; one that cannot be used is set aside, its neighbours do not notice.

        Raises `FatalError("dead_letter_limit")` when too many cannot.
        """
        for record in records:
            try:
                self._apply(record)
            except SetAside as cause:
                self._letters.add(record, cause.reason, cause.detail)
            except NotApplicable as error:
                self._letters.add(record, "not_applicable", str(error))
            except StateUnreadable as error:
                self._letters.add(record, "state_unreadable", str(error))
            except Exception as error:  # our own fault must not stop the partition
                log.exception("task.failed", task="decide", partition=self._view.number, offset=record.offset)
                self._letters.add(record, "failed", type(error).__name__)

    def sweep(self, budget: int) -> Swept:
        """Visits customers whom no event touches: those whose timers are due, then those who miss an activation.

        The end of an activation's sweep changes the partition itself: it is told beside the offset, also where no
        customer changed.
        """
        began, changed, visited = self._sweep.more, 0, 0
        for key in self._due.keys(budget):
            visited += 1
            changed += self._visit(key)
        for key in self._sweep.keys(budget - visited) if visited < budget else ():
            changed += self._visit(key)
        swept = began and not self._sweep.more
        gauge("headrace_evaluator_timers_overdue_seconds", partition=str(self._view.number)).set(self._due.overdue_s)
        return Swept(changed + swept, more=self._due.more or self._sweep.more)

    def close(self) -> Folded:
        """The epoch's changes, encoded."""
        changes: dict[bytes, Stored | None] = {}
        outputs: list[Output] = []
        for key, customer in self._customers.items():
            self._close_customer(key, customer, changes, outputs)
        self._activations.count_failures(self._letters.failures)
        outputs.extend(self._letters.take())
        for kind, count in self._counts.items():
            counter("headrace_evaluator_decisions_total", kind=kind).inc(count)
        self._count_effects(self._fates)
        self._customers, self._counts, self._fates = {}, Counter(), Counter()
        note = Note(self._activations.versions, self._sweep.done, self._sweep.total)
        return Folded(changes, outputs, self._activations.changed_marker(), encode_note(note))

    # -- one record --------------------------------------------------------------------------------------------------
    def _apply(self, record: SourceRecord) -> None:
        key = record.key
        event = decode(record)
        if key is None:
            raise SetAside("undecodable", "no key")
        if event.envelope.subject.encode() != key:
            raise SetAside("not_applicable", "the envelope's subject is not the record's key")
        if key == PARTITION_WIDE_KEY:
            self._apply_to_partition(event, record.offset)
        elif PAGE_SIGN in key:
            raise SetAside("not_applicable", "a customer's key has no #: that is the sign of its pages")
        elif all(key.partition(b":")):
            self._apply_to_customer(event, key, record)
        else:
            raise SetAside("not_applicable", "the key is not store:customer")

    def _apply_to_partition(self, event: Event, offset: int) -> None:
        data = event.data
        if isinstance(data, Clock):
            self._activations.clock(data.store, utc(data.now))
        elif isinstance(data, RulesetActivated):
            if refused := self._activations.activate(data, offset):
                raise SetAside("rules_refused", refused)
            self._sweep.again()
        else:
            raise SetAside("not_applicable", f"{event.envelope.type} is not about a partition")

    def _apply_to_customer(self, event: Event, key: bytes, record: SourceRecord) -> None:
        customer = self._customer(key)
        self._catch_up(customer, key)
        store = _store(key)
        activation, rules = self._activations.in_force(store)
        context = self._context(store, record.offset, activation)
        decision = decide(customer.state, event, rules, context, pages=customer.pages)
        self._counts["event"] += 1
        self._keep(customer, key, decision, record.offset)
        customer.records.append(record)
        self._letters.applied += 1

    def _visit(self, key: bytes) -> bool:
        """Whether the customer changed."""
        try:
            customer = self._customer(key)
            changed = self._catch_up(customer, key)
            self._letters.visited()
        except Exception as error:  # one customer must not stop the sweep; its next event becomes a dead letter
            log.exception("task.failed", task="sweep", partition=self._view.number)
            self._letters.visit_failed(key, error)
            return False
        if changed and (due := self._wake_at(key)):
            self._due.add(key, due)  # the entry that led here is gone
        return changed

    def _catch_up(self, customer: Customer, key: bytes) -> bool:
        """Applies the pending activations in order, each as of its marker, after the timers due before it.

        Then come those due by now. Whether that changed the customer.
        """
        before, store = customer.state, _store(key)
        if before is None:
            return False
        for activation, rules in self._activations.pending(store, customer.mark):
            state = self._wake(customer, key, activation.now)
            context = Context(self._place.generation, activation.offset, activation.now, activation.version)
            decision = activate(
                state,
                rules,
                context,
                activation.id,
                pages=customer.pages,
                send_effects=activation.send_effects,
                take_over=activation.take_over,
            )
            self._keep(customer, key, decision, activation.offset)
            self._counts["activation"] += 1
        return self._wake(customer, key, self._activations.now(store)) is not before

    def _wake(self, customer: Customer, key: bytes, now: datetime | None) -> State:
        """Fires the timers due by `now`, under the rules they were set by. The state after that."""
        state = customer.state
        assert state is not None
        first = wake_at(state)
        if first is None or now is None or first > now:
            return state
        rules = self._activations.rules_of(_store(key), state.rules_version)
        if rules is None:
            return state
        context = Context(self._place.generation, customer.mark, now, state.rules_version)
        decision = wake(state, rules, context)
        self._counts["timer"] += 1
        self._keep(customer, key, decision, customer.mark)
        return decision.state

    def _context(self, store: str, offset: int, activation: Activation | None) -> Context:
        version = activation.version if activation else 0
        return Context(self._place.generation, offset, self._activations.now(store), version)

    def _customer(self, key: bytes) -> Customer:
        customer = self._customers.get(key)
        if customer is None:
            customer = self._customers[key] = open_customer(self._view, key)
        return customer

    def _keys(self) -> Iterable[bytes]:
        """Every customer, also those first seen in this epoch."""
        return dict.fromkeys((*self._view.keys(), *self._customers))

    def _mark(self, key: bytes) -> int | None:
        """The offset that changed a customer last; None for one without state."""
        customer = self._customers.get(key)
        if customer is not None:
            return None if customer.state is None else customer.mark
        stored = self._view.get(key)
        return None if stored is None else stored.mark

    def _wake_at(self, key: bytes) -> int:
        """When a customer wakes, in microseconds since the epoch; 0 for never."""
        customer = self._customers.get(key)
        if customer is not None:
            first = None if customer.state is None else wake_at(customer.state)
            return 0 if first is None else microseconds(first)
        stored = self._view.get(key)
        return 0 if stored is None else wake_at_of(stored.body)

    def _clock(self, store: str) -> int:
        now = self._activations.now(store)
        return NO_CLOCK if now is None else microseconds(now)

    def _keep(self, customer: Customer, key: bytes, decision: Decision, offset: int) -> None:
        if decision.state is not customer.state:
            before = None if customer.state is None else wake_at(customer.state)
            if decision.wake_at is not None and (before is None or decision.wake_at < before):
                self._due.add(key, microseconds(decision.wake_at))
        customer.keep(decision, offset)

    # -- closing -----------------------------------------------------------------------------------------------------
    def _close_customer(
        self, key: bytes, customer: Customer, changes: dict[bytes, Stored | None], outputs: list[Output]
    ) -> None:
        if customer.state is None or not (customer.changed or customer.speaks):
            self._fates.update(customer.fates)  # one withheld changes nobody
            return
        try:
            body = encode_state(customer.state)
            written = self._outputs(key, customer)
        except (OverflowError, ValueError) as error:  # a sum that no state can hold: the customer stays as it was
            for record in customer.records:
                self._letters.add(record, "failed", type(error).__name__)
            return
        pages = customer.page_changes()
        sizes = (len(page.body) for page in pages.values() if page is not None)
        if max((len(body), *(len(output.value or b"") for output in written), *sizes)) > MAX_RECORD_BYTES:
            # The customer stays as it was before the epoch; what could not be kept is set aside.
            for record in customer.records:
                self._letters.add(record, "oversized", f"more than {MAX_RECORD_BYTES} bytes")
            return
        tombstone = customer.state.deleted and cures.off("grave")
        changes[key] = None if tombstone else Stored(customer.mark, body)
        changes.update(pages)
        outputs.extend(written)
        self._fates.update(customer.fates)

    def _count_effects(self, fates: Mapping[tuple[EffectKind, Fate], int]) -> None:
        for (kind, outcome), count in fates.items():
            counter("headrace_evaluator_effects_total", kind=kind, outcome=outcome).inc(count)

    def _outputs(self, key: bytes, customer: Customer) -> list[Output]:
        number, prefix = self._view.number, self._place.prefix
        written = [output_of(action, key=key, partition=number, prefix=prefix) for action in customer.actions]
        written += [effect_output(effect, key=key, partition=number, prefix=prefix) for effect in customer.effects]
        return written


def _store(key: bytes) -> str:
    return key.partition(b":")[0].decode()
