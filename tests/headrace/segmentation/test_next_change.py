"""Time alone: a test changes at no moment before the one it names, and does change there, in zones whose clocks change.

The moments between are tried at every edge of the zone's days and at random.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.rules.model import Leaf
from headrace.segmentation.conditions.registry import compile_condition
from headrace.segmentation.state import Entry, Profile
from headrace.segmentation.totals import Summing
from headrace.segmentation.windows import WindowSums
from tests.headrace.segmentation.aggregates import ZONES, facts_of, histories, leaves, moments, terms

TICK = timedelta(seconds=1)
FAR = datetime(2032, 1, 1, tzinfo=UTC)
History = tuple[Profile, list[Entry], list[datetime]]


@settings(max_examples=600)
@given(leaves, histories(), moments, st.sampled_from(ZONES), st.data())
def test_next_change__single_test__changes_there_and_not_before(
    leaf: Leaf, history: History, now: datetime, zone: str, data: st.DataObject
) -> None:
    asked = terms(zone)
    compiled = compile_condition(leaf, asked)
    summing = Summing(asked.spend, (), "x", WindowSums(asked.windows.sums), ZoneInfo(zone))
    facts = facts_of(history, asked, now, summing)

    def holds(at: datetime) -> bool:
        facts.now = at
        return compiled.holds(facts)

    before = holds(now)
    facts.now = now
    due = None if compiled.next_change is None else compiled.next_change(facts)
    until = FAR if due is None else due
    assert until > now
    between = int((until - now - TICK).total_seconds())
    for seconds in data.draw(st.lists(st.integers(0, max(between, 0)), max_size=12)):
        assert holds(now + timedelta(seconds=seconds)) is before
    for known in edges(now, until, zone):
        assert holds(known) is before
    if due is not None:
        assert holds(due - TICK) is before
        assert holds(due) is not before


def edges(first: datetime, last: datetime, zone: str) -> list[datetime]:
    """Midnights of the zone between two moments, thinned where there are many."""
    days = (last - first).days + 1
    midnights = [
        datetime.combine(first.date() + timedelta(days=day), datetime.min.time(), ZoneInfo(zone)).astimezone(UTC)
        for day in range(0, days + 2, max(1, days // 40))
    ]
    return [moment for moment in midnights if first < moment < last]


@settings(max_examples=200)
@given(leaves, histories(), moments, st.sampled_from(ZONES))
def test_next_change__added_up_at_another_time__the_same_answer(
    leaf: Leaf, history: History, now: datetime, zone: str
) -> None:
    """What has left a window is dropped when it is added up: that changes nothing later on."""
    asked = terms(zone)
    compiled = compile_condition(leaf, asked)
    summing = Summing(asked.spend, (), "x", WindowSums(asked.windows.sums), ZoneInfo(zone))
    then, later = facts_of(history, asked, now, summing), now + timedelta(days=17)
    then.now = later
    fresh = facts_of(history, asked, later, summing)
    assert compiled.holds(then) is compiled.holds(fresh)
    whole = facts_of(history, asked, None, summing)
    whole.now = later
    assert compiled.holds(then) is compiled.holds(whole)
