"""Random orders, visits and tests of them, for the laws of windows and of time."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from headrace.contracts.events import OrderStatus
from headrace.rules.model import Between, Day, Duration, Leaf, Only, Spend, Window
from headrace.segmentation.codec import encode_lines
from headrace.segmentation.conditions.calendar import FIELD
from headrace.segmentation.conditions.terms import Terms
from headrace.segmentation.facts import Facts
from headrace.segmentation.ledger import counted_spend
from headrace.segmentation.state import Entry, Line, Profile, Refunded, Series, State
from headrace.segmentation.totals import Summing, Sums
from headrace.segmentation.visits import visited
from headrace.segmentation.windows import WindowSum
from tests.headrace.segmentation.conditions.test_calendar import FRIDAY, HOLIDAYS, ONCE, SUMMER

ZONES = ("Europe/London", "America/New_York", "Australia/Lord_Howe")
CALENDARS = {"once": ONCE, "summer": SUMMER, "holidays": HOLIDAYS, "friday": FRIDAY}
SPEND = counted_spend(Spend(count_statuses=("completed", "partially_refunded")))
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
CLOCKS = ("2026-03-08T06:30", "2026-03-29T00:30", "2026-04-04T14:30", "2026-10-03T15:10", "2026-10-25T00:59",
          "2026-11-01T05:59", "2026-12-31T23:59", "2027-01-01T04:59", "2028-02-29T12:00")  # fmt: skip
"""Around changes of clocks, leap days and ends of years."""

moments = st.one_of(
    st.integers(0, 900 * 24 * 60).map(lambda minutes: FIRST + timedelta(minutes=minutes)),
    st.builds(
        lambda text, minutes: datetime.fromisoformat(text + "Z") + timedelta(minutes=minutes),
        st.sampled_from(CLOCKS),
        st.integers(-1600, 1600),
    ),
)
STATUSES: tuple[OrderStatus, ...] = ("completed", "completed", "completed", "partially_refunded", "cancelled")


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    made = draw(moments)
    brands = draw(st.lists(st.sampled_from(["Apple", "Bijou", ""]), max_size=3))
    lines = tuple(
        Line(str(number), str(number), 1 + number, 50, 50 * (1 + number), brand=brand, categories=("Phones",) * number)
        for number, brand in enumerate(brands)
    )
    refunds = tuple(
        Refunded(str(number), made + timedelta(hours=hours), 30, 1)
        for number, hours in enumerate(draw(st.lists(st.integers(0, 4000), max_size=2)))
    )
    return Entry(
        "r",
        draw(st.sampled_from(STATUSES)),
        made,
        draw(st.integers(-2, 9)) * 50,
        100,
        100,
        sum(line.quantity for line in lines),
        encode_lines(lines),
        refunds,
        draw(st.integers(0, 9)) == 0,
        channel=draw(st.sampled_from([None, 1, 2])),
    )


spans = st.builds(
    lambda unit, many: Duration(count=many, unit=unit),
    st.sampled_from(["hour", "day", "day", "month", "year"]),
    st.integers(1, 40),
)
days = st.dates(FIRST.date(), FIRST.date() + timedelta(days=900)).map(str)
windows = st.one_of(
    st.none(),
    spans.map(lambda span: Window(span=span)),
    st.sampled_from([Window(this="month"), Window(this="year")]),
    st.builds(lambda first, last: Window(first=min(first, last), last=max(first, last)), days, days),
)
filters = st.sampled_from(
    [None, None, Only(brand=("apple",)), Only(category=("phones",), brand=("bijou", "apple")), Only(product=("1",)),
     Only(channel=(1,)), Only(channel=(1, 2), brand=("apple",))]
)  # fmt: skip
NUMBERS = ("customer.spend", "customer.orders", "customer.items", "customer.refunds")
AGES = ("customer.account_age", "customer.days_since_last_order", "customer.age")
compared = st.one_of(
    st.tuples(st.sampled_from(["above", "from", "below", "up_to", "is", "is_not"]), st.integers(0, 8)),
    st.tuples(st.just("between"), st.integers(0, 6).map(lambda low: Between(low=low, high=low + 3))),
)


def _scaled(operand: Any, by: int) -> Any:
    return Between(low=operand.low * by, high=operand.high * by) if isinstance(operand, Between) else operand * by


aggregates = st.builds(
    lambda field, window, only, test: Leaf(
        field=field,
        operator=test[0],
        operand=_scaled(test[1], 50 if field in ("customer.spend", "customer.refunds") else 1),
        window=window,
        only=only,
    ),
    st.sampled_from(NUMBERS),
    windows,
    filters,
    compared,
)
visits = st.builds(
    lambda window, test: Leaf(field="customer.visits", operator=test[0], operand=test[1], window=window),
    st.one_of(
        st.sampled_from([None, Window(this="month"), Window(this="year")]),
        st.integers(1, 60).map(lambda many: Window(span=Duration(count=many, unit="day"))),
    ),
    compared,
)
ages = st.builds(
    lambda field, test, by: Leaf(field=field, operator=test[0], operand=_scaled(test[1], by)),
    st.sampled_from(AGES),
    compared,
    st.sampled_from([1, 7, 30]),
)
times = st.builds(
    lambda field, test: Leaf(field=field, operator=test[0], operand=test[1]),
    st.sampled_from(["customer.created_at", "customer.first_order_at", "customer.last_order_at", "customer.birthday"]),
    st.one_of(
        st.tuples(st.sampled_from(["within_last", "older_than"]), spans),
        st.tuples(st.sampled_from(["before", "after", "on_date"]), days.map(lambda day: Day(date=day))),
        st.tuples(st.sampled_from(["during", "not_during"]), st.sampled_from(sorted(CALENDARS))),
        st.tuples(st.just("anniversary"), st.just("today")),
        st.tuples(st.sampled_from(["is_set", "is_unset"]), st.none()),
    ),
)
calendars = st.builds(
    lambda operator, name: Leaf(field=FIELD, operator=operator, operand=name),
    st.sampled_from(["during", "not_during"]),
    st.sampled_from(sorted(CALENDARS)),
)
leaves = st.one_of(aggregates, aggregates, visits, ages, times, calendars)


def terms(zone: str) -> Terms:
    return Terms("GBP", zone, SPEND, CALENDARS)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Profile, list[Entry], list[datetime]]:
    made = draw(moments)
    born = draw(st.sampled_from(["", "1992-02-29", "2020-12-31", "2024-07-01"]))
    profile = Profile("r", made, made, draw(st.sampled_from(["", None])), birthday=born)
    return profile, draw(st.lists(entries(), max_size=6)), draw(st.lists(moments, max_size=6))


def facts_of(
    history: tuple[Profile, list[Entry], list[datetime]], asked: Terms, now: datetime | None, summing: Summing
) -> Facts:
    """Everything added up anew, as of now."""
    profile, orders, seen = history
    sums, series = Sums(summing, now), Series()
    for entry in orders:
        sums.add(entry)
    for at in seen:
        series = visited(series, at, summing.zone, now)
    state = State("s:1", profile=profile, totals=sums.totals, windows=sums.windows, visits=series)
    known = Facts(state, asked.spend)
    known.now = now
    return known


def pruned(series: Series, one: WindowSum, now: datetime | None) -> Series:
    """Without the buckets that have left the window, from the oldest on."""
    gone = 0
    while now is not None and one.left is not None and gone < len(series.at) and one.left(series.at[gone], now):
        gone += 1
    return Series(series.at[gone:], series.amounts[gone:])
