"""What an activation would come to for one customer, as far as a plan asks: memberships, group, labels, effects.

It is `decide.activate` without what a plan does not tell: timers, the history, actions and why.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from headrace.segmentation.actions import Stamp
from headrace.segmentation.activation import adopt, due_over_the_past, under
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.compiled_actions import Fired
from headrace.segmentation.derived import Moment
from headrace.segmentation.effects import Release, carry_out
from headrace.segmentation.entries import Walk
from headrace.segmentation.facts import Facts
from headrace.segmentation.given import Given
from headrace.segmentation.group_claims import taken_over, wanted
from headrace.segmentation.newest import newest_fold
from headrace.segmentation.opened import Opened
from headrace.segmentation.pins import has_ended
from headrace.segmentation.placing import Placing
from headrace.segmentation.present import labels_told
from headrace.segmentation.state import State, Tags, Values


class Wanted(Struct, frozen=True):
    """What others are told of a customer, and the segments it is in; `group` is the store's own where it is not ours.

    `group` None: a guest, or a customer whose snapshot has not come yet.
    """

    group: str | None
    attributes: Values
    tags: Tags
    segments: tuple[str, ...]


class Foreseen(NamedTuple):
    """`state`: with the claims and the standing it would have, and what was told as it was.

    `effects`: the sources of those that would be released.
    """

    state: State
    wanted: Wanted
    effects: tuple[str, ...]


class Foresight:
    """Looks ahead under one rule set that is not in force."""

    def __init__(
        self, rules: CompiledRules, *, version: int, name: str, take_over: bool, send_effects: Collection[str]
    ) -> None:
        """All but the rules are the activation's."""
        self._rules = rules
        self._version = version
        self._event = f"activation:{name}"
        self._take_over = take_over
        self._named = frozenset(send_effects)
        self._entries = rules.plan(_NO_TRIGGERS, None)
        self._placing = Placing(rules)
        self._given: dict[tuple[int, str | None], tuple[Given, Wanted]] = {}
        """What is told of whom segments and rungs alone give labels, by the id of what they give, and the group."""
        self._newest = newest_fold(rules)

    def of(self, state: State, opened: Opened, *, offset: int, now: datetime | None) -> Foreseen:
        """Of a customer added up by these rules, who has not seen them; `opened`: its orders."""
        rules = self._rules
        if self._version <= state.rules_version:
            return Foreseen(state, self.told(state, labelled_alike=True), ())
        if self._take_over:
            state = taken_over(state, rules)
        state, fired = self._adopted(state, opened, offset, now)
        if state.pin is not None and has_ended(state.pin, now):
            state = replace(state, pin=None)
        facts = Facts(state, rules.spend)
        facts.now = now
        standing = None if fired else self._placing.of(state, facts)
        if standing is not None:
            state = replace(state, standing=standing)
            return Foreseen(state, self.told(state, labelled_alike=False), ())
        return self._walked(state, facts, fired, offset)

    def _walked(self, state: State, facts: Facts, fired: tuple[Fired, ...], offset: int) -> Foreseen:
        rules, now, before = self._rules, facts.now, state.pending
        moment = Moment(self._event, now) if rules.reads_membership else None
        walk = Walk(rules, state.claims, state.standing, offset=offset, moment=moment, pending=before)
        walk.run(self._entries, facts, ())
        state = replace(state, claims=walk.claims, standing=walk.standing)
        effects: tuple[str, ...] = ()
        if fired or walk.fired or walk.pending is not before:
            stamp = Stamp(0, offset, self._version, self._event, "activation", at=now)
            release = Release(self._named, now)
            released = carry_out(state, rules, stamp, (*fired, *walk.fired), walk.pending, release)
            effects = tuple([effect.entry for effect in released.effects])
        return Foreseen(state, self.told(state, labelled_alike=False, walk=walk), effects)

    def _adopted(
        self, state: State, opened: Opened, offset: int, now: datetime | None
    ) -> tuple[State, tuple[Fired, ...]]:
        """The state under the rules, their past gone over; what that fired."""
        rules, version = self._rules, self._version
        if self._newest is None or opened.paged:
            adopted = adopt(state, rules, version=version, offset=offset, now=now, pages=opened.pages)
            return adopted.state, adopted.fired
        due = due_over_the_past(state, rules)
        state = under(state, rules, version=version, now=now)
        if due:
            state = replace(state, claims=self._newest.claims(state, opened, due, offset=offset, now=now))
        return state, ()

    def told(self, state: State, *, labelled_alike: bool, walk: Walk | None = None) -> Wanted:
        """What others would in the end be told of a customer with these memberships and claims."""
        group, emitted, segments = group_of(state), state.emitted, state.standing.segments
        if not state.guest and state.profile is not None:
            value = ((None if walk is None else walk.wanted()) or wanted(state, self._rules))[0]
            group = state.profile.group if value is None else value
        if labelled_alike:
            return Wanted(group, emitted.attributes, emitted.tags, segments)
        given = self._rules.giving.of(state.standing)
        attributes, tags = labels_told(given, state.claims)
        if attributes is not given.attributes_told or tags is not given.tags_told:
            return Wanted(group, attributes, tags, segments)
        known = self._given.get((id(given), group))
        if known is None:
            if len(self._given) >= _KEPT:
                self._given.clear()
            # What they give is kept beside it, so that nothing else comes to stand where it stands.
            known = self._given[id(given), group] = given, Wanted(group, attributes, tags, segments)
        return known[1]


def group_of(state: State) -> str | None:
    """The group we want the customer in; where it is not ours to say, the one that the store has it in."""
    told = state.emitted
    if told.group_known and told.group is not None:
        return told.group
    return None if state.profile is None else state.profile.group


_KEPT: Final = 4096
_NO_TRIGGERS: Final = frozenset[str]()
