"""The family of memberships: every field with every test, its words, and when time alone changes it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.model import Duration, Group, Ladder, Leaf, RuleSet, Rung, Spend, Store
from headrace.segmentation.conditions.membership import FIELDS, compile_next, compile_test, explain, named
from headrace.segmentation.facts import Facts
from headrace.segmentation.ledger import counted_spend
from headrace.segmentation.state import Pin, Standing, State

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RUNGS = (Rung(group="Silver"), Rung(bound="from", threshold=1), Rung(group="Gold", bound="from", threshold=9))
NAMED = named(
    RuleSet(
        store=Store(timezone="UTC", currency="GBP"),
        groups=(Group(name="Gold", kind="B2C"), Group(name="Großhandel", kind="B2B", erp_id="W-1")),
        ladders=(
            Ladder(id="loyalty", by="customer.spend", rungs=RUNGS),
            Ladder(id="points", by="customer.orders", rungs=(Rung(), Rung(group="Gold", bound="from", threshold=2))),
        ),
    )
)
SPEND = counted_spend(Spend())


def facts(
    *, group: str | None = None, standing: Standing | None = None, pin: Pin | None = None, now: datetime | None = NOW
) -> Facts:
    found = Facts(State("s:1", pin=pin), SPEND)
    found.now, found.group, found.standing = now, lambda: group, lambda: standing or Standing()
    return found


def leaf(field: str, operator: str, operand: Any = None, *, days: int = 0) -> Leaf:
    since = Duration(count=days, unit="day") if days else None
    return Leaf(field=f"customer.{field}", operator=operator, operand=operand, since=since)


def holds(one: Leaf, about: Facts) -> bool:
    return compile_test(one, NAMED, "UTC")(about)


@pytest.mark.parametrize(
    ("one", "group", "expected"),
    [
        (leaf("group", "is", "Gold"), "Gold", True),
        (leaf("group", "is", "gold"), "Gold", True),
        (leaf("group", "is", "Gold"), None, False),
        (leaf("group", "is_not", "Gold"), None, True),
        (leaf("group", "in", ("Silver", "Gold")), "Gold", True),
        (leaf("group", "not_in", ("Silver", "Gold")), "Gold", False),
        (leaf("group", "is_set"), "Press", True),
        (leaf("group", "is_unset"), None, True),
        (leaf("kind", "is", "B2B"), "Großhandel", True),
        (leaf("kind", "is", "B2B"), "GROSSHANDEL", True),
        (leaf("kind", "is_not", "B2B"), "Gold", True),
        (leaf("kind", "is", "B2C"), "Press", False),
        (leaf("kind", "is_unset"), "Press", True),
        (leaf("erp_id", "is", "w-1"), "Großhandel", True),
        (leaf("erp_id", "is_unset"), "Gold", True),
        (leaf("erp_id", "not_in", ("w-1",)), None, True),
    ],
)
def test_group__value__as_the_table_says(one: Leaf, group: str | None, expected: bool) -> None:  # a row
    assert holds(one, facts(group=group)) is expected


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (leaf("in_segment", "is", "vip"), True),
        (leaf("in_segment", "is", "staff"), False),
        (leaf("in_segment", "is_not", "staff"), True),
        (leaf("in_segment", "in", ("staff", "vip")), True),
        (leaf("in_segment", "not_in", ("staff", "vip")), False),
        (leaf("on_rung", "is", "Gold"), True),
        (leaf("on_rung", "is", "loyalty/Gold"), False),
        (leaf("on_rung", "is", "points/Gold"), True),
        (leaf("on_rung", "is", "loyalty/2"), True),
        (leaf("on_rung", "is_not", "loyalty/Silver"), True),
        (leaf("on_rung", "in", ("Silver", "loyalty/2")), True),
        (leaf("in_segment", "is", "vip", days=29), True),
        (leaf("in_segment", "is", "vip", days=30), False),
        (leaf("in_segment", "is_not", "vip", days=30), True),
        (leaf("in_segment", "in", ("old", "vip"), days=30), True),
        (leaf("in_segment", "is", "unknown since", days=1), False),
        (leaf("on_rung", "is", "loyalty/2", days=2), True),
        (leaf("on_rung", "is", "loyalty/2", days=3), False),
        (leaf("on_rung", "is", "points/Gold", days=1), False),
    ],
)
def test_standing__value__as_the_table_says(one: Leaf, expected: bool) -> None:  # a row
    since = {
        "vip": NOW - timedelta(days=30),
        "old": NOW - timedelta(days=300),
        "ladder:loyalty": NOW - timedelta(days=3),
    }
    standing = Standing(("old", "unknown since", "vip"), {"loyalty": 1, "points": 1}, since)
    assert holds(one, facts(standing=standing)) is expected


@pytest.mark.parametrize("wanted", [True, False])
def test_pinned__with_and_without(*, wanted: bool) -> None:
    one = leaf("pinned", "is", wanted)
    assert holds(one, facts(pin=Pin("Gold", "asked", NOW))) is wanted
    assert holds(one, facts()) is not wanted


@pytest.mark.parametrize(
    "one",
    [
        leaf("pinned", "is_not", True),
        leaf("pinned", "is", "yes"),
        leaf("in_segment", "contains", "v"),
        leaf("on_rung", "is", "Platinum"),
        leaf("group", "above", 5),
        leaf("group_of_friends", "is", "x"),
    ],
)
def test_compile__what_the_family_does_not_have__is_refused(one: Leaf) -> None:
    with pytest.raises(ValueError, match="no "):
        compile_test(one, NAMED, "UTC")


@given(
    st.sampled_from(["is", "in"]),
    st.integers(1, 40),
    st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 40 * 24)),
    st.integers(0, 100),
)
def test_next_change__any_since__is_the_first_moment_the_test_flips(
    operator: str, days: int, hours: dict[str, int], waited: int
) -> None:
    one = leaf("in_segment", operator, "a" if operator == "is" else ("a", "b"), days=days)
    standing = Standing(tuple(sorted(hours)), {}, {name: NOW - timedelta(hours=ago) for name, ago in hours.items()})
    about = facts(standing=standing, now=NOW + timedelta(hours=waited))
    following = compile_next(one, NAMED, "Europe/London")
    assert following is not None
    test, due = compile_test(one, NAMED, "Europe/London"), following(about)
    before = test(about)
    if due is None:
        about.now = NOW + timedelta(days=4000)
        assert test(about) is before
        return
    assert about.now is not None
    assert due > about.now
    about.now = due - timedelta(microseconds=1)
    assert test(about) is before
    about.now = due
    assert test(about) is not before


def test_next_change__without_since_or_a_clock__never_or_the_first_edge() -> None:
    assert compile_next(leaf("in_segment", "is", "vip"), NAMED, "UTC") is None
    following = compile_next(leaf("in_segment", "is", "vip", days=1), NAMED, "UTC")
    assert following is not None
    assert following(facts(now=None)) is None
    one = leaf("in_segment", "is", "vip", days=1)
    assert not holds(one, facts(now=None, standing=Standing(("vip",), {}, {"vip": NOW})))


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (leaf("group", "is", "Gold"), "customer.group is Gold"),
        (leaf("group", "not_in", ("Gold", "Silver")), "customer.group not in Gold, Silver"),
        (leaf("kind", "is_set"), "customer.kind is set"),
        (leaf("in_segment", "is_not", "vip", days=1), "customer.in_segment is not vip since 1 day"),
        (leaf("on_rung", "is", "loyalty/Gold", days=30), "customer.on_rung is loyalty/Gold since 30 days"),
        (leaf("pinned", "is", True), "customer.pinned is true"),
    ],
)
def test_explain__each_field__in_words(one: Leaf, words: str) -> None:
    assert explain(one) == words
    assert one.field in FIELDS
