"""What belongs to the language and comes with a later release: named, so that it is refused and never ignored.

A name moves from here to `catalogue.py` on the day it works.
"""

from typing import Final

TOP: Final = ("max_age", "quiet_hours", "frequency_cap")
ENTRY: Final[dict[str, tuple[str, ...]]] = {
    "ladder": ("on_enter", "on_exit"),
    "segment": ("on_enter", "on_exit", "lists", "add_to_list"),
    "rule": ("after", "unless", "once"),
    "rung": ("on_enter", "on_exit"),
}
TRIGGERS: Final = ()
ACTIONS: Final = (
    "add_to_list",
    "remove_from_list",
    "do",
    "notify_staff",
    "webhook",
    "export_row",
    "send_email",
    "start_sequence",
    "stop_sequence",
    "issue_coupon",
)
ACTION_MODIFIERS: Final = ("after", "unless", "once", "with")
FIELDS: Final = (
    "customer.age",
    "customer.visits",
    "customer.account_age",
    "customer.days_since_last_order",
    "customer.birthday",
    "order.created_at",
)
OPERATORS: Final = (
    "within",
    "this_month",
    "this_year",
    "crosses",
    "before",
    "after",
    "on_date",
    "anniversary",
    "during",
    "not_during",
    "brand",
    "category",
    "product",
    "channel",
)
"""Operators and filters of aggregates (`{from: 500, within: 90 days}`)."""
