"""Time in rule files: days, spans, windows, calendars, schedules; and what to write where they are refused."""

from typing import Any

import pytest

from headrace.rules.findings import Finding
from headrace.rules.load import Source, load_texts
from headrace.rules.model import (
    Between,
    Calendar,
    Condition,
    Day,
    Duration,
    Leaf,
    Only,
    Reached,
    RuleSet,
    Trigger,
    Window,
    decode_rule_set,
    encode_rule_set,
)

HEAD = (
    "store: {timezone: Europe/London, currency: GBP}\nchannels: {online: [1, 3]}\n"
    "calendars: {summer: {every_year: {from: 06-01, to: 08-31}}}\n"
)


def load(text: str, head: str = HEAD) -> RuleSet:
    result = load_texts([Source("rules.yaml", head + text)])
    assert result.rule_set is not None, result.findings
    assert decode_rule_set(encode_rule_set(result.rule_set)) == result.rule_set
    return result.rule_set


def errors(text: str, head: str = HEAD) -> list[Finding]:
    result = load_texts([Source("rules.yaml", head + text)])
    return [finding for finding in result.findings if finding.severity == "error"]


def parsed(written: str) -> Condition:
    return load(f"segments: [{{id: s, who: {{{written}}}, attributes: {{a: b}}}}]").segments[0].who


def refused(written: str) -> Finding:
    (finding,) = errors(f"segments: [{{id: s, who: {{{written}}}, attributes: {{a: b}}}}]")
    return finding


def span(count: int, unit: Any) -> Duration:
    return Duration(count=count, unit=unit)


def leaf(field: str, operator: str, operand: Any, window: Window | None = None, only: Only | None = None) -> Leaf:
    return Leaf(field=field, operator=operator, operand=operand, window=window, only=only)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("customer.created_at: {older_than: 2 years}", leaf("customer.created_at", "older_than", span(2, "year"))),
        ("customer.created_at: {within_last: 6 months}", leaf("customer.created_at", "within_last", span(6, "month"))),
        ("customer.created_at: {before: 2026-01-31}", leaf("customer.created_at", "before", Day(date="2026-01-31"))),
        ("customer.birthday: {on_date: 1990-05-17}", leaf("customer.birthday", "on_date", Day(date="1990-05-17"))),
        ("customer.birthday: {anniversary: today}", leaf("customer.birthday", "anniversary", "today")),
        ("customer.created_at: {not_during: summer}", leaf("customer.created_at", "not_during", "summer")),
        ("calendar: summer", leaf("calendar", "during", "summer")),
        ("calendar: {not_during: summer}", leaf("calendar", "not_during", "summer")),
        ("customer.age: {from: 18, below: 30}", leaf("customer.age", "between", Between(low=18, high=30))),
        ("customer.account_age: {above: 90}", leaf("customer.account_age", "above", 90)),
        ("customer.age: {is_unset: true}", leaf("customer.age", "is_unset", None)),
        (
            "customer.spend: {from: 500, within: 90 days}",
            leaf("customer.spend", "from", 50_000, Window(span=span(90, "day"))),
        ),
        ("customer.orders: {this: month, above: 2}", leaf("customer.orders", "above", 2, Window(this="month"))),
        (
            "customer.items: {above: 2, from_date: 2026-01-01, to_date: 2026-03-31}",
            leaf("customer.items", "above", 2, Window(first="2026-01-01", last="2026-03-31")),
        ),
        (
            "customer.refunds: {from: 1, below: 5, to_date: 2026-03-31}",
            leaf("customer.refunds", "between", Between(low=100, high=500), Window(last="2026-03-31")),
        ),
        (
            "customer.spend: {from: 5, brand: Äpple, category: [Phones, phones], product: 7}",
            leaf("customer.spend", "from", 500, None, Only(brand=("apple",), category=("phones",), product=("7",))),
        ),
        (
            "customer.spend: {from: 5, within: 36 hours, channel: [online, 9]}",
            leaf("customer.spend", "from", 500, Window(span=span(36, "hour")), Only(channel=(1, 3, 9))),
        ),
        (
            "customer.visits: {above: 3, within: 30 days}",
            leaf("customer.visits", "above", 3, Window(span=span(30, "day"))),
        ),
    ],
)
def test_test__of_time__is_read(written: str, expected: Leaf) -> None:
    assert parsed(written) == expected


