"""Aggregates in windows: what an order adds, at the edge second and day, in three zones across changes of clocks."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from headrace.rules.model import Duration, Leaf, Only, Operand, Spend, Window
from headrace.segmentation.codec import encode_lines
from headrace.segmentation.conditions.number import compile_test
from headrace.segmentation.conditions.registry import compile_condition, explain
from headrace.segmentation.conditions.terms import Terms
from headrace.segmentation.conditions.window import compile_number
from headrace.segmentation.facts import Facts
from headrace.segmentation.ledger import counted_spend
from headrace.segmentation.state import Entry, Line, Refunded, Series, State
from headrace.segmentation.totals import Summing, Sums
from headrace.segmentation.windows import WindowSums

SECOND = timedelta(seconds=1)
SPEND = counted_spend(Spend())
APPLE, PEAR = Only(brand=("apple",)), Only(brand=("pear",))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def order(made: str, total: int = 1000, *, status: str = "completed", refunds: tuple[Refunded, ...] = ()) -> Entry:
    lines = (
        Line("a", "1", 2, 300, 600, brand="Apple", categories=("Phones", "Gifts")),
        Line("b", "2", 1, 400, 400, brand="Bijou", categories=("Gifts",)),
    )
    return Entry("r", status, at(made), total, 0, 0, 3, encode_lines(lines), refunds, channel=1)  # type: ignore[arg-type]


def within(count: int, unit: str) -> Window:
    return Window(span=Duration(count=count, unit=unit))  # type: ignore[arg-type]


def number(
    field: str, window: Window | None, only: Only | None, orders: list[Entry], now: str | datetime | None, zone: str
) -> int | None:
    terms = Terms("GBP", zone, SPEND)
    read = compile_number(field, window, only, terms).read
    sums = Sums(Summing(SPEND, (), "x", WindowSums(terms.windows.sums), ZoneInfo(zone)))
    for entry in orders:
        sums.add(entry)
    facts = Facts(State("s:1", totals=sums.totals, windows=sums.windows), SPEND)
    facts.now = at(now) if isinstance(now, str) else now
    return read(facts)


EDGES = [
    # window, zone, when the order was made, the moment it leaves the window
    (within(90, "day"), "Europe/London", "2026-01-10T23:59Z", "2026-04-10T23:00Z"),
    (within(1, "day"), "Europe/London", "2026-03-28T12:00Z", "2026-03-29T23:00Z"),
    (within(1, "day"), "Europe/London", "2026-10-24T12:00Z", "2026-10-26T00:00Z"),
    (within(1, "day"), "America/New_York", "2026-03-07T12:00Z", "2026-03-09T04:00Z"),
    (within(1, "day"), "America/New_York", "2026-10-31T12:00Z", "2026-11-02T05:00Z"),
    (within(1, "day"), "Australia/Lord_Howe", "2026-04-04T12:00Z", "2026-04-05T13:30Z"),
    (within(1, "day"), "Australia/Lord_Howe", "2026-10-03T12:00Z", "2026-10-04T13:00Z"),
    (within(36, "hour"), "Europe/London", "2026-03-28T12:30:15Z", "2026-03-30T00:30:15Z"),
    (within(6, "month"), "UTC", "2026-08-31T12:00Z", "2027-03-01T00:00Z"),
    (within(1, "month"), "UTC", "2028-01-31T12:00Z", "2028-03-01T00:00Z"),
    (within(1, "year"), "UTC", "2028-02-29T12:00Z", "2029-03-01T00:00Z"),
    (Window(this="month"), "Europe/London", "2026-03-31T22:59Z", "2026-03-31T23:00Z"),
    (Window(this="month"), "America/New_York", "2026-12-31T12:00Z", "2027-01-01T05:00Z"),
    (Window(this="year"), "Australia/Lord_Howe", "2026-01-01T00:00Z", "2026-12-31T13:00Z"),
]


@pytest.mark.parametrize(("window", "zone", "made", "left"), EDGES)
def test_compile_number__edge_of_the_window__second_by_second(window: Window, zone: str, made: str, left: str) -> None:
    orders, edge = [order(made)], at(left)
    values = [
        number("customer.spend", window, None, orders, now, zone)
        for now in (at(made), edge - SECOND, edge, edge + SECOND)
    ]
    assert values == [1000, 1000, 0, 0]


@pytest.mark.parametrize(
    ("made", "value"),
    [
        ("2025-12-31T23:59:59Z", 0),
        ("2026-01-01T00:00Z", 1),
        ("2026-03-31T22:59:59Z", 1),
        ("2026-03-31T23:00Z", 0),
    ],
)
def test_compile_number__between_dates__both_included(made: str, value: int) -> None:
    window = Window(first="2026-01-01", last="2026-03-31")
    assert number("customer.orders", window, None, [order(made)], "2030-01-01T00:00Z", "Europe/London") == value
    assert number("customer.orders", window, None, [order(made)], None, "Europe/London") == value


def test_compile_number__no_clock__nothing_has_passed_and_no_month_is_current() -> None:
    orders = [order("2020-01-01T00:00Z")]
    assert number("customer.spend", within(1, "day"), None, orders, None, "UTC") == 1000
    assert number("customer.spend", Window(this="year"), None, orders, None, "UTC") == 0


def test_compile_number__order_of_the_future__inside_a_span_and_in_its_own_month() -> None:
    orders, now = [order("2026-02-01T00:00Z")], "2026-01-01T00:00Z"
    assert number("customer.spend", within(1, "day"), None, orders, now, "UTC") == 1000
    assert number("customer.spend", Window(this="month"), None, orders, now, "UTC") == 0


BACK = (Refunded("f", at("2026-03-01T00:00Z"), 250, 1),)


@pytest.mark.parametrize(
    ("field", "only", "value"),
    [
        ("customer.spend", None, 750),
        ("customer.items", None, 2),
        ("customer.orders", None, 1),
        ("customer.refunds", None, 250),
        # by lines: as they were ordered
        ("customer.spend", APPLE, 600),
        ("customer.items", APPLE, 2),
        ("customer.orders", APPLE, 1),
        ("customer.refunds", APPLE, 250),
        ("customer.spend", PEAR, 0),
        ("customer.orders", PEAR, 0),
        ("customer.refunds", PEAR, 0),
        ("customer.spend", Only(category=("gifts",)), 1000),
        ("customer.spend", Only(category=("phones",), brand=("bijou",)), 0),
        ("customer.spend", Only(product=("2",)), 400),
        # by the order
        ("customer.spend", Only(channel=(1, 7)), 750),
        ("customer.spend", Only(channel=(7,)), 0),
        ("customer.spend", Only(channel=(1,), brand=("apple",)), 600),
    ],
)
def test_compile_number__filters__of_lines_and_orders(field: str, only: Only | None, value: int) -> None:
    orders = [order("2026-01-01T00:00Z", refunds=BACK), order("2026-01-02T00:00Z", status="cancelled")]
    assert number(field, within(1, "year"), only, orders, "2026-06-01T00:00Z", "UTC") == value
    if only is not None:
        assert number(field, None, only, orders, "2026-06-01T00:00Z", "UTC") == value


def test_compile_number__refunds__by_their_own_dates() -> None:
    orders = [order("2020-01-01T00:00Z", refunds=BACK)]
    assert number("customer.refunds", within(90, "day"), None, orders, "2026-05-01T00:00Z", "UTC") == 250
    assert number("customer.spend", within(90, "day"), None, orders, "2026-05-01T00:00Z", "UTC") == 0


def test_compile_number__the_same_window_twice__is_added_up_once() -> None:
    terms = Terms("GBP")
    for _ in range(2):
        compile_number("customer.spend", within(90, "day"), None, terms)
    compile_number("customer.spend", within(91, "day"), None, terms)
    assert len(terms.windows.sums) == 2


def test_next_change__tests_of_one_bound__one_function() -> None:
    """So it is asked once for all of them."""
    compiled = compile_number("customer.items", within(90, "day"), None, Terms("GBP"))
    above, below, other = (
        compiled.next_change(compile_test(operator, bound), (bound,), steady=True)
        for operator, bound in (("above", 1), ("below", 2), ("above", 2))
    )
    assert above is not None
    assert above is below
    assert above is not other


@pytest.mark.parametrize("field", ["customer.average_order", "customer.age", "order.value", "customer.pets"])
def test_compile_number__no_window_there__is_refused(field: str) -> None:
    with pytest.raises(ValueError, match=r"no window|no number"):
        compile_number(field, within(90, "day"), None, Terms("GBP"))


def test_compile_number__visits__by_days_and_over_all_time() -> None:
    now = at("2026-03-01T12:00Z")
    days = {0: 5, int(at("2026-01-29T00:00Z").timestamp()): 1, int(at("2026-01-30T00:00Z").timestamp()): 2}
    facts = Facts(State("s:1", visits=Series(tuple(days), tuple(days.values()))), SPEND)
    facts.now = now
    for window, value in ((None, 8), (within(30, "day"), 2), (within(31, "day"), 3), (Window(this="year"), 3)):
        assert compile_number("customer.visits", window, None, Terms("GBP")).read(facts) == value


def leaf(operator: str, operand: Operand, window: Window | None, only: Only | None = None) -> Leaf:
    return Leaf(field="customer.spend", operator=operator, operand=operand, window=window, only=only)


@pytest.mark.parametrize(
    ("test", "words"),
    [
        (leaf("from", 50000, within(90, "day")), "customer.spend (within 90 days) from 500.00 GBP"),
        (
            leaf("above", 100, Window(this="month"), Only(brand=("apple", "bijou"), channel=(1,))),
            'customer.spend (this month, brand "apple" or "bijou", channel 1) above 1.00 GBP',
        ),
        (
            leaf("is", 0, Window(first="2026-01-01", last="2026-03-31")),
            "customer.spend (from 2026-01-01 to 2026-03-31) is 0.00 GBP",
        ),
        (leaf("is", 0, Window(first="2026-01-01")), "customer.spend (since 2026-01-01) is 0.00 GBP"),
        (leaf("is", 0, Window(last="2026-01-01")), "customer.spend (until 2026-01-01) is 0.00 GBP"),
    ],
)
def test_explain__windowed_test__in_words(test: Leaf, words: str) -> None:
    assert explain(test, "GBP") == words


def test_reads__window_that_moves__time_too() -> None:
    terms = Terms("GBP")
    assert compile_condition(leaf("from", 1, within(1, "day")), terms).reads == {"ledger", "time"}
    assert compile_condition(leaf("from", 1, Window(first="2026-01-01")), terms).reads == {"ledger"}
    assert compile_condition(leaf("from", 1, None, APPLE), terms).reads == {"ledger"}
