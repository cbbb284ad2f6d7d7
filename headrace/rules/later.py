"""What belongs to the language and comes with a later release: named, so that it is refused and never ignored.

A name moves from here to `catalogue.py` on the day it works.
"""

from typing import Final

TOP: Final[tuple[str, ...]] = ()
ENTRY: Final[dict[str, tuple[str, ...]]] = {
    "ladder": (),
    "segment": (),
    "rule": (),
    "rung": (),
}
TRIGGERS: Final = ()
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