@pytest.mark.parametrize(
    ("written", "code", "hint"),
    [
        ("customer.created_at: {older_than: 90d}", "not_a_duration", "write 90 days"),
        ("customer.created_at: {older_than: 3m}", "not_a_duration", "write 3 months"),
        ("customer.created_at: {older_than: 0 months}", "not_a_duration", "write 1 month"),
        ("customer.created_at: {before: 31.01.2026}", "not_a_date", "2027-01-31"),
        ("customer.created_at: {after: 2026-02-30}", "not_a_date", "2027-01-31"),
        ("customer.created_at: 2026-01-31", "wrong_shape", "{on_date: 2026-01-31}"),
        ("customer.created_at: recently", "wrong_shape", "within_last"),
        ("customer.created_at: {within: 90 days}", "unknown_operator", "{within_last: 90 days}"),
        ("customer.birthday: {anniversary: true}", "unknown_choice", "write today"),
        ("customer.created_at: {during: sumer}", "unknown_calendar", "did you mean 'summer'?"),
        ("calendar: black_friday", "unknown_calendar", "calendars: {black_friday:"),
        ("calendar: {is: summer}", "unknown_operator", "during"),
        ("customer.spend: {within: 90 days}", "empty_value", "above"),
        ("customer.spend: {above: 5, within: 90 days, this: month}", "several_windows", "keep within: 90 days"),
        ("customer.spend: {above: 5, this: month, from_date: 2026-01-01}", "several_windows", "from_date"),
        ("customer.spend: {above: 5, this: week}", "unknown_choice", "month"),
        ("customer.spend: {above: 5, within: 0 days}", "not_a_duration", "write 1 day"),
        ("customer.spend: {above: 5, from_date: 2026-02-01, to_date: 2026-01-31}", "empty_range", "earlier day first"),
        ("customer.spend: {above: 5, channel: fax}", "unknown_channel", "channels"),
        ("customer.average_order: {above: 5, within: 90 days}", "unknown_operator", "customer.spend"),
        ("customer.account_age: {above: 5, brand: Apple}", "unknown_operator", "customer.spend"),
        ("customer.visits: {above: 5, within: 3 years}", "window_not_kept", "400 days"),
        ("customer.visits: {above: 5, within: 401 days}", "window_not_kept", "400 days"),
        ("customer.visits: {above: 5, within: 36 hours}", "window_not_kept", "400 days"),
        ("customer.visits: {above: 5, from_date: 2026-01-01}", "window_not_kept", "this: month"),
        ("customer.visits: {above: 5, brand: Apple}", "unknown_operator", "a visit is of no order"),
        ("customer.spend: {crosses: 500}", "crosses_not_in_rule", "when: order.placed"),
        ("customer.spend_before: {below: 500}", "crosses_not_in_rule", "when: order.placed"),
    ],
)
def test_test__of_time__refused_with_what_to_write(written: str, code: str, hint: str) -> None:
    finding = refused(written)
    assert (finding.code, hint in finding.hint) == (code, True), finding
    assert finding.line == 4


def rule(when: str, condition: str = "") -> str:
    test = f"if: {{{condition}}}, " if condition else ""
    return f"rules: [{{id: r, when: {when}, {test}then: [{{add_attribute: {{a: b}}}}]}}]"


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ('{schedule: "0 9 * * 1"}', Trigger(name="schedule", cron="0 9 * * 1")),
        ('{schedule: "30  6 1-7 * MON-FRI"}', Trigger(name="schedule", cron="30 6 1-7 * MON-FRI")),
        (
            "{time.reached: {customer.created_at: 2 years}}",
            Trigger(name="time.reached", reached=Reached(field="customer.created_at", span=span(2, "year"))),
        ),
        (
            "{time.reached: {customer.birthday: every year}}",
            Trigger(name="time.reached", reached=Reached(field="customer.birthday")),
        ),
    ],
)
def test_when__time__is_read(when: str, expected: Trigger) -> None:
    assert load(rule(when)).rules[0].when == expected


@pytest.mark.parametrize(
    ("when", "code", "hint"),
    [
        ("schedule", "missing_key", "0 9 * * 1"),
        ('{schedule: "0 9 * *"}', "bad_schedule", "0 9 * * 1"),
        ('{schedule: "0 0 9 * * 1"}', "bad_schedule", "0 9 * * 1"),
        ('{schedule: "0 25 * * *"}', "bad_schedule", "0 9 * * 1"),
        ('{schedule: "* * * * *"}', "bad_schedule", "30 6 * * *"),
        ('{schedule: "*/15 9 * * *"}', "bad_schedule", "30 6 * * *"),
        ('{schedule: "0 0 30 2 *"}', "bad_schedule", "0 9 * * 1"),
        ("{time.reached: {customer.spend: 2 years}}", "unknown_field", "customer.created_at"),
        ("{time.reached: {order.created_at: 2 years}}", "unknown_field", "customer.created_at"),
        ("{time.reached: {customer.created_at: 0 days}}", "not_a_duration", "write 1 day"),
        ("{time.reached: {customer.created_at: yearly}}", "not_a_duration", "every year"),
        ("{time.reached: {}}", "wrong_shape", "customer.created_at: 2 years"),
    ],
)
def test_when__time__refused_with_what_to_write(when: str, code: str, hint: str) -> None:
    (finding,) = errors(rule(when))
    assert (finding.code, hint in finding.hint) == (code, True), finding


