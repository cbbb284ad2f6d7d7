"""What a walk has come to so far: claims and standing, and the labels and the group that follow from them.

Conditions and triggers read it by way of the facts; nothing is computed before somebody asks.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.compiled_entries import CompiledRule
from headrace.segmentation.derived import (
    ATTRIBUTE_CHANGED,
    Moment,
    attribute_changed,
    derived,
    group_changed,
    group_told,
)
from headrace.segmentation.facts import Facts, Labels
from headrace.segmentation.group_claims import Wanted, group_in, wanted
from headrace.segmentation.present import folded_attributes, folded_tags
from headrace.segmentation.state import Claims, Standing, State
from headrace.segmentation.triggers import Occurrence


class Reached:
    """The claims and standing of one customer; `changed`: the sources that changed them, as they are noted.

    `moment`: of the decision; without one nothing is a change of an attribute or of the group.
    """

    __slots__ = (
        "_group",
        "_labels",
        "_moment",
        "_rules",
        "_state",
        "_tagged",
        "changed",
        "claims",
        "standing",
    )

    def __init__(self, rules: CompiledRules, claims: Claims, standing: Standing, moment: Moment | None) -> None:
        self._rules = rules
        self._moment = moment
        self._labels: Labels | None = None
        self._tagged: Labels | None = None
        self._group: tuple[Claims, Standing, Wanted] | None = None
        self._state: State | None = None
        self.claims = claims
        self.standing = standing
        self.changed: list[str] = []

    def bind(self, facts: Facts) -> None:
        """Lets the facts read what the walk comes to."""
        facts.attributes, facts.tags = self._attributes, self._tags
        if self._rules.reads_membership:
            self._state = facts.state
            facts.standing, facts.group = self._standing, self._group_in

    def note(self, sources: Iterable[str]) -> None:
        """These changed what claims or standing give."""
        self.changed += sources
        self._labels = self._tagged = None

    def changes(self, rule: CompiledRule, facts: Facts) -> tuple[Occurrence, ...]:
        """What a rule that waits for a change of an attribute or of the group is woken by."""
        moment = self._moment
        if moment is None or self._is_as_told():
            return ()
        if rule.when.name == ATTRIBUTE_CHANGED:
            found = attribute_changed(rule.when.of or "", facts.state, self._attributes())
        else:
            found = group_changed(facts, self._group_wanted(), moment)
        return () if found is None else (derived(found, moment, facts),)

    def _is_as_told(self) -> bool:
        """Nothing has come to another group or attribute yet; between groups of one place any fact may decide."""
        state, moment = self._state, self._moment
        return (
            state is not None
            and self.claims is state.claims
            and self.standing is state.standing
            and moment is not None
            and moment.as_told
            and not self._rules.ties
        )

    def _standing(self) -> Standing:
        return self.standing

    def _group_in(self) -> str | None:
        """The group the customer counts as in, by the claims so far."""
        if self._state is None:
            return None
        return group_told(self._state) if self._is_as_told() else self._group_wanted()

    def _group_wanted(self) -> str | None:
        state = self._state
        if state is None:
            return None
        known = self._group
        if known is None or known[0] is not self.claims or known[1] is not self.standing:
            now = replace(state, claims=self.claims, standing=self.standing)
            known = self._group = (self.claims, self.standing, wanted(now, self._rules))
        return group_in(state, known[2])

    def wanted(self) -> Wanted | None:
        """The group wanted for the customer, if somebody asked for it at the end; what the store has not aside."""
        known = self._group
        return known[2] if known is not None and known[0] is self.claims and known[1] is self.standing else None

    def _attributes(self) -> Labels:
        known = self._labels
        if known is None:
            known = self._labels = folded_attributes(self._rules, self.claims, self.standing)
        return known

    def _tags(self) -> Labels:
        known = self._tagged
        if known is None:  # kept: a rule asks of each line, and its own tag must not answer
            known = self._tagged = folded_tags(self._rules, self.claims, self.standing)
        return known
