"""What others' money is worth in the store's own."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from headrace.platforms.errors import Unauthorized
from headrace.platforms.http import Reply, Request
from services.ingest.currencies import Currencies
from services.ingest.reader import StoreReader


class Vendor:
    """A list of currencies, and how often it was asked for."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows
        self.asked = 0

    async def call(self, request: Request) -> Reply:
        self.asked += 1
        return Reply(200, {}, self.rows, datetime(2026, 1, 1, tzinfo=UTC))


async def test_currencies__rates_of_any_base__worth_in_the_stores_own() -> None:
    rows = [
        {"currency_code": "GBP", "is_default": True, "currency_exchange_rate": "0.8"},
        {"currency_code": "EUR", "is_default": False, "currency_exchange_rate": 1.0},
        {"currency_code": "XXX", "is_default": False, "currency_exchange_rate": "odd"},
    ]
    currencies = Currencies(StoreReader(Vendor(rows)))
    await currencies.know()
    assert (currencies.own, currencies.worth("GBP"), currencies.worth("EUR")) == ("GBP", Decimal(1), Decimal("1.25"))
    assert (currencies.worth("XXX"), currencies.worth("USD")) == (None, None)


class Forbidding(Vendor):
    """A token that may not read this."""

    async def call(self, request: Request) -> Reply:
        raise Unauthorized(request.route, "403 no", forbidden=True)


async def test_currencies__not_ours_to_read__none_is_known() -> None:
    currencies = Currencies(StoreReader(Forbidding([])))
    await currencies.know()
    assert (currencies.own, currencies.worth("GBP")) == ("", None)


async def test_currencies__read_lately__not_again_before_they_are_old() -> None:
    now, vendor = [0.0], Vendor([{"currency_code": "GBP", "is_default": True, "currency_exchange_rate": "1"}])
    currencies = Currencies(StoreReader(vendor), clock=lambda: now[0])
    await currencies.know()
    await currencies.know()
    assert vendor.asked == 1
    now[0] = 601.0
    await currencies.know()
    assert vendor.asked == 2
