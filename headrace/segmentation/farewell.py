"""The last that is done for a customer whom the store no longer has: rules on customer.deleted, and their effects."""

from datetime import datetime

from msgspec.structs import replace

from headrace.contracts.events import CUSTOMER_DELETED
from headrace.segmentation.actions import Stamp
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.compiled_actions import Fired
from headrace.segmentation.effects import Carried, Release, carry_out
from headrace.segmentation.entries import Walk
from headrace.segmentation.facts import Facts
from headrace.segmentation.orders import sum_up
from headrace.segmentation.pages import Pages
from headrace.segmentation.state import State
from headrace.segmentation.triggers import Occurrence
from headrace.segmentation.verdicts import verdicts_of

CAUSE = "deleted"


def farewell(
    state: State, rules: CompiledRules | None, stamp: Stamp, deleted_at: datetime, now: datetime | None, pages: Pages
) -> Carried:
    """What its rules come to: no claims, nothing that waits, nobody is written to.

    `state`: as it was. `stamp.step`: the number of the first effect.
    """
    if rules is None or CUSTOMER_DELETED not in rules.triggers or state.profile is None:
        return Carried(state, (), [], ())
    state = sum_up(state, rules.summing, pages, now)
    facts = Facts(state, rules.spend)
    facts.now = now
    walk = Walk(rules, state.claims, state.standing, offset=stamp.offset)
    waiting = [rule for rule in rules.rules.values() if rule.when.name == CUSTOMER_DELETED]
    walk.run(waiting, facts, (Occurrence(CUSTOMER_DELETED, deleted_at, cause=CAUSE),))
    nobody = replace(state, profile=None, step=stamp.step)
    carried = carry_out(nobody, rules, stamp, map(_at_once, walk.fired), (), Release(clock=now))
    return replace(carried, verdicts=[*verdicts_of(walk.parts), *carried.verdicts])


def _at_once(fired: Fired) -> Fired:
    return replace(fired, actions=tuple(action for action in fired.actions if action.due is None))
