"""What a rule set would do to one customer, told before it is in force: the state before, the state after, who moves.

It is `activate` itself that is asked, on a copy that nobody keeps, except where it is known who stays where they are
(`untouched.py`); what all customers together come to is in `plan_sum.py`.
"""

from datetime import datetime
from typing import Final

from msgspec import Struct

from headrace.rules.model import RuleSet
from headrace.segmentation.actions import Stamp, emit
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.decide import Context, Decision, activate
from headrace.segmentation.entries import Walk
from headrace.segmentation.facts import Facts
from headrace.segmentation.orders import sum_up
from headrace.segmentation.pages import NO_PAGES, Pages
from headrace.segmentation.state import State, Tags, Values
from headrace.segmentation.unset import against_unset
from headrace.segmentation.untouched import NOBODY, untouched_by

NAME: Final = "plan"
"""Of the activation that never comes."""


class Wanted(Struct, frozen=True):
    """What others are told of a customer, and the segments it is in; `group` is the store's own where it is not ours.

    `group` None: a guest, or a customer whose snapshot has not come yet.
    """

    group: str | None
    attributes: Values
    tags: Tags
    segments: tuple[str, ...]


class Outlook(Struct, frozen=True):
    """One customer before and after. `before` goes by the new names of segments: a new name is no change.

    `spend`: over all time, in minor units, as the new rules count it. `effects`: the sources of those that the
    activation would have for it if all were released. `only_by_unset`: its segments in which it is only because
    nothing is known of a value.
    """

    customer: str
    before: Wanted
    after: Wanted
    spend: int
    effects: tuple[str, ...] = ()
    only_by_unset: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether anything of what is told, or a segment, is another."""
        return self.before is not self.after and self.before != self.after

    @property
    def moves(self) -> bool:
        """Whether the group is another."""
        return self.before.group != self.after.group


class Planner:
    """Looks at customers one by one, each under the same new rules."""

    def __init__(
        self, rule_set: RuleSet, *, version: int, base: tuple[int, CompiledRules] | None, take_over: bool = False
    ) -> None:
        """`version`: the one it would become. `base`: version and rules in force, None when there are none.

        Raises ValueError for a rule set that no release of ours has checked.
        """
        self.rules = compile_rules(rule_set)
        self.take_over = take_over
        self._version = version
        self._effects = tuple(entry.source for entry in self.rules.entries)
        known, self._gaps = against_unset(rule_set)
        self._known = compile_rules(known) if self._gaps else self.rules
        self._untouched = NOBODY if base is None or take_over else untouched_by(base[1], base[0], self.rules)

    def look(self, state: State, *, offset: int, now: datetime | None, pages: Pages = NO_PAGES) -> Outlook | None:
        """What would become of a customer at this offset of its partition and time of its store; None for a grave.

        `state` has seen whatever is pending for it. Raises `StateUnreadable` for a page that is missing.
        """
        if state.deleted:
            return None
        before, summed = self._before(state), sum_up(state, self.rules.summing, pages, now)
        effects: tuple[str, ...] = ()
        if not self._untouched.stays(state, summed, now):
            decision = self._activated(state, offset, now, pages)
            after, effects = decision.state, tuple(effect.entry for effect in decision.effects)
        elif self._untouched.told_alike:
            after = summed
        else:
            after = self._told_anew(summed, offset, now)
        return Outlook(
            state.key,
            before,
            before if after is summed else _wanted(after, after.standing.segments),
            after.totals.spend,
            effects,
            self._only_by_unset(after, now, pages),
        )

    def _activated(self, state: State, offset: int, now: datetime | None, pages: Pages) -> Decision:
        return activate(
            state,
            self.rules,
            Context(0, offset, now, self._version),
            NAME,
            pages=pages,
            send_effects=self._effects,
            take_over=self.take_over,
        )

    def _told_anew(self, state: State, offset: int, now: datetime | None) -> State:
        """Of who stays: what follows from the same memberships and claims may be another group, other labels."""
        stamp = Stamp(0, offset, self._version, NAME, "activation", at=now)
        labels = not self._untouched.labelled_alike
        return emit(state, self.rules, stamp, contact=False, group=True, labels=labels)[0]

    def _before(self, state: State) -> Wanted:
        segments, renames = state.standing.segments, self.rules.renames.segments
        if renames:
            segments = tuple(sorted(renames.get(name, name) for name in segments))
        return _wanted(state, segments)

    def _only_by_unset(self, state: State, now: datetime | None, pages: Pages) -> tuple[str, ...]:
        asked = self._gaps.intersection(state.standing.segments) if self._gaps else ()
        if not asked:
            return ()
        state = sum_up(state, self._known.summing, pages, now)
        facts = Facts(state, self._known.spend)
        facts.now = now
        Walk(self._known, state.claims, state.standing, offset=0).run((), facts, ())  # what the customer's labels are
        return tuple(name for name in sorted(asked) if not self._known.segments[name].condition.holds(facts))


def _wanted(state: State, segments: tuple[str, ...]) -> Wanted:
    return Wanted(group_of(state), state.emitted.attributes, state.emitted.tags, segments)


def group_of(state: State) -> str | None:
    """The group we want the customer in; where it is not ours to say, the one that the store has it in."""
    told = state.emitted
    if told.group_known and told.group is not None:
        return told.group
    return None if state.profile is None else state.profile.group
