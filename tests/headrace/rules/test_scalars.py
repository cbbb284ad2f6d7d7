"""Single values: what is written is what is read, or it is refused with what to write instead."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules import scalars
from headrace.rules.findings import Place, Refused, Report
from headrace.rules.yaml_source import Items, Scalar

PLACE = Place("rules.yaml", 3, 7)


def written(text: str, *, quoted: bool = False) -> Scalar:
    return Scalar(text, PLACE, quoted)


@pytest.mark.parametrize(
    "text", ["NO", "02134", "1e5", "on", "12:30", "null", "~", "0x1F", "1_000", "2027-01-31", ".inf"]
)
def test_text__what_yaml_would_interpret__is_these_characters(text: str) -> None:
    assert scalars.text(written(text), "name") == text


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "empty_value"), ("  ", "empty_value"), (" a", "bad_text"), ("a\tb", "bad_text"), ("x" * 256, "bad_text")],
)
def test_text__unfit__refused(text: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        scalars.text(written(text, quoted=True), "name")
    assert (refused.value.code, refused.value.place) == (code, PLACE)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("1000", "GBP", 100000),
        ("0", "GBP", 0),
        ("1000.5", "GBP", 100050),
        ("10.00", "GBP", 1000),
        ("10.000", "KWD", 10000),
        ("500", "JPY", 500),
        ("500 GBP", "GBP", 50000),
        ("GBP 500", "GBP", 50000),
        ("gbp500.10", "GBP", 50010),
    ],
)
def test_money__plain_amounts__minor_units(text: str, currency: str, minor: int) -> None:
    assert scalars.money(written(text), "spend", currency=currency) == minor


@pytest.mark.parametrize(
    ("text", "currency", "code", "hint"),
    [
        ("10.000", "GBP", "ambiguous_amount", "write 10000 or 10.00"),
        ("1.234", "GBP", "ambiguous_amount", "write 1234 or 1.23"),
        ("1,000", "GBP", "ambiguous_amount", "write 1000 or 1.00"),
        ("10,50", "GBP", "ambiguous_amount", "write 10.50 or 1050"),
        ("10.000", "JPY", "ambiguous_amount", "write 10000 or 10"),
        ("1.000.000", "GBP", "not_an_amount", "write 1000000, without a separator of thousands"),
        ("1,000.50", "GBP", "not_an_amount", "write 1000.50, without a separator of thousands"),
        ("1 000", "GBP", "not_an_amount", "write 1000, without a separator of thousands"),
        ("10.0001", "GBP", "not_an_amount", "write at most 2 digits after the point, such as 10.00"),
        ("500 EUR", "GBP", "other_currency", "write the amount in GBP, such as '500 GBP' if that is meant"),
        ("€500", "GBP", "not_an_amount", "write 500: a bare amount is in the store's currency"),
        ("1e5", "GBP", "not_an_amount", "write 100000, digits only"),
        ("0500", "GBP", "not_an_amount", "write 500, without leading zeros"),
        ("-5", "GBP", "not_an_amount", "write an amount of 0 or more: totals are never negative"),
        ("lots", "GBP", "not_an_amount", "write digits, with a point before the cents, such as 1000 or 1000.50"),
        ("٣", "GBP", "not_an_amount", "write digits, with a point before the cents, such as 1000 or 1000.50"),
        ("9" * 30, "GBP", "not_an_amount", "write digits, with a point before the cents, such as 1000 or 1000.50"),
    ],
)
def test_money__anything_else__refused_with_what_to_write(text: str, currency: str, code: str, hint: str) -> None:
    with pytest.raises(Refused) as refused:
        scalars.money(written(text), "spend", currency=currency)
    assert (refused.value.code, refused.value.hint) == (code, hint)


@given(st.integers(min_value=0, max_value=10**12))
def test_money__any_amount_shown__reads_back(minor: int) -> None:
    assert scalars.money(written(scalars.shown_money(minor, "GBP")), "spend", currency="GBP") == minor
    assert Decimal(scalars.shown_money(minor, "GBP")) * 100 == minor


@given(st.text(), st.sampled_from(["GBP", "JPY", "KWD", ""]))
def test_money__any_text__amount_or_refusal(text: str, currency: str) -> None:
    report = Report()
    amount = report.tried(scalars.money, written(text, quoted=True), "spend", currency=currency)
    assert (amount is None) == bool(report.findings)
    assert amount is None or amount >= 0


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("1.0", "write 1, digits only"),
        ("1,000", "write 1000, digits only"),
        ("1e5", "write 100000, digits only"),
        ("1e99", "write digits only"),
        ("007", "write 7, without leading zeros"),
        ("-1", "write digits only, such as 100"),
        ("many", "write digits only, such as 100"),
    ],
)
def test_whole_number__not_digits__refused(text: str, hint: str) -> None:
    with pytest.raises(Refused) as refused:
        scalars.whole_number(written(text), "orders")
    assert (refused.value.code, refused.value.hint) == ("not_a_whole_number", hint)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("True", True), ("FALSE", False)])
def test_true_false__yaml_1_2_words__read(text: str, value: bool) -> None:
    assert scalars.true_false(written(text), "subscribed") is value


@pytest.mark.parametrize(
    ("text", "hint"), [("yes", "write true"), ("off", "write false"), ("maybe", "write true or false")]
)
def test_true_false__other_words__refused(text: str, hint: str) -> None:
    with pytest.raises(Refused) as refused:
        scalars.true_false(written(text), "subscribed")
    assert refused.value.hint == hint


@pytest.mark.parametrize(
    ("text", "value"),
    [("90 days", (90, "day")), ("1 day", (1, "day")), ("36 hours", (36, "hour")), ("0 days", (0, "day"))],
)
def test_duration__in_words__count_and_unit(text: str, value: tuple[int, str]) -> None:
    assert scalars.duration(written(text), "grace") == value


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("90d", "write 90 days"),
        ("2w", "write 14 days"),
        ("1 y", "write 1 years"),
        ("soon", "write a number and hours, days, months or years, such as 90 days"),
    ],
)
def test_duration__otherwise__refused(text: str, hint: str) -> None:
    with pytest.raises(Refused) as refused:
        scalars.duration(written(text), "grace")
    assert refused.value.hint == hint


@pytest.mark.parametrize("text", ["31.01.2027", "2027-02-30", "2027-1-5", "20270105"])
def test_day__no_calendar_date__refused(text: str) -> None:
    with pytest.raises(Refused):
        scalars.day(written(text), "review_by")


def test_scalar__list_for_one_value__refused() -> None:
    with pytest.raises(Refused) as refused:
        scalars.text(Items((written("a"),), PLACE), "group")
    assert refused.value.code == "wrong_shape"
