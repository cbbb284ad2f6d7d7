"""Orders opened once add up to what `sum_up` adds them up to, whatever is kept of what other rules added up."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from headrace.contracts.events import Event
from headrace.rules.model import (
    RuleSet,
    Segment,
    Spend,
)
from headrace.segmentation.codec import encode_entry, encode_lines
from headrace.segmentation.compiled import compile_rules
from headrace.segmentation.decide import Context, decide
from headrace.segmentation.ledger import NEVER
from headrace.segmentation.opened import Opened, added_up, kept_from
from headrace.segmentation.orders import sum_up
from headrace.segmentation.pages import NO_PAGES
from headrace.segmentation.state import Entry, State
from tests.headrace.segmentation.aggregates import pruned
from tests.headrace.segmentation.test_newest import without_rules
from tests.headrace.segmentation.test_plan import MEMBERS, changes, compiled, fold
from tests.headrace.segmentation.test_properties import LATCHED, MANY, START, histories


def unruled(history: Sequence[Event]) -> State:
    """Before there were any rules."""
    state: State | None = None
    for offset, one in enumerate(history):
        state = decide(state, one, None, Context(1, offset, START, 0)).state
    assert state is not None
    return state


MARK = encode_entry(Entry("r9", "incomplete", NEVER, 0, 0, 0, 0, encode_lines(()), archived=True))
"""What stays of an order that became another customer's."""


@MANY
@given(
    histories(),
    st.sampled_from([Spend(), Spend(refunds="ignore"), Spend(amount="subtotal")]),
    st.booleans(),
    st.sampled_from(["no mark", "a mark", "nothing but a mark"]),
)
def test_added_up__any_orders__is_what_sum_up_comes_to(
    history: list[Event], spend: Spend, windows: bool, left: str
) -> None:
    segments = (*LATCHED.segments, *(MEMBERS if windows else ()))
    rules, state = compile_rules(replace(LATCHED, segments=segments, spend=spend)), without_rules(history)
    if left != "no mark":
        state = replace(state, ledger={**(state.ledger if left == "a mark" else {}), "left": MARK}, summed="")
    assert added_up(Opened(state, NO_PAGES), rules.summing, START) == sum_up(state, rules.summing, NO_PAGES, START)


@MANY
@given(changes(), histories(), st.booleans())
def test_added_up__with_what_other_rules_added_up__is_what_all_orders_come_to(
    change: tuple[RuleSet, RuleSet], history: list[Event], first: bool
) -> None:
    """What has left a window is no part of its sum, whether it is still kept or not."""
    old, new = compiled(change[0]), compiled(change[1])
    if old is None or new is None:
        return
    state = fold(history, compile_rules(change[0])) if not first else unruled(history)
    kept = kept_from(None if first else old, new)
    found = added_up(Opened(state, NO_PAGES), new.summing, START, kept)
    whole = sum_up(replace(state, summed="unknown"), new.summing, NO_PAGES, START)
    assert (found.totals, found.purchased, found.visits) == (whole.totals, whole.purchased, whole.visits)
    windows = zip(found.windows, new.summing.windows, strict=True)
    assert tuple(pruned(series, one, START) for series, one in windows) == whole.windows


@pytest.mark.parametrize(
    ("before", "spend", "segments", "kept"),
    [
        (LATCHED, Spend(), LATCHED.segments, (True, True, True)),
        (None, Spend(), LATCHED.segments, (True, False, True)),
        (LATCHED, Spend(refunds="ignore"), LATCHED.segments, (False, True, False)),
        (LATCHED, Spend(count_statuses=("completed",)), LATCHED.segments, (False, False, False)),
        (LATCHED, Spend(), (), (True, False, True)),
        (LATCHED, Spend(), (*LATCHED.segments, *MEMBERS), (True, True, False)),
    ],
)
def test_kept_from__rules_that_follow_others__keep_what_they_count_alike(
    before: RuleSet | None, spend: Spend, segments: tuple[Segment, ...], kept: tuple[bool, bool, bool]
) -> None:
    new = compile_rules(replace(LATCHED, spend=spend, segments=segments))
    found = kept_from(None if before is None else compile_rules(before), new)
    assert (found.totals, found.purchased, found.windows) == kept
