"""Catalogue v3, read only: products, brands, categories.

Filled by the orders that sell them.
"""

from typing import Any

from headrace.simulators.bigcommerce.shapes import number
from headrace.simulators.call import Answer, Call, Routes, data, page, v3_error
from headrace.simulators.rows import Product
from headrace.simulators.world import World


def routes(world: World) -> Routes:
    """The handlers of these resources."""
    api = _Catalog(world)
    return {
        ("GET", "/v3/catalog/products"): api.products,
        ("GET", "/v3/catalog/products/{id}"): api.product,
        ("GET", "/v3/catalog/brands"): api.brands,
        ("GET", "/v3/catalog/categories"): api.categories,
        ("GET", "/v3/catalog/trees/categories"): api.tree_categories,
    }


class _Catalog:
    def __init__(self, world: World) -> None:
        self._catalogue = world.trade.catalogue

    def products(self, call: Call) -> Answer:
        ids, skus = call.id_list("id:in"), call.texts("sku:in")
        known = self._catalogue.products
        rows = [known[each] for each in (sorted(known) if ids is None else dict.fromkeys(ids)) if each in known]
        rows = [row for row in rows if skus is None or row.sku in skus]
        return page(call, rows, lambda row: _product(row, call))

    def product(self, call: Call) -> Answer:
        row = self._catalogue.products.get(call.ids[0])
        return v3_error(404, "The requested product was not found.") if row is None else data(_product(row, call))

    def brands(self, call: Call) -> Answer:
        ids = call.id_list("id:in")
        rows = [(each, name) for name, each in self._catalogue.brands.items() if ids is None or each in ids]
        return page(call, rows, lambda row: {"id": row[0], "name": row[1], "page_title": ""})

    def categories(self, call: Call) -> Answer:
        return page(call, self._chosen(call, "id:in"), lambda row: {"id": row[0], "parent_id": 0, "name": row[1]})

    def tree_categories(self, call: Call) -> Answer:
        return page(call, self._chosen(call, "category_id:in"), _tree_category)

    def _chosen(self, call: Call, name: str) -> list[tuple[int, str]]:
        ids = call.id_list(name)
        return [(each, label) for label, each in self._catalogue.categories.items() if ids is None or each in ids]


def _tree_category(row: tuple[int, str]) -> dict[str, Any]:
    return {"category_id": row[0], "tree_id": 1, "parent_id": 0, "name": row[1], "is_visible": True}


def _product(row: Product, call: Call) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "id": row.id,
        "name": row.name,
        "type": "physical",
        "sku": row.sku,
        "price": number(row.price),
        "categories": list(row.category_ids),
        "brand_id": row.brand_id,
        "availability": row.availability,
        "is_preorder_only": False,
        "is_visible": True,
    }
    fields = call.texts("include_fields")
    return shape if fields is None else {name: shape[name] for name in ("id", *fields) if name in shape}
