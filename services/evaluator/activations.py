"""Which rule sets took effect in a partition, and which of them a customer has not seen yet; with the stores' clocks.

Applying one to a customer is `agent.py`'s; the rule sets themselves come from `rules_feed.py`.
"""

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from headrace.contracts.events import RulesetActivated
from headrace.runtime.logs import log
from headrace.segmentation.compiled import CompiledRules
from services.evaluator.dead_letter_limit import Failures
from services.evaluator.engine.fold import PartitionView
from services.evaluator.marker import Activation, Marker, decode_marker, encode_marker
from services.evaluator.rules_feed import RuleSets


class Activations:
    """The marker of one partition, as it changes while records are folded.

    A customer whose state was changed last at `mark` has seen every activation at or below it: whatever touches a
    customer applies the pending ones first.
    """

    def __init__(self, view: PartitionView, rule_sets: RuleSets) -> None:
        self._view = view
        self._rule_sets = rule_sets
        self._marker: Marker = decode_marker(view.marker)
        self._kept = self._marker
        self._in_force: dict[str, tuple[Activation | None, CompiledRules | None]] = {}

    @property
    def last_offset(self) -> int:
        """The marker of the newest activation, -1 for none."""
        return self._marker.activations[-1].offset if self._marker.activations else -1

    @property
    def versions(self) -> dict[str, int]:
        """Store -> version in force."""
        return {activation.store: activation.version for activation in self._marker.activations}

    def clock(self, store: str, now: datetime) -> None:
        """A clock record was seen."""
        self._marker = self._marker.with_clock(store, now)

    def now(self, store: str) -> datetime | None:
        """The largest clock of the store so far."""
        return self._marker.clocks.get(store)

    def activate(self, data: RulesetActivated, offset: int) -> str:
        """A marker was seen. Why it is refused, or "" (also for one that was seen before: nothing changes)."""
        held = self._marker.last(data.store)
        if held is not None and data.version <= held.version:
            return ""
        known = self._rule_sets.find(data.store, data.version)
        if known is None:
            return f"version {data.version} is not in the rules topic"
        if known.rules is None:
            return f"version {data.version} cannot be read: {known.reason}"
        if known.hash != data.hash:
            return f"version {data.version} is another rule set than the one announced"
        activation = Activation(
            data.store,
            data.version,
            offset,
            data.activation,
            self.now(data.store),
            take_over=data.take_over,
            send_effects=data.send_effects,
        )
        self._marker = self._marker.with_activation(activation)
        self._in_force.clear()
        log.info("rules.activated", version=data.version, partition=self._view.number, offset=offset)
        return ""

    def in_force(self, store: str) -> tuple[Activation | None, CompiledRules | None]:
        """The newest activation of the store whose rule set can be read."""
        found = self._in_force.get(store)
        if found is None:
            of_store = (a for a in reversed(self._marker.activations) if a.store == store)
            readable = ((a, rules) for a in of_store if (rules := self._rules(a)) is not None)
            found = self._in_force[store] = next(readable, (None, None))
        return found

    def rules_of(self, store: str, version: int) -> CompiledRules | None:
        """The rule set that a customer's state was settled under."""
        known = self._rule_sets.find(store, version)
        return known.rules if known else None

    def pending(self, store: str, mark: int) -> Iterator[tuple[Activation, CompiledRules]]:
        """What a customer has not seen, in order."""
        if mark >= self.last_offset:
            return
        for activation in self._marker.pending(store, mark):
            if (rules := self._rules(activation)) is not None:
                yield activation, rules

    def unread(self) -> tuple[tuple[str, int], ...]:
        """Store and version of rule sets in the marker that are not at hand yet (after a restore)."""
        wanted = ((a.store, a.version) for a in self._marker.activations)
        return tuple(place for place in wanted if self._rule_sets.find(*place) is None)

    def swept(self, offset: int) -> None:
        """Every customer has seen all up to `offset`."""
        self._marker = self._marker.swept(offset)

    @property
    def failures(self) -> Failures:
        """The dead letters counted so far."""
        return self._marker.failures

    def count_failures(self, failures: Failures) -> None:
        """Keeps the count with the partition."""
        self._marker = self._marker.with_failures(failures)

    @property
    def marker(self) -> Marker:
        """As it stands."""
        return self._marker

    def promote(self, generation: int, offset: int) -> None:
        """A generation took over, ours or a newer one."""
        self._marker = self._marker.with_promotion(generation, offset)

    def silence(self) -> None:
        """Nothing of this generation leaves it before it is promoted."""
        self._marker = replace(self._marker, silent=True)

    def changed_marker(self) -> bytes | None:
        """The body to write, if it changed since the last call."""
        if self._marker is self._kept:
            return None
        self._kept = self._marker
        return encode_marker(self._marker)

    def _rules(self, activation: Activation) -> CompiledRules | None:
        return self.rules_of(activation.store, activation.version)