@pytest.mark.parametrize("when", ["order.placed", "customer.updated", "custom.visit", "{order.reached: shipped}"])
def test_crosses__rule_on_an_event__is_read(when: str) -> None:
    for condition in ("customer.spend: {crosses: 500}", "customer.orders: {crosses_down: 3, within: 90 days}"):
        assert load(rule(when, condition)).rules[0].if_ is not None


@pytest.mark.parametrize("when", ['{schedule: "0 9 * * 1"}', "{time.reached: {customer.created_at: 2 years}}"])
def test_crosses__rule_on_time__is_refused(when: str) -> None:
    (finding,) = errors(rule(when, "customer.spend: {crosses: 500}"))
    assert finding.code == "crosses_not_in_rule"


CALENDARS = [
    ("{from: 2026-11-27, to: 2026-11-30}", Calendar(first="2026-11-27", last="2026-11-30")),
    ("{on: 2026-12-24}", Calendar(first="2026-12-24", last="2026-12-24")),
    ("{every_year: {from: 12-20, to: 01-06}}", Calendar(first="12-20", last="01-06", yearly=True)),
    ("{every_year: {on: 02-29}}", Calendar(first="02-29", last="02-29", yearly=True)),
    ("{every_year: {on: last Monday of May}}", Calendar(yearly=True, weekday=(-1, 0, 5, 0))),
    (
        "{every_year: {on: 4th thursday of november, plus: 1 day, for: 4 days}}",
        Calendar(yearly=True, weekday=(4, 3, 11, 1), days=4),
    ),
]


@pytest.mark.parametrize(("written", "expected"), CALENDARS)
def test_calendars__days__are_read(written: str, expected: Calendar) -> None:
    assert load(f"calendars: {{one: {written}}}", HEAD.rsplit("calendars", 1)[0]).calendars == {"one": expected}


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("{from: 2026-11-27}", "bad_calendar"),
        ("{}", "bad_calendar"),
        ("{from: 2026-11-27, to: 2026-11-26}", "empty_range"),
        ("{from: 11-27, to: 11-30}", "not_a_date"),
        ("{on: 2026-12-24, every_year: {on: 12-24}}", "bad_calendar"),
        ("{on: 2026-12-24, from: 2026-12-24}", "bad_calendar"),
        ("{every_year: {from: 02-30, to: 03-01}}", "bad_calendar"),
        ("{every_year: {from: 6-1, to: 8-31}}", "bad_calendar"),
        ("{every_year: {on: 6th monday of may}}", "bad_calendar"),
        ("{every_year: {on: monday}}", "bad_calendar"),
        ("{every_year: {on: 12-24, for: 3 days}}", "bad_calendar"),
        ("{every_year: {on: 1st monday of may, for: 0 days}}", "bad_calendar"),
        ("{every_year: {on: 1st monday of may, for: 2 months}}", "bad_calendar"),
        ("{every_year: {on: 1st monday of may, to: 05-09}}", "bad_calendar"),
        ("{every_year: 12-24}", "wrong_shape"),
        ("{evry_year: {on: 12-24}}", "unknown_key"),
        ("2026-12-24", "wrong_shape"),
    ],
)
def test_calendars__no_days__refused(written: str, code: str) -> None:
    found = errors(f"calendars: {{one: {written}}}", HEAD.rsplit("calendars", 1)[0])
    assert code in {finding.code for finding in found}
    assert all(finding.hint for finding in found)


def test_ladder__by_a_window__is_read() -> None:
    rungs = "rungs: [{}, {attributes: {a: b}, from: 10}]"
    ladder = load(f"ladders: [{{id: l, by: {{customer.spend: {{within: 365 days, brand: Apple}}}}, {rungs}}}]").ladders[
        0
    ]
    assert (ladder.by, ladder.window, ladder.only) == (
        "customer.spend",
        Window(span=span(365, "day")),
        Only(brand=("apple",)),
    )
    assert load(f"ladders: [{{id: l, by: customer.account_age, {rungs}}}]").ladders[0].window is None


@pytest.mark.parametrize(
    ("by", "code"),
    [
        ("customer.spend_before", "unknown_field"),
        ("{customer.spend: {above: 5}}", "unknown_key"),
        ("{customer.spend: 365 days}", "wrong_shape"),
        ("{customer.age: {within: 365 days}}", "wrong_shape"),
        ("{customer.pets: {within: 365 days}}", "unknown_field"),
        ("{customer.visits: {within: 2 years}}", "window_not_kept"),
    ],
)
def test_ladder__by_no_window__refused(by: str, code: str) -> None:
    found = errors(f"ladders: [{{id: l, by: {by}, rungs: [{{}}, {{attributes: {{a: b}}, from: 10}}]}}]")
    assert [finding.code for finding in found] == [code]
