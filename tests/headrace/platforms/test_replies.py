"""Dates, amounts and errors in every shape the vendors write them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from headrace.platforms.replies import decimal, error_text, moment


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"status": 422, "title": "t", "errors": {"0.id": "bad"}}, ("t", {"0.id": "bad"})),
        ([{"status": 404, "message": "not found"}], ("not found", {})),
        ({"errors": [{"status": 400, "title": "t", "type": "x"}]}, ("t", {})),
        ({"data": [], "errors": [{"status": 409, "title": "t", "errors": {"0": "there"}}]}, ("t", {"0": "there"})),
        ({"title": "Invalid Resource", "detail": "d", "errors": [{"field": "email", "message": "fake"}]},
         ("Invalid Resource", {"email": "fake"})),
        (None, ("", {})),
        ("text", ("", {})),
        ({"errors": "text"}, ("", {})),
        ([1, None], ("", {})),
    ],
)  # fmt: skip
def test_error_text__each_shape__title_and_fields(body: object, expected: tuple[str, dict[str, str]]) -> None:
    assert error_text(body) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Tue, 05 Mar 2019 21:40:11 +0000",
        "2019-03-05T21:40:11Z",
        "2019-03-05T21:40:11+00:00",
        "2019-03-05T22:40:11+01:00",
    ],
)
def test_moment__both_forms__utc(text: str) -> None:
    assert moment(text) == datetime(2019, 3, 5, 21, 40, 11, tzinfo=UTC)


@pytest.mark.parametrize("value", ["", None, 5, "soon", "2019-99-99T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_moment__no_date__none(value: object) -> None:
    assert moment(value) is None


def test_decimal__texts_and_numbers__exact() -> None:
    assert decimal("69.8400") == Decimal("69.84")
    assert decimal(8) == 8
    assert decimal(Decimal("1.10")) == Decimal("1.1")
    assert decimal("") == decimal(None) == 0


@pytest.mark.parametrize("value", ["x", "NaN", "Infinity", {}, "1e999999"])
def test_decimal__no_amount__refused(value: object) -> None:
    with pytest.raises(ValueError, match="amount"):
        decimal(value)


@pytest.mark.parametrize(
    "body",
    [
        {"title": "ann@x.example is no address"},
        {"errors": [{"field": None, "message": "the email 'ann@x.example' is no address"}]},
        [{"status": 400, "message": "no: ann@x"}],
    ],
)
def test_error_text__names_an_address__not_in_the_title(body: Any) -> None:
    title, _ = error_text(body)
    assert "[address]" in title
    assert "ann" not in title
