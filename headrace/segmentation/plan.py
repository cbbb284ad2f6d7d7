"""What a rule set would do to one customer, told before it is in force: the state before, the state after, who moves.

What an activation would come to is `foreseen.py`'s, who is known to stay where they are `untouched.py`'s; what all
customers together come to is in `plan_sum.py`.
"""

from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from headrace.rules.group_names import GroupNames
from headrace.rules.model import RuleSet
from headrace.segmentation.by_unset import ByUnset
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.foreseen import Foreseen, Foresight, Wanted, group_of
from headrace.segmentation.opened import Opened, added_up, kept_from
from headrace.segmentation.pages import NO_PAGES, Pages
from headrace.segmentation.shared import Shared
from headrace.segmentation.state import State
from headrace.segmentation.untouched import NOBODY, untouched_by

__all__ = ["NAME", "Outlook", "Planner", "Wanted", "group_of"]

NAME: Final = "plan"
"""Of the activation that never comes."""


class Outlook(Struct, frozen=True):
    """One customer before and after. `before` goes by the new names of segments: a new name is no change.

    Both have groups by the names that the new rules have for them: `VIP Gold` becomes `Gold` where that was, or is no
    longer, what the store calls it.

    `spend`: over all time, in minor units, as the new rules count it. `effects`: the sources of those that the
    activation would have for it if all were released. `only_by_unset`: entries that concern it only because
    nothing is known of a value (`by_unset.py`).
    """

    customer: str
    before: Wanted
    after: Wanted
    spend: int
    effects: tuple[str, ...] = ()
    only_by_unset: tuple[str, ...] = ()
    observed: str = ""
    """The group that the store has the customer in, by the store's name, "" for none."""

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
        sources = frozenset(entry.source for entry in self.rules.entries)
        self._foresight = Foresight(self.rules, version=version, name=NAME, take_over=take_over, send_effects=sources)
        self._by_unset = ByUnset(rule_set, self.rules, version=version, take_over=take_over)
        self._kept = kept_from(None if base is None else base[1], self.rules)
        names = self.rules.names
        self._renamed = None if names is None else Shared[Wanted, Wanted](lambda wanted: _renamed(wanted, names))
        self._untold: dict[str | None, Wanted] = {}
        """Customers who are in no segment, and of whom no label was told, by their group."""
        self._untouched = NOBODY if base is None or take_over else untouched_by(base[1], base[0], self.rules)

    def look(self, state: State, *, offset: int, now: datetime | None, pages: Pages = NO_PAGES) -> Outlook | None:
        """What would become of a customer at this offset of its partition and time of its store; None for a grave.

        `state` has seen whatever is pending for it. Raises `StateUnreadable` for a page that is missing.
        """
        if state.deleted:
            return None
        opened, before = Opened(state, pages), self._before(state)
        summed = added_up(opened, self.rules.summing, now, self._kept)
        found = Foreseen(summed, before, ())
        if not self._untouched.stays(state, summed, now):
            found = self._foresight.of(summed, opened, offset=offset, now=now)
        elif not self._untouched.told_alike:
            told = self._foresight.told(summed, labelled_alike=self._untouched.labelled_alike)
            found = Foreseen(summed, told, ())
        only_by_unset = self._by_unset.of(found, before=summed, opened=opened, offset=offset, now=now)
        spend, observed = found.state.totals.spend, (None if state.profile is None else state.profile.group) or ""
        after = found.wanted
        if self._renamed is not None:
            before, after = self._renamed.of(before), self._renamed.of(after)
        return Outlook(state.key, before, after, spend, found.effects, only_by_unset, observed)

    def _before(self, state: State) -> Wanted:
        group, segments, emitted = group_of(state), state.standing.segments, state.emitted
        if not (segments or emitted.attributes or emitted.tags):
            known = self._untold.get(group)
            if known is None:
                known = self._untold[group] = Wanted(group, {}, {}, ())
            return known
        if renames := self.rules.renames.segments:
            segments = tuple(sorted(renames.get(name, name) for name in segments))
        return Wanted(group, emitted.attributes, emitted.tags, segments)


def _renamed(wanted: Wanted, names: GroupNames) -> Wanted:
    group = names.to_rules(wanted.group)
    return wanted if group == wanted.group else replace(wanted, group=group)
