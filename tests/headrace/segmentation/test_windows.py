"""Windowed sums step by step: what an order changes at once is what each sum by itself says."""

from collections import Counter
from datetime import datetime
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.model import Duration, Only, Window
from headrace.segmentation.conditions.window import compile_number
from headrace.segmentation.state import Entry, Series
from headrace.segmentation.totals import contribution, ordered
from headrace.segmentation.windows import (
    NO_SUMS,
    Ordered,
    WindowSum,
    WindowSums,
    add_to,
    no_windows,
    step_windows,
)
from tests.headrace.segmentation.aggregates import SPEND, ZONES, entries, moments, pruned, terms

FIELDS = ("customer.orders", "customer.spend", "customer.items", "customer.refunds")
WINDOWS = (
    None,
    Window(span=Duration(count=30, unit="day")),
    Window(span=Duration(count=2, unit="month")),
    Window(span=Duration(count=100, unit="hour")),
    Window(this="month"),
    Window(first="2026-03-01", last="2027-03-01"),
)
ONLY = (None, Only(brand=("apple",)), Only(product=("1", "2")), Only(channel=(1,)))


def sums_in(zone: str) -> WindowSums:
    asked = terms(zone)
    for field, window, only in product(FIELDS, WINDOWS, ONLY):
        compile_number(field, window, only, asked)
    return WindowSums(asked.windows.sums)


SUMS = {zone: sums_in(zone) for zone in ZONES}


def read(entry: Entry) -> Ordered:
    return ordered(entry, contribution(entry, SPEND))


def one_by_one(
    known: tuple[Series, ...], sums: WindowSums, before: Ordered | None, after: Ordered, now: datetime | None
) -> tuple[Series, ...]:
    def stepped(series: Series, one: WindowSum) -> Series:
        gone = [] if before is None else [(bucket, -amount) for bucket, amount in one.parts(before)]
        return pruned(add_to(series, (*gone, *one.parts(after))), one, now)

    return tuple(stepped(series, one) for series, one in zip(known, sums, strict=True))


@given(st.sampled_from(ZONES), st.lists(st.tuples(entries(), st.booleans(), st.none() | moments), max_size=5))
def test_step_windows__orders_come_and_change__as_each_sum_by_itself(
    zone: str, steps: list[tuple[Entry, bool, datetime | None]]
) -> None:
    """`bool`: the entry is another one of the order before it."""
    sums = SUMS[zone]
    known = no_windows(sums)
    latest: Entry | None = None
    for entry, again, now in steps:
        before = read(latest) if again and latest is not None else None
        found = step_windows(known, sums, before, read(entry), now)
        # An order that adds what it did leaves everything as it was, also what has left a window meanwhile.
        still_there = tuple(pruned(series, one, now) for series, one in zip(found, sums, strict=True))
        assert still_there == one_by_one(known, sums, before, read(entry), now)
        known, latest = found, entry


@given(entries(), st.none() | moments)
def test_step_windows__order_adds_what_it_did__the_very_same(entry: Entry, now: datetime | None) -> None:
    sums = SUMS["Europe/London"]
    known = step_windows(no_windows(sums), sums, None, read(entry), None)
    assert step_windows(known, sums, read(entry), read(entry), now) is known


@given(entries())
def test_step_windows__no_sums__nothing(entry: Entry) -> None:
    assert step_windows(no_windows(NO_SUMS), NO_SUMS, None, read(entry), None) == ()


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(-2, 2).filter(bool)), max_size=20))
def test_add_to__any_amounts__ascending_buckets_that_come_to_something(more: list[tuple[int, int]]) -> None:
    wanted = Counter[int]()
    for bucket, amount in more:
        wanted[bucket] += amount
    found = add_to(Series(), more)
    assert list(zip(found.at, found.amounts, strict=True)) == sorted((at, left) for at, left in wanted.items() if left)
