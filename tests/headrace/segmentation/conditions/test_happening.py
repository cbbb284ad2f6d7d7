"""What an event carries."""

from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.contracts.events import CartEvent, CustomEvent, RefundRequested
from headrace.rules.model import Spend
from headrace.segmentation.conditions.happening import reader
from headrace.segmentation.facts import NUMBERS, Facts
from headrace.segmentation.ledger import counted_spend
from headrace.segmentation.state import Line, State

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def facts(event: Any) -> Facts:
    found = Facts(State("s:1"), counted_spend(Spend()))
    found.event = event
    return found


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("page", "sale summer"),
        ("gift", "true"),
        ("months", "24"),
        ("rate", "0.5"),
        ("part.kind", "shade"),
        ("a.b", "dotted"),
        ("part", None),
        ("list", None),
        ("none", None),
        ("empty", None),
        ("page.kind", None),
        ("unknown", None),
    ],
)
def test_reader__payload__its_values_as_text(key: str, text: str | None) -> None:
    payload = {
        "page": " Sale  SUMMER ",
        "gift": True,
        "months": 24,
        "rate": 0.5,
        "part": {"kind": "Shade"},
        "a.b": "dotted",
        "list": ["x"],
        "none": None,
        "empty": " ",
    }
    assert reader(f"event.{key}")(facts(CustomEvent(payload=payload))) == text


def test_reader__refund_request__its_reason() -> None:
    assert reader("event.reason")(facts(RefundRequested(order_id="1", reason="Arrived BROKEN"))) == "arrived broken"
    assert reader("event.reason")(facts(None)) is None


def test_numbers__cart__its_value_and_units() -> None:
    found = facts(CartEvent(cart_id="c", currency="GBP", total=5500))
    found.lines = (Line("a", "p", 2, 100, 200), Line("b", "q", 3, 1, 3))
    assert (NUMBERS["cart.value"](found), NUMBERS["cart.items"](found)) == (5500, 5)
    assert NUMBERS["cart.value"](facts(None)) is None
    assert NUMBERS["cart.items"](facts(None)) is None
