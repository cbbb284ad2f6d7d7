"""What a plan foresees for one customer is what `activate` then does: claims, standing, sums, effects."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from headrace.contracts.events import Event
from headrace.rules.model import (
    RuleSet,
)
from headrace.segmentation.decide import Context, activate
from headrace.segmentation.foreseen import Foresight, group_of
from headrace.segmentation.opened import Opened, added_up
from headrace.segmentation.pages import NO_PAGES
from headrace.segmentation.state import Pin
from tests.headrace.segmentation.test_newest import without_rules
from tests.headrace.segmentation.test_plan import changes, compiled, fold
from tests.headrace.segmentation.test_properties import SOME, START, histories


def pins() -> st.SearchStrategy[Pin | None]:
    until = st.sampled_from([None, START - timedelta(days=1), START, START + timedelta(days=1)])
    pin = st.builds(Pin, st.sampled_from(["Gold", "", "gone"]), st.just("told so"), st.just(START), until)
    return st.none() | pin


@SOME
@given(changes(), st.lists(histories(), min_size=1, max_size=3), pins(), st.booleans(), st.booleans())
def test_foresight__any_change_of_rules__is_what_activate_then_does(
    change: tuple[RuleSet, RuleSet], people: list[list[Event]], pin: Pin | None, first: bool, take_over: bool
) -> None:
    old, new = compiled(change[0]), compiled(change[1])
    if old is None or new is None:
        return
    named = frozenset(entry.source for entry in new.entries)
    foresight = Foresight(new, version=2, name="plan", take_over=take_over, send_effects=named)
    for history in people:
        state = replace(without_rules(history) if first else fold(history, old), pin=pin)
        opened = Opened(state, NO_PAGES)
        found = foresight.of(added_up(opened, new.summing, START), opened, offset=100, now=START)
        context = Context(0, 100, START, 2)
        done = activate(state, new, context, "plan", send_effects=named, take_over=take_over)
        told = done.state.emitted
        assert (found.state.claims, found.state.standing) == (done.state.claims, done.state.standing)
        assert (found.state.totals, found.state.purchased) == (done.state.totals, done.state.purchased)
        assert found.wanted.group == group_of(done.state)
        assert (found.wanted.attributes, found.wanted.tags) == (told.attributes, told.tags)
        assert found.effects == tuple(effect.entry for effect in done.effects)
