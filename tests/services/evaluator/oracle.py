"""The evaluator a second time, eagerly: each clock and each activation reaches every customer at once, in log order.

It keeps everything in memory and calls the core directly; what the lazy evaluator makes of the same log must be the
same, byte by byte, whenever it visits whom.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from headrace.contracts.actions import Desired
from headrace.contracts.effects import Effect
from headrace.contracts.events import Clock, Event, RulesetActivated, decode_event
from headrace.contracts.topics import PARTITION_WIDE_KEY
from headrace.segmentation.codec import encode_state
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.decide import Context, Decision, NotApplicable, activate, decide
from headrace.segmentation.pages import ORDER
from headrace.segmentation.state import State
from headrace.segmentation.wake import wake
from services.evaluator.engine.fold import Output, Stored
from services.evaluator.routing import effect_output, output_of


@dataclass(slots=True)
class Held:
    """A customer as the oracle has it; the pages it holds are given to the core as they are."""

    state: State
    mark: int
    pages: dict[str, Stored] = field(default_factory=dict)
    actions: list[Desired] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)

    def read(self, name: str) -> bytes | None:
        """A page."""
        return self.pages[name].body if name in self.pages else None

    def orders(self) -> Iterable[str]:
        """The names of the pages of orders."""
        return [name for name in self.pages if name.startswith(ORDER)]

    def keep(self, decision: Decision, mark: int) -> None:
        """What was decided."""
        if decision.state is not self.state:
            self.state, self.mark = decision.state, mark
        for name, body in decision.pages.items():
            if body is None:
                self.pages.pop(name, None)
            else:
                self.pages[name] = Stored(mark, body)
        self.actions += decision.actions
        self.effects += decision.effects


@dataclass(slots=True)
class _Store:
    """What is the same for all customers of a store. `version` 0: no rule set is in force yet."""

    version: int = 0
    now: datetime | None = None


class Oracle:
    """The customers of one partition; `rules` by store and version, of which a marker puts one in force."""

    def __init__(self, rules: Mapping[tuple[str, int], CompiledRules], *, generation: int = 1) -> None:
        self._rules = rules
        self._generation = generation
        self._stores: dict[str, _Store] = {}
        self._held: dict[bytes, Held] = {}
        self.set_aside: list[int] = []
        """Offsets of the records that cannot be applied."""

    def apply(self, offset: int, key: bytes | None, value: bytes | None) -> None:
        """The next record of the partition's log."""
        try:
            event = decode_event(value or b"")
            if event.envelope.subject.encode() != key:
                raise NotApplicable("not_its_key")
            if key == PARTITION_WIDE_KEY:
                self._apply_to_all(event, offset)
            else:
                self._apply_to_one(key, event, offset)
        except (NotApplicable, msgspec.DecodeError):
            self.set_aside.append(offset)

    def records(self) -> dict[bytes, Stored]:
        """Mark and body of every customer and of every page, by key."""
        found: dict[bytes, Stored] = {}
        for key, held in self._held.items():
            found[key] = Stored(held.mark, encode_state(held.state))
            found |= {key + b"#" + name.encode(): page for name, page in held.pages.items()}
        return found

    def outputs(self, *, partition: int, prefix: str) -> dict[bytes, list[Output]]:
        """What every customer's sinks were told, in order."""
        return {
            key: [
                *(output_of(action, key=key, partition=partition, prefix=prefix) for action in held.actions),
                *(effect_output(effect, key=key, partition=partition, prefix=prefix) for effect in held.effects),
            ]
            for key, held in self._held.items()
            if held.actions or held.effects
        }

    def _apply_to_one(self, key: bytes, event: Event, offset: int) -> None:
        store_name = key.partition(b":")[0].decode()
        store = self._stores.setdefault(store_name, _Store())
        held = self._held.get(key)
        rules = self._rules.get((store_name, store.version))
        context = Context(self._generation, offset, store.now, store.version)
        if held is None:
            decision = decide(None, event, rules, context)
            held = self._held[key] = Held(decision.state, offset)
            held.keep(decision, offset)
        else:
            held.keep(decide(held.state, event, rules, context, pages=held), offset)

    def _apply_to_all(self, event: Event, offset: int) -> None:
        data = event.data
        if isinstance(data, Clock):
            self._tick(data.store, data.now.astimezone(UTC))
        elif isinstance(data, RulesetActivated):
            self._activate(data, offset)
        else:
            raise NotApplicable("not_about_a_partition")

    def _tick(self, name: str, now: datetime) -> None:
        store = self._stores.setdefault(name, _Store())
        if store.now is not None and now <= store.now:
            return
        store.now = now
        for held in self._customers(name):
            rules = self._rules.get((name, held.state.rules_version))
            if rules is not None:
                context = Context(self._generation, held.mark, now, held.state.rules_version)
                held.keep(wake(held.state, rules, context), held.mark)

    def _activate(self, data: RulesetActivated, offset: int) -> None:
        store = self._stores.setdefault(data.store, _Store())
        if data.version <= store.version:
            return
        rules = self._rules.get((data.store, data.version))
        if rules is None:
            raise NotApplicable("rules_refused")
        store.version = data.version
        context = Context(self._generation, offset, store.now, data.version)
        for held in self._customers(data.store):
            decision = activate(
                held.state,
                rules,
                context,
                data.activation,
                pages=held,
                send_effects=data.send_effects,
                take_over=data.take_over,
            )
            held.keep(decision, offset)

    def _customers(self, store: str) -> Iterable[Held]:
        return [held for key, held in self._held.items() if key.startswith(store.encode() + b":")]
