"""The boundary table: every comparison at its bound and one minor unit, one unit, one second or one day beside it.

What is expected stands in the tables, written by hand; days are told by the clocks of three zones as they change.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from headrace.contracts.events import OrderLine
from tests.headrace.segmentation.edges import NOW, Edge, days_ago, line, refund, rule, segment

SECOND = timedelta(seconds=1)
LONDON, NEW_YORK, LORD_HOWE = "Europe/London", "America/New_York", "Australia/Lord_Howe"

# -- numbers ---------------------------------------------------------------------------------------------------------
COMPARISONS = {
    "{{is: {0}}}": (False, True, False),
    "{{is_not: {0}}}": (True, False, True),
    "{{above: {0}}}": (False, False, True),
    "{{from: {0}}}": (False, True, True),
    "{{below: {0}}}": (True, False, False),
    "{{up_to: {0}}}": (True, True, False),
    "{{from: {0}, below: {2}}}": (False, True, True),
    "{{from: {-}, below: {0}}}": (True, False, False),
}
"""Comparison with a bound -> whether it holds of one less, of the bound, of one more."""
MONEY: dict[str, Callable[[Edge, int], Edge]] = {
    "customer.spend": lambda edge, value: edge.order(1, 100).order(2, value - 100),
    "customer.refunds": lambda edge, value: edge.order(1, 9999, refunds=(refund(value),)),
    "customer.average_order": lambda edge, value: edge.order(1, value - 7).order(2, value + 7),
    "customer.largest_order": lambda edge, value: edge.order(1, value).order(2, 100),
    "customer.store_credit": lambda edge, value: edge.customer(store_credit=value),
    "customer.income": lambda edge, value: edge.customer(form={"income": f"{value / 100:.2f}"}),
}


def orders(edge: Edge, count: int) -> Edge:
    for number in range(count):
        edge.order(number)
    return edge.order(99, status="cancelled")


def visits(edge: Edge, count: int) -> Edge:
    for _ in range(count):
        edge.visit(NOW)
    return edge


def through_channels(edge: Edge, percent: int) -> Edge:
    """So many of a hundred orders."""
    for number in range(100):
        edge.order(number, channel_id=1 if number < percent else 2)
    return edge


def units(edge: Edge, count: int) -> Edge:
    """One more was ordered, and given back."""
    return edge.order(1, lines=(line(quantity=count + 1),), refunds=(refund(1, units=1),))


COUNTS: dict[str, Callable[[Edge, int], Edge]] = {
    "customer.orders": orders,
    "customer.items": units,
    "customer.visits": visits,
    "customer.account_age": lambda edge, value: edge.customer(days_ago(value)),
    "customer.days_since_last_order": lambda edge, value: edge.order(1, created_at=days_ago(value)),
    "customer.age": lambda edge, value: edge.customer(birthday=f"{2026 - value}-06-15"),
    "customer.channel_share.online": through_channels,
}
OF_ORDER: dict[str, Callable[[Edge, int], Edge]] = {
    "order.value": lambda edge, value: edge.order(1, value),
    "order.items": lambda edge, value: edge.order(1, lines=(line(quantity=value - 1), line(id="2"))),
    "order.backordered": lambda edge, value: edge.order(1, lines=(line(quantity=9, backordered=value),)),
}
OF_LINE: dict[str, Callable[[int], OrderLine]] = {
    "quantity": lambda value: line(quantity=value),
    "price": lambda value: line(price=value),
    "total": lambda value: line(total=value),
}


def written(comparison: str, bound: int, *, money: bool) -> str:
    def shown(value: int) -> str:
        return f"{value // 100}.{value % 100:02d}" if money else str(value)

    marks = {"{0}": shown(bound), "{2}": shown(bound + 2), "{-}": shown(bound - 2)}
    text = comparison.replace("{{", "{").replace("}}", "}")
    for mark, value in marks.items():
        text = text.replace(mark, value)
    return text


@pytest.mark.parametrize(("comparison", "expected"), COMPARISONS.items())
@pytest.mark.parametrize("field", MONEY)
def test_money__one_minor_unit_beside_the_bound__tells(field: str, comparison: str, expected: tuple[bool, ...]) -> None:
    entry = segment(f"{{{field}: {written(comparison, 100000, money=True)}}}")
    assert tuple(MONEY[field](Edge(entry), value).here for value in (99999, 100000, 100001)) == expected


@pytest.mark.parametrize(("comparison", "expected"), COMPARISONS.items())
@pytest.mark.parametrize("field", COUNTS)
def test_count__one_beside_the_bound__tells(field: str, comparison: str, expected: tuple[bool, ...]) -> None:
    entry = segment(f"{{{field}: {written(comparison, 4, money=False)}}}")
    assert tuple(COUNTS[field](Edge(entry), value).here for value in (3, 4, 5)) == expected


@pytest.mark.parametrize(("comparison", "expected"), COMPARISONS.items())
@pytest.mark.parametrize("field", OF_ORDER)
def test_order_field__one_beside_the_bound__tells(field: str, comparison: str, expected: tuple[bool, ...]) -> None:
    bound, money = (100000, True) if field == "order.value" else (4, False)
    entry = rule("order.placed", f"{{{field}: {written(comparison, bound, money=money)}}}")
    found = [OF_ORDER[field](Edge(entry), value).here for value in (bound - 1, bound, bound + 1)]
    assert tuple(found) == expected


@pytest.mark.parametrize(("comparison", "expected"), COMPARISONS.items())
def test_spend_before__one_minor_unit_beside_the_bound__tells(comparison: str, expected: tuple[bool, ...]) -> None:
    """The order that is looked at is the second."""
    entry = rule("{order.reached: shipped}", f"{{customer.spend_before: {written(comparison, 100000, money=True)}}}")
    found = [Edge(entry).order(1, value).order(2, 1, status="shipped").here for value in (99999, 100000, 100001)]
    assert tuple(found) == expected


@pytest.mark.parametrize(("comparison", "expected"), COMPARISONS.items())
@pytest.mark.parametrize("field", OF_LINE)
@pytest.mark.parametrize("list_", ["order.lines", "customer.purchased"])
def test_line_field__one_beside_the_bound__tells(
    list_: str, field: str, comparison: str, expected: tuple[bool, ...]
) -> None:
    test = f"{{{list_}: {{any: {{{field}: {written(comparison, 400, money=field != 'quantity')}}}}}}}"
    entry = rule("order.placed", test)
    assert tuple(Edge(entry).order(1, lines=(OF_LINE[field](v),)).here for v in (399, 400, 401)) == expected


@pytest.mark.parametrize(("comparison", "expected"), COMPARISONS.items())
def test_cart__one_beside_the_bound__tells(comparison: str, expected: tuple[bool, ...]) -> None:
    value = rule("cart.abandoned", f"{{cart.value: {written(comparison, 5000, money=True)}}}")
    units = rule("cart.abandoned", f"{{cart.items: {written(comparison, 4, money=False)}}}")
    assert tuple(Edge(value).cart(total, 1).here for total in (4999, 5000, 5001)) == expected
    assert tuple(Edge(units).cart(1, count).here for count in (3, 4, 5)) == expected


@pytest.mark.parametrize(("comparison", "expected"), COMPARISONS.items())
def test_count_of_elements__one_beside_the_bound__tells(comparison: str, expected: tuple[bool, ...]) -> None:
    compared = written(comparison, 4, money=False).strip("{}")
    entry = segment(f"{{customer.purchased: {{count: {{of: {{product: '7'}}, {compared}}}}}}}")
    found = [Edge(entry).order(1, lines=tuple(line(id=str(n)) for n in range(count))).here for count in (3, 4, 5)]
    assert tuple(found) == expected


@pytest.mark.parametrize(
    ("bound", "rungs"),
    [("from", ("low", "high", "high")), ("above", ("low", "low", "high"))],
)
def test_rung__one_minor_unit_beside_its_bound__tells(bound: str, rungs: tuple[str, ...]) -> None:
    entry = (
        "ladders: [{id: x, by: customer.spend, rungs: [{attributes: {is: low}}, "
        f"{{attributes: {{is: here}}, {bound}: 1000}}]}}]"
    )
    found = [Edge(entry).order(1, value).here for value in (99999, 100000, 100001)]
    assert ["high" if here else "low" for here in found] == list(rungs)


@pytest.mark.parametrize(
    ("operator", "before", "after", "crossed"),
    [
        ("crosses", 99999, 100000, False),
        ("crosses", 99999, 100001, True),
        ("crosses", 100000, 100001, True),
        ("crosses", 100001, 100002, False),
        ("crosses_down", 100001, 100000, True),
        ("crosses_down", 100001, 99999, True),
        ("crosses_down", 100000, 99999, False),
        ("crosses_down", 100002, 100001, False),
    ],
)
def test_crossing__from_one_side_to_the_other__only_then(operator: str, before: int, after: int, crossed: bool) -> None:
    entry = rule("{order.reached: shipped}", f"{{customer.spend: {{{operator}: 1000}}}}")
    assert Edge(entry).order(1, before).order(1, after, status="shipped").here is crossed


# -- spans of time ---------------------------------------------------------------------------------------------------
SPANS = [
    # When something happened there, the span, and the first moment there at which it is older than that.
    (LONDON, "2026-01-05T00:00", "90 days", "2026-04-06T00:00"),
    (LONDON, "2026-01-05T23:59:59", "90 days", "2026-04-06T00:00"),
    (LONDON, "2026-03-28T12:00", "1 day", "2026-03-30T00:00"),
    (LONDON, "2026-10-24T00:00", "1 day", "2026-10-26T00:00"),
    (LONDON, "2026-03-28T12:00", "36 hours", "2026-03-30T01:00"),
    (LONDON, "2026-10-24T12:00", "36 hours", "2026-10-25T23:00"),
    (LONDON, "2026-08-31T10:00", "1 month", "2026-10-01T00:00"),
    (LONDON, "2024-02-29T10:00", "1 year", "2025-03-01T00:00"),
    (NEW_YORK, "2026-03-07T23:59:59", "1 day", "2026-03-09T00:00"),
    (NEW_YORK, "2026-03-08T01:30", "1 hour", "2026-03-08T03:30"),
    (NEW_YORK, "2026-10-31T00:00", "1 day", "2026-11-02T00:00"),
    (NEW_YORK, "2026-11-01T00:30", "3 hours", "2026-11-01T02:30"),
    (NEW_YORK, "2025-12-31T23:59:59", "2 months", "2026-03-01T00:00"),
    (NEW_YORK, "2023-02-28T10:00", "1 year", "2024-02-29T00:00"),
    (LORD_HOWE, "2026-04-04T00:00", "1 day", "2026-04-06T00:00"),
    (LORD_HOWE, "2026-04-05T00:00", "2 hours", "2026-04-05T01:30+10:30"),
    (LORD_HOWE, "2026-10-03T23:59:59", "1 day", "2026-10-05T00:00"),
    (LORD_HOWE, "2026-10-04T01:30", "1 hour", "2026-10-04T03:00"),
    (LORD_HOWE, "2026-01-31T10:00", "3 months", "2026-05-01T00:00"),
]
"""Around the nights in which the clocks there change, leap days and ends of months."""


def at(edge: Edge, text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else edge.local(text)


@pytest.mark.parametrize(("zone", "happened", "span", "older_from"), SPANS)
@pytest.mark.parametrize("operator", ["older_than", "within_last"])
def test_span__its_last_second_and_the_first_after_it(
    operator: str, zone: str, happened: str, span: str, older_from: str
) -> None:
    older = operator == "older_than"
    for moment, expected in ((-SECOND, not older), (timedelta(0), older), (SECOND, older)):
        edge = Edge(segment(f"{{customer.created_at: {{{operator}: {span}}}}}"), zone=zone)
        edge.now = at(edge, older_from) + moment
        assert edge.customer(edge.local(happened)).here is expected


@pytest.mark.parametrize(("zone", "happened", "span", "older_from"), SPANS)
def test_span__time_alone__leaves_at_the_edge(zone: str, happened: str, span: str, older_from: str) -> None:
    edge = Edge(segment(f"{{customer.last_order_at: {{older_than: {span}}}}}"), zone=zone)
    edge.now = edge.local(happened)
    edge.order(1, created_at=edge.now)
    turns = at(edge, older_from)
    assert [edge.passes(moment) for moment in (turns - SECOND, turns, turns + SECOND)] == [False, True, True]


@pytest.mark.parametrize(
    ("zone", "happened", "span", "older_from", "field"),
    [
        (*span, field)
        for span in SPANS
        for field in ("spend", "orders", "items", "refunds", "visits")
        if field != "visits" or "hour" not in span[2]  # they are counted by days
    ],
)
def test_window__time_alone__the_fact_leaves_at_the_edge(
    field: str, zone: str, happened: str, span: str, older_from: str
) -> None:
    edge = Edge(segment(f"{{customer.{field}: {{from: 1, within: {span}}}}}"), zone=zone)
    edge.now = edge.local(happened)
    if field == "visits":
        edge.visit(edge.now)
    else:
        edge.order(1, 1000, created_at=edge.now, lines=(line(),), refunds=(refund(100, edge.now),))
    turns = at(edge, older_from)
    assert [edge.passes(moment) for moment in (turns - SECOND, turns, turns + SECOND)] == [True, False, False]


# -- days ------------------------------------------------------------------------------------------------------------
DAYS = [
    # The day, when it begins there and when the next one does.
    (LONDON, "2026-03-29", "2026-03-29T00:00", "2026-03-30T00:00"),
    (LONDON, "2026-10-25", "2026-10-25T00:00", "2026-10-26T00:00"),
    (NEW_YORK, "2026-03-08", "2026-03-08T00:00", "2026-03-09T00:00"),
    (NEW_YORK, "2026-11-01", "2026-11-01T00:00", "2026-11-02T00:00"),
    (NEW_YORK, "2024-02-29", "2024-02-29T00:00", "2024-03-01T00:00"),
    (LORD_HOWE, "2026-04-05", "2026-04-05T00:00", "2026-04-06T00:00"),
    (LORD_HOWE, "2026-10-04", "2026-10-04T00:00", "2026-10-05T00:00"),
    (LORD_HOWE, "2025-12-31", "2025-12-31T00:00", "2026-01-01T00:00"),
]
OF_DAY = {
    "before": (True, False, False, False),
    "on_date": (False, True, True, False),
    "after": (False, False, False, True),
}
"""In the last second before the day, in its first, in its last, in the first after it."""


@pytest.mark.parametrize(("zone", "day", "begins", "ends"), DAYS)
@pytest.mark.parametrize(("operator", "expected"), OF_DAY.items())
def test_day__its_first_and_last_second(
    operator: str, expected: tuple[bool, ...], zone: str, day: str, begins: str, ends: str
) -> None:
    entry = segment(f"{{customer.created_at: {{{operator}: {day}}}}}")
    edge = Edge(entry, zone=zone)
    start, end = edge.local(begins), edge.local(ends)
    moments = (start - SECOND, start, end - SECOND, end)
    assert tuple(Edge(entry, zone=zone).customer(moment).here for moment in moments) == expected


@pytest.mark.parametrize(("zone", "day", "begins", "ends"), DAYS)
def test_window_between_days__both_are_included(zone: str, day: str, begins: str, ends: str) -> None:
    entry = segment(f"{{customer.orders: {{from: 1, from_date: {day}, to_date: {day}}}}}")
    edge = Edge(entry, zone=zone)
    start, end = edge.local(begins), edge.local(ends)
    moments = (start - SECOND, start, end - SECOND, end)
    found = [Edge(entry, zone=zone).order(1, created_at=moment).here for moment in moments]
    assert found == [False, True, True, False]


PERIODS = [
    # The unit, and there when something happened, when its period began and when the next one does.
    (LONDON, "month", "2026-03-10T12:00", "2026-03-01T00:00", "2026-04-01T00:00"),
    (NEW_YORK, "month", "2026-11-30T23:59:59", "2026-11-01T00:00", "2026-12-01T00:00"),
    (NEW_YORK, "year", "2026-07-01T00:00", "2026-01-01T00:00", "2027-01-01T00:00"),
    (LORD_HOWE, "month", "2024-02-29T23:59:59", "2024-02-01T00:00", "2024-03-01T00:00"),
    (LORD_HOWE, "year", "2025-12-31T23:59:59", "2025-01-01T00:00", "2026-01-01T00:00"),
]


@pytest.mark.parametrize(("zone", "unit", "happened", "begins", "ends"), PERIODS)
@pytest.mark.parametrize("field", ["orders", "visits"])
def test_this_period__from_its_first_to_its_last_second(
    field: str, zone: str, unit: str, happened: str, begins: str, ends: str
) -> None:
    edge = Edge(segment(f"{{customer.{field}: {{from: 1, this: {unit}}}}}"), zone=zone)
    start, end = edge.local(begins), edge.local(ends)
    edge.now = start - SECOND
    made = edge.local(happened)
    found = [(edge.visit(made) if field == "visits" else edge.order(1, created_at=made)).here]
    found += [edge.passes(moment) for moment in (start, end - SECOND, end)]
    assert found == [False, True, True, False]


CALENDARS = [
    # The calendar, and there its first second and the first after it.
    (LONDON, "sale", "2026-03-29T00:00", "2026-04-01T00:00"),
    (NEW_YORK, "sale", "2026-03-29T00:00", "2026-04-01T00:00"),
    (LORD_HOWE, "turn", "2025-12-30T00:00", "2026-01-03T00:00"),
    (NEW_YORK, "leap", "2024-02-29T00:00", "2024-03-01T00:00"),
    (LONDON, "leap", "2026-02-28T00:00", "2026-03-01T00:00"),
    (LONDON, "week", "2026-10-26T00:00", "2026-10-28T00:00"),
]


@pytest.mark.parametrize(("zone", "name", "begins", "ends"), CALENDARS)
@pytest.mark.parametrize("operator", ["during", "not_during"])
def test_calendar__time_alone__its_first_and_last_second(
    operator: str, zone: str, name: str, begins: str, ends: str
) -> None:
    edge = Edge(segment(f"{{calendar: {{{operator}: {name}}}}}"), zone=zone)
    start, end = edge.local(begins), edge.local(ends)
    edge.now = start - SECOND
    found = [edge.customer().here, *(edge.passes(moment) for moment in (start, end - SECOND, end))]
    assert found == [outside is (operator == "not_during") for outside in (True, False, False, True)]


@pytest.mark.parametrize(("zone", "name", "begins", "ends"), CALENDARS)
def test_time_in_calendar__its_first_and_last_second(zone: str, name: str, begins: str, ends: str) -> None:
    entry = segment(f"{{customer.created_at: {{during: {name}}}}}")
    edge = Edge(entry, zone=zone)
    start, end = edge.local(begins), edge.local(ends)
    moments = (start - SECOND, start, end - SECOND, end)
    found = [Edge(entry, zone=zone).customer(moment).here for moment in moments]
    assert found == [False, True, True, False]


ANNIVERSARIES = [
    # The day something happened there, and its yearly day in a later year.
    (LONDON, "2024-03-29T12:00", "2026-03-29"),
    (NEW_YORK, "2020-02-29T23:59:59", "2026-02-28"),
    (NEW_YORK, "2020-02-29T23:59:59", "2024-02-29"),
    (LORD_HOWE, "2025-10-04T00:00", "2026-10-04"),
]


@pytest.mark.parametrize(("zone", "happened", "day"), ANNIVERSARIES)
def test_anniversary__time_alone__its_first_and_last_second(zone: str, happened: str, day: str) -> None:
    edge = Edge(segment("{customer.created_at: {anniversary: today}}"), zone=zone)
    start = edge.local(f"{day}T00:00")
    end = edge.local(f"{datetime.fromisoformat(day).date() + timedelta(days=1)}T00:00")
    edge.now = start - SECOND
    found = [edge.customer(edge.local(happened)).here, *(edge.passes(moment) for moment in (start, end - SECOND, end))]
    assert found == [False, True, True, False]


AGES = [
    # The number, its bound, there since when, and when it is reached.
    (LONDON, "account_age", 1, "2026-03-28T23:59:59", "2026-03-29T00:00"),
    (NEW_YORK, "account_age", 2, "2026-10-31T00:00", "2026-11-02T00:00"),
    (LORD_HOWE, "days_since_last_order", 1, "2026-04-04T12:00", "2026-04-05T00:00"),
    (NEW_YORK, "days_since_last_order", 365, "2024-02-29T12:00", "2025-02-28T00:00"),
    (LONDON, "age", 18, "2008-02-29", "2026-02-28T00:00"),
    (LORD_HOWE, "age", 25, "2001-10-04", "2026-10-04T00:00"),
]


@pytest.mark.parametrize(("zone", "field", "bound", "since", "reached"), AGES)
def test_age__time_alone__reached_in_the_first_second_of_the_day(
    zone: str, field: str, bound: int, since: str, reached: str
) -> None:
    edge = Edge(segment(f"{{customer.{field}: {{from: {bound}}}}}"), zone=zone)
    turns = edge.local(reached)
    edge.now = turns - SECOND
    match field:
        case "age":
            edge.customer(birthday=since)
        case "account_age":
            edge.customer(edge.local(since))
        case _:
            edge.order(1, created_at=edge.local(since))
    assert [edge.here, edge.passes(turns), edge.passes(turns + SECOND)] == [False, True, True]


GRACES = [
    # When the customer falls below there, the grace, and when the rung is lost.
    (LONDON, "2026-03-28T12:00", "1 day", "2026-03-30T00:00"),
    (NEW_YORK, "2026-10-31T23:59:59", "30 days", "2026-12-01T00:00"),
    (NEW_YORK, "2026-03-07T12:00", "36 hours", "2026-03-09T01:00"),
    (LORD_HOWE, "2026-04-04T00:00", "1 month", "2026-05-05T00:00"),
]


@pytest.mark.parametrize(("zone", "falls", "grace", "lost"), GRACES)
def test_grace__time_alone__the_rung_is_lost_at_its_end(zone: str, falls: str, grace: str, lost: str) -> None:
    entry = (
        "ladders: [{id: x, by: customer.orders, demote: direct, "
        f"grace: {grace}, rungs: [{{attributes: {{is: low}}}}, {{attributes: {{is: here}}, from: 1}}]}}]"
    )
    edge = Edge(entry, zone=zone)
    edge.now = edge.local(falls)
    edge.order(1).order(1, status="cancelled")
    end = edge.local(lost)
    assert [edge.here, edge.passes(end - SECOND), edge.passes(end)] == [True, True, False]


STAYS_30_DAYS = (
    "ladders: [{id: x, by: customer.orders, demote: direct, grace: 30 days, "
    "rungs: [{attributes: {is: low}}, {attributes: {is: here}, from: 1}]}]"
)


def test_grace__pinned_meanwhile__goes_on() -> None:
    edge = Edge(STAYS_30_DAYS).order(1).order(1, status="cancelled").pin("Gold")
    assert [edge.passes(edge.local(end)) for end in ("2026-07-15T23:59:59", "2026-07-16T00:00")] == [True, False]


def test_grace__below_before_the_first_clock__begins_with_the_newest_fact() -> None:
    edge = Edge(STAYS_30_DAYS)
    edge.clock = False
    edge.order(1).order(1, status="cancelled")
    edge.clock = True
    assert [edge.passes(edge.local(end)) for end in ("2026-07-15T23:59:59", "2026-07-16T00:00")] == [True, False]
