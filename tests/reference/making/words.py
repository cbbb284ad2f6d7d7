"""The little world of the generated stores: few names, few amounts, so that much meets at its bounds."""

from random import Random
from typing import Any, TypeVar

from headrace.contracts.events import OrderStatus

T = TypeVar("T")

ZONES = ("Europe/London", "America/New_York", "Australia/Lord_Howe")
CURRENCY = "GBP"
GROUPS = ("Gold", "Silver", "Apple", "Wholesale", "Bronze")
VIP = "VIP {}"
"""What a store may call one of them."""
EMAILS = ("ann@acme.com", "Ann@Shop.Acme.com", "eve@example.org", None)
COMPANIES = ("Acme", "ACME  Intl", "Café Noir", "Acme, Inc.", "noir GmbH", "")
ALIASES = {"Acme": ["Acme Intl"], "Café Noir": ["Noir"]}
FORMS: tuple[dict[str, str], ...] = ({}, {}, {"gender": "Female", "size": "10"}, {"gender": "male"})
CONSENTS: tuple[dict[str, bool], ...] = ({}, {}, {"sms": True}, {"sms": False})
CHANNEL_NAMES = {"online": [1, 3], "in_store": [2]}
PAYLOADS: tuple[dict[str, Any], ...] = (
    {},
    {"page": "Home", "score": 3},
    {"page": "cart", "deep": {"a": "b"}, "ok": True},
)
FIRST_NAMES = ("Ann", "ÉVE", None)
PHONES = ("+44 20 1", "555", None)
PLACES = (
    {"country_code": "US", "state": "NY", "city": "New York", "postcode": "10001"},
    {"country": "United States", "state": "Texas", "city": "Austin", "postcode": "73301"},
    {"country_code": "GB", "city": "London", "postcode": "N1 9GU"},
    {"country": "France", "city": "Paris"},
    {"country_code": "AU", "state": "NSW", "postcode": "2898"},
    {"state": "NY"},
    {"country": "Atlantis"},
)
PRODUCTS = (
    {"product_id": "7", "name": "iPhone", "sku": "IP-1", "brand": "Apple", "categories": ("Phones", "Sale")},
    {"product_id": "8", "name": "Pear Phone", "sku": "PP-2", "brand": "Pear", "categories": ("Phones",)},
    {"product_id": "9", "name": "Crème brûlée", "sku": "", "brand": "", "categories": ()},
)
AMOUNTS = (0, 1, 499, 500, 501, 999, 1000, 1001, 2000, 5000)
"""In minor units; the bounds in the rules are some of them."""
COUNTS = (0, 1, 2, 3, 5)
SPANS = ("1 hour", "36 hours", "1 day", "2 days", "30 days", "90 days", "1 month", "3 months", "1 year")
DAYS = ("2026-03-29", "2026-03-30", "2026-10-25", "2026-04-05", "2024-02-29", "2025-12-31", "2026-01-01")
"""On which clocks change, leap, and years end."""
CALENDARS = {
    "spring": {"from": "2026-03-28", "to": "2026-04-05"},
    "turn": {"every_year": {"from": "12-30", "to": "01-02"}},
    "leap": {"every_year": {"from": "02-28", "to": "02-29"}},
    "sunday": {"every_year": {"on": "last sunday of october", "plus": "1 day", "for": "4 days"}},
    "fifth": {"every_year": {"on": "5th friday of february"}},
}
BIRTHDAYS = ("1990-03-29", "2000-02-29", "1985-12-31", None)
CHANNELS = (1, 2, None)
ATTRIBUTES = ("tier", "mood")
VALUES = ("VIP", "new", "Été")
TAGS = ("News", "VIP")
PLATFORMS = ("mailchimp", "mailchimp", "klaviyo")
STATUSES: tuple[OrderStatus, ...] = (
    *("completed",) * 6, "shipped", "awaiting_fulfillment", "pending", "incomplete", "incomplete",
    "cancelled", "declined", "refunded", "partially_refunded",
)  # fmt: skip


def money(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


def some(random: Random, several: tuple[T, ...] | list[T], low: int, high: int) -> list[T]:
    """Between `low` and `high` of them, in any order."""
    return random.sample(several, min(len(several), random.randint(low, high)))


def one_or_many(random: Random, several: tuple[str, ...]) -> Any:
    found = some(random, several, 1, 2)
    return found if len(found) > 1 or random.random() < 0.3 else found[0]
