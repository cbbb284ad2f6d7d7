"""What belongs to the language and comes with a later release: named, so that it is refused and never ignored.

A name moves from here to `catalogue.py` on the day it works.
"""

from typing import Final

TOP: Final = ("calendars", "aliases", "max_age", "quiet_hours", "frequency_cap")
GROUP: Final = ("categories", "category_access", "discount", "price_list")
ENTRY: Final[dict[str, tuple[str, ...]]] = {
    "ladder": ("grace", "on_enter", "on_exit"),
    "segment": ("on_enter", "on_exit", "lists", "add_to_list"),
    "rule": ("after", "unless", "once"),
    "rung": ("on_enter", "on_exit"),
}
TRIGGERS: Final = (
    "customer.deleted",
    "order.reached",
    "order.paid",
    "order.cancelled",
    "order.backordered",
    "refund.requested",
    "cart.abandoned",
    "cart.converted",
    "subscriber.changed",
    "attribute.changed",
    "group.changed",
    "schedule",
    "time.reached",
)
TRIGGER_PREFIX: Final = "custom."
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
    "customer.store_credit",
    "customer.age",
    "customer.income",
    "customer.visits",
    "customer.account_age",
    "customer.days_since_last_order",
    "customer.birthday",
    "customer.group",
    "customer.in_segment",
    "customer.on_rung",
    "customer.kind",
    "customer.erp_id",
    "customer.pinned",
    "customer.channels",
    "customer.gender",
    "customer.marital_status",
    "customer.education",
    "order.created_at",
    "order.status",
    "order.channel",
)
FIELD_PREFIXES: Final = ("customer.channel_share.", "customer.consent.", "customer.form.")
ELEMENT_FIELDS: Final = ("radius", "location")
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
    "since",
    "brand",
    "category",
    "product",
    "channel",
)
"""Operators and filters of aggregates (`{from: 500, within: 90 days}`)."""
