"""The rule sets a replay folds by: those of the log, read once, or one that was in force from its beginning.

What a rule set does is `headrace.segmentation`'s.
"""

from collections.abc import Iterator

from headrace.contracts.events import RulesetActivated
from headrace.segmentation.compiled import CompiledRules
from services.evaluator.activations import Activations
from services.evaluator.engine.fold import PartitionView
from services.evaluator.marker import Activation
from services.evaluator.rules_feed import RuleSets

FORCED_VERSION = 1
"""Of the one rule set: states begin at 0, so each takes it over at its first event."""


class ForcedRules(Activations):
    """One rule set for every store, from the log's beginning; what the log says of rule sets is passed over."""

    def __init__(self, view: PartitionView, rules: CompiledRules) -> None:
        super().__init__(view, RuleSets())
        self._rules_forced = rules

    def activate(self, data: RulesetActivated, offset: int) -> str:
        """Nothing: never refused."""
        return ""

    def in_force(self, store: str) -> tuple[Activation | None, CompiledRules | None]:
        """Always the one."""
        return Activation(store, FORCED_VERSION, -1, "replay"), self._rules_forced

    def rules_of(self, store: str, version: int) -> CompiledRules | None:
        """Always the one."""
        return self._rules_forced

    def pending(self, store: str, mark: int) -> Iterator[tuple[Activation, CompiledRules]]:
        """Nothing: it was in force before anybody came."""
        return iter(())
