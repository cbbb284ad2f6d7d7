"""Explanations of random customers under random rules of the whole language: consistent; their changes come true."""

import os
from datetime import datetime

import msgspec
import pytest

from headrace.rules.model import AllOf, AnyOf, Condition, Not, Rule, Segment
from headrace.segmentation.explain import explain
from headrace.segmentation.explaining.again import customer_again
from headrace.segmentation.explaining.seen import ChangeSeen, EntrySeen
from headrace.segmentation.explaining.tree import Entry, entries_of
from headrace.segmentation.group_claims import wanted_group
from headrace.segmentation.profile import profile_of
from tests.headrace.segmentation.explaining.played import MOMENT, Played, done, moved, on_ladder, played
from tests.reference.core import limited

SEED = os.environ.get("HEADRACE_REFERENCE_SEED", "1")
PORTION = 20
PORTIONS = [range(at, at + PORTION) for at in range(0, int(os.environ.get("HEADRACE_EXPLAIN_LOGS", "100")), PORTION)]


@pytest.mark.parametrize("logs", PORTIONS, ids=lambda logs: f"seed{SEED}-{logs.start}")
def test_explain__random_rules_and_histories__is_true(logs: range) -> None:
    for number in logs:
        one = played(SEED, number)
        if one is not None:
            with limited(one.core.limits):
                consistent(one)
                for entry in (None, *entries_of(one.rules.rule_set)):
                    change_comes_true(one, entry)


def consistent(one: Played) -> None:
    found = explain(one.state, one.rules, now=one.core.now, pages=one.core, search=False)
    assert "@" not in msgspec.json.encode(found).decode()
    for entry, seen in zip(entries_of(one.rules.rule_set), found.rules, strict=True):
        if isinstance(entry, Segment):
            assert seen.met is seen.holds
        assert put_together(entry, seen) is seen.met
    profile = one.state.profile
    if profile is not None and profile.group is not None:
        again = customer_again(one.state.key, profile, profile.modified_at)
        assert profile_of(again, profile.revision) == profile


def put_together(entry: Entry, seen: EntrySeen) -> bool:
    """The entry's condition from its leaves' truths."""
    truths = [condition.holds for condition in seen.conditions]
    match entry:
        case Segment(who=condition):
            return combined(condition, truths)
        case Rule() if entry.if_ is not None:
            return combined(entry.if_, truths)
        case _:
            return True


def combined(condition: Condition, truths: list[bool]) -> bool:
    match condition:
        case AllOf(of=of):
            parts = [combined(part, truths) for part in of]
            return all(parts)
        case AnyOf(of=of):
            parts = [combined(part, truths) for part in of]
            return any(parts)
        case Not(of=part):
            return not combined(part, truths)
        case _:
            return truths.pop(0)


def change_comes_true(one: Played, entry: Entry | None) -> None:
    now = one.core.now
    assert now is not None
    rule = None if entry is None else entry.id
    change = explain(one.state, one.rules, now=now, pages=one.core, rule=rule).smallest_change
    if change is None:
        return
    if change.moves == "stays":
        it_stays(one, change, now)
        return
    if change.kind == "time":
        assert change.until is not None
        assert it_moved(one, change, rule, 0, change.until, waiting=True) in (True, None)
        assert it_moved(one, change, rule, 0, change.until - MOMENT, waiting=True) in (False, None)
        return
    assert it_moved(one, change, rule, 0, now) in (True, None), change
    assert it_moved(one, change, rule, 1, now) in (False, None), change
    if change.until is not None:
        assert it_moved(one, change, rule, 0, change.until - MOMENT) in (True, None), change


def it_stays(one: Played, change: ChangeSeen, now: datetime) -> None:
    """Beyond the moment at which time alone would end it; one unit less does not do."""
    assert change.until is not None
    for less, stays in ((0, True), (1, False)):
        core = done(one, change, less, now)
        if core is not None:
            core.clock(change.until)
            state = core.state
            assert state is not None
            assert (wanted_group(state, one.rules) == change.to) is stays, change


def it_moved(
    one: Played, change: ChangeSeen, rule: str | None, less: int, at: datetime, *, waiting: bool = False
) -> bool | None:
    """None: not to be told, or not known how to do it."""
    nothing = ChangeSeen(
        fact="customer.visits", by=0, until=None, kind="number", entry=change.entry, to=change.to, moves=change.moves
    )
    core = done(one, nothing if waiting else change, less, at)
    if core is None:
        return None
    if rule is not None and change.entry == f"ladder:{rule}":
        return on_ladder(one, core, rule)
    return moved(one, core, change)
