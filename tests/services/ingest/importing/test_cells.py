"""What single cells say, and what is said of those that are wrong."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.ingest.importing import cells
from services.ingest.importing.cells import Bad

LONDON, NOW = ZoneInfo("Europe/London"), datetime(2026, 3, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    return cells.moment("ordered_at", text, LONDON, NOW)


def amount(text: str, currency: str = "GBP") -> int:
    return cells.amount("total", text, currency)


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        (amount, "12.50", 1250),
        (amount, "12", 1200),
        (amount, "0", 0),
        (lambda text: amount(text, "JPY"), "1200", 1200),
        (at, "2024-11-02", datetime(2024, 11, 2, tzinfo=UTC)),
        (at, "2024-07-02", datetime(2024, 7, 1, 23, tzinfo=UTC)),
        (at, "2024-07-02T10:00:00+02:00", datetime(2024, 7, 2, 8, tzinfo=UTC)),
        (at, "2024-07-02 10:00", datetime(2024, 7, 2, 9, tzinfo=UTC)),
        (cells.status, "Awaiting Fulfillment", "awaiting_fulfillment"),
        (cells.status, "COMPLETED", "completed"),
        (cells.kind, "b2b", "B2B"),
        (cells.units, "12", 12),
        (cells.email, "ann@example.org", "ann@example.org"),
        (lambda text: cells.customer_id(text, "s"), "1041", "1041"),
        (lambda text: cells.customer_id(text, "s"), "s:A-7", "A-7"),
        (lambda text: cells.values("v", text), "A| B |A||C", ("A", "B", "C")),
        (lambda text: cells.values("v", text), "-", ()),
        (lambda text: cells.yes_or_no("subscribed", text), "No", False),
        (lambda text: cells.day("birthday", text), "1990-05-17", "1990-05-17"),
    ],
)
def test_cells__sound__read(read: Callable[[str], Any], text: str, expected: Any) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("read", "text", "code", "hint"),
    [
        (amount, "12,50", "ambiguous_amount", "12.50"),
        (amount, "1.250,00", "not_an_amount", "point before the cents"),
        (amount, "1,250.00", "not_an_amount", "1250.00"),
        (amount, "£12.50", "not_an_amount", "12.50"),
        (amount, "-3", "not_an_amount", "0 or more"),
        (amount, "12.345", "ambiguous_amount", "12"),
        (at, "02/11/2024", "not_a_date", "2024-11-02"),
        (at, "25.12.2024", "not_a_date", "2024-12-25"),
        (at, "yesterday", "not_a_date", "year-month-day"),
        (at, "2027-01-01", "in_the_future", "happened"),
        (cells.status, "paid", "unknown_status", "completed"),
        (cells.kind, "B2G", "unknown_kind", "B2B or B2C"),
        (cells.units, "0", "not_a_whole_number", "digits"),
        (cells.units, "1.5", "not_a_whole_number", "digits"),
        (cells.email, "ann@example", "bad_email", "one address"),
        (cells.email, "a@b.example, c@d.example", "bad_email", "one address"),
        (lambda text: cells.customer_id(text, "s"), "other:7", "bad_customer", "1041"),
        (lambda text: cells.customer_id(text, "s"), "guest-1f", "bad_customer", "1041"),
        (lambda text: cells.values("v", text), "|".join(map(str, range(101))), "too_many", "100"),
        (lambda text: cells.plain("v", text), "a\tb", "bad_text", "one line"),
        (lambda text: cells.plain("v", text), "a" * 256, "too_long", "255"),
        (lambda text: cells.yes_or_no("subscribed", text), "maybe", "not_yes_or_no", "yes or no"),
        (lambda text: cells.day("birthday", text), "17/5/1990", "not_a_date", "1990-05-17"),
        (cells.currency_code, "pounds", "unknown_currency", "GBP"),
    ],
)
def test_cells__wrong__refused_with_what_to_write(read: Callable[[str], Any], text: str, code: str, hint: str) -> None:
    with pytest.raises(Bad) as caught:
        read(text)
    assert caught.value.code == code
    assert hint in caught.value.hint
    assert not text or text not in str(caught.value)
