"""Products, brands and categories (v3), and the store's currencies (v2): what orders only name by id."""

from collections.abc import Sequence

from headrace.platforms.bigcommerce.calls import PAGE_LIMIT, get, ids_of
from headrace.platforms.http import Request


def products_by_id(ids: Sequence[int]) -> Request:
    """Products with only `id`, `categories` (category ids), `brand_id` and `availability`."""
    fields = ("include_fields", "categories,brand_id,availability")
    return get("/v3/catalog/products", ("id:in", ids_of(ids)), fields, ("limit", PAGE_LIMIT))


def brands(page: int = 1) -> Request:
    """All brands: rows with `id` and `name`."""
    return get("/v3/catalog/brands", ("include_fields", "name"), ("limit", PAGE_LIMIT), ("page", page))


def categories(page: int = 1) -> Request:
    """All categories: rows with `id` and `name`."""
    return get("/v3/catalog/categories", ("include_fields", "name"), ("limit", PAGE_LIMIT), ("page", page))


def currencies(page: int = 1) -> Request:
    """The store's currencies (v2): rows with `currency_code`, `is_default` and `currency_exchange_rate`."""
    return get("/v2/currencies", ("limit", PAGE_LIMIT), ("page", page))


def products_by_sku(skus: Sequence[str]) -> Request:
    """Products with only `id` and `sku`: those with this SKU themselves, not by a variant."""
    chosen = ("sku:in", ids_of(skus))
    return get("/v3/catalog/products", chosen, ("include_fields", "sku"), ("limit", PAGE_LIMIT))
