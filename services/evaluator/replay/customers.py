"""The agent's fold as replay uses it: customers stay decoded until the end, and nothing leaves it but states.

What an event does is `services.evaluator.agent`'s, unchanged.
"""

from typing import Final

from headrace.contracts.events import Event
from services.evaluator.activations import Activations
from services.evaluator.agent import PartitionCustomers, Place
from services.evaluator.dead_letter_limit import NONE
from services.evaluator.dead_letters import NO_LIMIT, DeadLetters, Reason
from services.evaluator.engine.fold import Folded, PartitionView, SourceRecord
from services.evaluator.rules_feed import RulesFeed

_SWEPT_AT_A_TIME: Final = 10_000


class _Uncounted(DeadLetters):
    """The live generation has set these records aside already: they are passed over."""

    def add(self, record: SourceRecord, reason: Reason, detail: str) -> None:
        """Nothing: neither written nor logged once more."""


class ReplayedCustomers(PartitionCustomers):
    """The customers of one partition, without actions, effects and dead letters."""

    def __init__(self, view: PartitionView, place: Place, activations: Activations, feed: RulesFeed) -> None:
        super().__init__(view, place, activations, feed)
        self._letters = _Uncounted(view.number, source=place.source, prefix=place.prefix, limit=NO_LIMIT, failures=NONE)
        self.unkept: frozenset[bytes] = frozenset()
        """Customers whose state could not be written at the last `close`: too large, or a sum no state can hold."""

    def settle(self) -> None:
        """Shows every customer what is pending: activations, and timers that are due."""
        more = True
        while more:
            more = self.sweep(_SWEPT_AT_A_TIME).more
            for customer in self._customers.values():
                customer.unsay()

    def close(self) -> Folded:
        """The changes, encoded."""
        wanted = {key for key, one in self._customers.items() if one.changed and one.state is not None}
        folded = super().close()
        self.unkept = frozenset(wanted - folded.changes.keys())
        return folded

    def _apply_to_customer(self, event: Event, key: bytes, record: SourceRecord) -> None:
        super()._apply_to_customer(event, key, record)
        customer = self._customers[key]
        customer.records.clear()
        customer.unsay()
