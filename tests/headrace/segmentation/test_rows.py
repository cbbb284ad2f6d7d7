"""Rows: facts of the moment the entry acted, in the order of the columns, and nothing that identifies anybody."""

import json
from datetime import timedelta

from headrace.contracts.effects import encode_effect
from headrace.contracts.events import CartEvent
from headrace.rules.catalogue import FIELDS
from headrace.rules.effects import PERSONAL_COLUMNS
from tests.headrace.segmentation.acting import START, Story, compiled

ALL = [
    name
    for name, field in FIELDS.items()
    if field.family not in ("list", "calendar", "channels") and name not in PERSONAL_COLUMNS
]


def exported(columns: str, after: str = "") -> Story:
    story = Story(
        compiled(
            f"rules: [{{id: r, when: order.placed, past: ignore, then: ["
            f"{{export_row: {{file: a.csv, columns: [{columns}]}}{after}}}]}}]"
        )
    )
    story.customer()
    story.order("10", 6_000)
    return story


def test_row__columns__values_as_json_in_their_order() -> None:
    story = exported(
        "order.value, customer, at, cause, customer.spend, customer.email, customer.subscribed, order.status, "
        "order.created_at, customer.group"
    )
    (effect,) = story.effects
    assert list(effect.with_["row"].items()) == [
        ("order.value", {"amount_minor": 6_000, "currency": "GBP"}),
        ("customer", "s:7"),
        ("at", "2026-01-05T09:00:00Z"),
        ("cause", "10"),
        ("customer.spend", {"amount_minor": 6_000, "currency": "GBP"}),
        ("customer.subscribed", True),
        ("order.status", "completed"),
        ("order.created_at", "2026-01-05T09:00:00Z"),
        ("customer.group", None),
    ]
    assert effect.with_["columns"][5] == "customer.email", "whoever writes the row knows it"


def test_row__of_a_cart_without_a_condition__tells_the_cart() -> None:
    columns = "columns: [cart.value, cart.items]"
    story = Story(
        compiled(f"rules: [{{id: r, when: cart.abandoned, then: [{{export_row: {{file: a.csv, {columns}}}}}]}}]")
    )
    story.customer()
    story.happens(CartEvent(cart_id="c", currency="GBP", total=6_000), "cart.abandoned", START)
    (effect,) = story.effects
    assert effect.with_["row"] == {"cart.value": {"amount_minor": 6_000, "currency": "GBP"}, "cart.items": 0}


def test_row__after_a_time__facts_of_then_and_no_order() -> None:
    story = exported("customer.orders, order.value", ", after: 1 hour")
    story.order("11", 1_000, origin="backfill")
    story.time(START + timedelta(hours=1))
    assert [effect.with_["row"] for effect in story.effects] == [{"customer.orders": 2, "order.value": None}]


def test_row__every_column__is_json_and_says_nothing_personal() -> None:
    (effect,) = exported(", ".join(ALL)).effects
    written = encode_effect(effect).decode()
    assert '"ann' not in written.casefold()
    assert "@" not in written
    assert json.loads(written)["with"]["row"].keys() < {*ALL}
