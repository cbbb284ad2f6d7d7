"""The store's own currency, and what others are worth in it: for amounts that bear no rate of their own.

An order has the rate of its day; carts and store credit have none.
"""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from headrace.platforms import bigcommerce
from headrace.platforms.errors import Unauthorized
from headrace.platforms.replies import decimal
from services.ingest.lookups import REFRESH_S
from services.ingest.reader import StoreReader


class Currencies:
    """The store's own currency, and what others are worth in it now."""

    def __init__(self, reader: StoreReader, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._clock = clock
        self._rates: dict[str, Decimal] = {}
        self._read_at: float | None = None
        self.own = ""
        """Its code; "" until it was read, or where the store does not say."""

    async def know(self) -> None:
        """Reads the list when it is old."""
        if self._read_at is not None and self._clock() - self._read_at <= REFRESH_S:
            return
        try:
            rows = [each.row for each in await self._reader.every_page(bigcommerce.currencies)]
        except Unauthorized as error:
            if not error.forbidden:
                raise
            rows = []  # this token may not read them: amounts without a currency stay unset
        self.own = next((str(row.get("currency_code")) for row in rows if row.get("is_default") is True), "")
        self._rates = {str(row.get("currency_code")): _rate(row) for row in rows}
        self._read_at = self._clock()

    def worth(self, code: str) -> Decimal | None:
        """How much of this currency is one of the store's own; None for one the store does not have."""
        mine, other = self._rates.get(self.own), self._rates.get(code)
        if code == self.own:
            return Decimal(1)
        return other / mine if mine and other else None


def _rate(row: dict[str, Any]) -> Decimal:
    try:
        return max(Decimal(0), decimal(row.get("currency_exchange_rate")))
    except ValueError:
        return Decimal(0)
