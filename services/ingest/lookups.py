"""What a snapshot needs besides its own row, kept in memory: group names, categories of products, newsletter consent.

Bounded or small; filled from the store on demand. Which row needs what is `snapshots`' matter.
"""

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from headrace.platforms import bigcommerce
from headrace.platforms.bigcommerce import number_of
from headrace.platforms.replies import moment
from services.ingest.reader import Fetched, StoreReader

REFRESH_S: Final = 600.0
"""Groups and categories send no webhook: read again after so long (real seconds)."""
CONSENTS_AGAIN_S: Final = 3600.0
"""A subscriber deleted without our noticing is forgotten at the latest now."""
_PRODUCTS: Final = 100_000
_OVERLAP: Final = timedelta(seconds=60)


class Groups:
    """Names of the store's customer groups."""

    def __init__(self, reader: StoreReader, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._clock = clock
        self._names: dict[int, str] = {}
        self._read_at: float | None = None

    async def know(self, group_ids: Iterable[int]) -> None:
        """Reads the list again when one of these is unknown, or when the list is old."""
        old = self._read_at is None or self._clock() - self._read_at > REFRESH_S
        if old or any(group_id and group_id not in self._names for group_id in group_ids):
            self._names = _names(await self._reader.every_page(bigcommerce.customer_groups))
            self._read_at = self._clock()

    def name(self, group_id: int) -> str:
        """ "" for no group; `#id` for one that the store does not list."""
        return self._names.get(group_id, f"#{group_id}") if group_id else ""


class Product(NamedTuple):
    """What the catalogue has beside an order's line. `late`: it can only be ordered ahead of time now."""

    categories: tuple[int, ...] = ()
    brand: int = 0
    late: bool = False


class Categories:
    """Category names by product; its brand's name, and whether it is on back order."""

    def __init__(self, reader: StoreReader, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._clock = clock
        self._names: dict[int, str] = {}
        self._brands: dict[int, str] = {}
        self._products: dict[int, Product] = {}
        self._read_at: float | None = None

    async def know(self, product_ids: Iterable[int]) -> None:
        """Reads the products we have not seen, and the categories' names when one of theirs is new."""
        if self._read_at is not None and self._clock() - self._read_at > REFRESH_S:
            self._products.clear()
            self._read_at = None
        missing = {each for each in product_ids if each not in self._products}
        if missing:
            found = await self._reader.products(missing)
            self._make_room(len(missing))
            self._products |= {each: _product(found.get(each)) for each in missing}
        named = (category for each in missing for category in self._products[each].categories)
        if any(category not in self._names for category in named):
            self._names = _names(await self._reader.every_page(bigcommerce.categories))
        self._read_at = self._read_at or self._clock()

    async def know_brands(self, product_ids: Iterable[int]) -> None:
        """The brands of these products, which `know` has read. Orders bear their brand, carts do not."""
        ids = {self._products[each].brand for each in product_ids if each in self._products} - {0}
        if ids - self._brands.keys():
            self._brands = _names(await self._reader.every_page(bigcommerce.brands))

    def of(self, product_id: int) -> tuple[str, ...]:
        """The names of a product's categories."""
        ids = self._products.get(product_id, _NO_PRODUCT).categories
        return tuple(self._names[each] for each in ids if each in self._names)

    def brand_of(self, product_id: int) -> str:
        """The name of its brand, "" for none."""
        return self._brands.get(self._products.get(product_id, _NO_PRODUCT).brand, "")

    def is_late(self, product_id: int) -> bool:
        """It was not in stock when it was last looked at: the store sells it ahead of time."""
        return self._products.get(product_id, _NO_PRODUCT).late

    def _make_room(self, count: int) -> None:
        surplus = len(self._products) + count - _PRODUCTS
        for product_id in list(self._products)[: max(0, surplus)]:
            del self._products[product_id]


_NO_PRODUCT: Final = Product()


def _names(rows: Iterable[Fetched]) -> dict[int, str]:
    return {number_of(each.row): str(each.row.get("name") or "") for each in rows}


def _product(row: dict[str, Any] | None) -> Product:
    if row is None:
        return _NO_PRODUCT
    brand, categories = row.get("brand_id"), row.get("categories")
    return Product(
        tuple(each for each in categories if isinstance(each, int)) if isinstance(categories, list) else (),
        brand if isinstance(brand, int) else 0,
        row.get("availability") == "preorder",
    )


class Consents:
    """Consents by e-mail: the newsletter's, and those for other purposes.

    The store has no filter for many addresses: all are read once, then changes.
    """

    def __init__(self, reader: StoreReader, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._clock = clock
        self.changed: set[str] = set()
        """E-mails whose consent is another than in the table before; who has dealt with them takes them out."""
        self._subscribed: dict[str, bool] = {}
        self._others: dict[str, tuple[str, ...]] = {}
        self._said_at: dict[str, datetime] = {}
        self._emails: dict[int, str] = {}
        self._since: datetime | None = None
        self._read_at = 0.0

    async def refresh(self) -> datetime:
        """Brings the table up to date: one call, but for the first time. Returns the vendor's `Date` of its first read.

        Whose consent became another is put into `changed`.
        """
        if self._since is not None and self._clock() - self._read_at > CONSENTS_AGAIN_S:
            self._since = None
        since = self._since
        rows, date = await self._read(since)
        if since is None:
            self._replace(rows)
        else:
            for row in rows:
                self._keep(row)
        self._since = max(date - _OVERLAP, since) if since else date - _OVERLAP
        return date

    async def catch_up(self, since: datetime) -> None:
        """Puts into `changed` whose rows were modified since then, at a time when nobody compared them."""
        rows, _ = await self._read(since)
        for row in rows:
            self._keep(row)
            self.changed.add(_address(row))

    def _replace(self, rows: list[dict[str, Any]]) -> None:
        """The whole table anew; the first one changes nobody's consent."""
        before, self._subscribed, self._emails = self._all(), {}, {}
        self._others, self._said_at = {}, {}
        changed, self.changed = self.changed, set()
        for row in rows:
            self._keep(row)
        now, self.changed = self._all(), changed
        if before:
            self.changed |= {email for email in before.keys() | now.keys() if before.get(email) != now.get(email)}
        self._read_at = self._clock()

    def _keep(self, row: dict[str, Any]) -> None:
        email = _address(row)
        before = self._word(email)
        self._emails[number_of(row)] = email
        self._subscribed[email] = bigcommerce.subscribed(row)
        if (said_at := moment(row.get("date_modified"))) is not None:
            self._said_at[email] = said_at
        if others := bigcommerce.other_consents(row):
            self._others[email] = others
        else:
            self._others.pop(email, None)
        if before != self._word(email):
            self.changed.add(email)

    def _word(self, email: str) -> tuple[bool | None, tuple[str, ...]]:
        return self._subscribed.get(email), self._others.get(email, ())

    def _all(self) -> dict[str, tuple[bool | None, tuple[str, ...]]]:
        return {email: self._word(email) for email in self._subscribed}

    def of(self, email: str | None) -> bool | None:
        """None when the store has no word on it."""
        return self._subscribed.get((email or "").strip().lower())

    def said_at(self, email: str | None) -> datetime | None:
        """When the store's row was last changed."""
        return self._said_at.get((email or "").strip().lower())

    def purposes(self, email: str | None) -> dict[str, bool]:
        """What else the customer agreed to."""
        return dict.fromkeys(self._others.get((email or "").strip().lower(), ()), True)

    def email_of(self, subscriber_id: int) -> str | None:
        """Whose row it is."""
        return self._emails.get(subscriber_id)

    def forget(self, subscriber_id: int) -> str | None:
        """The row was deleted; returns whose it was."""
        email = self._emails.pop(subscriber_id, None)
        if email is not None:
            self._subscribed.pop(email, None)
            self._others.pop(email, None)
            self._said_at.pop(email, None)
        return email

    async def _read(self, since: datetime | None) -> tuple[list[dict[str, Any]], datetime]:
        dates: list[datetime] = []
        found: list[dict[str, Any]] = []
        page: int | None = 1
        while page is not None:
            rows, date, page = await self._reader.subscribers(page, since)
            found += rows
            dates.append(date)
        return found, dates[0]


def _address(row: dict[str, Any]) -> str:
    return str(row.get("email") or "").strip().lower()
