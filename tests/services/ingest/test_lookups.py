"""Group names, categories and consent, read no more often than they must be."""

from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.platforms.http import Reply, Request
from services.ingest.lookups import Categories, Consents, Groups
from services.ingest.reader import StoreReader

START = datetime(2026, 1, 1, tzinfo=UTC)


class Vendor:
    """Answers by path, and remembers what it was asked."""

    def __init__(self, **rows: list[dict[str, Any]]) -> None:
        self.rows = rows
        self.asked: list[Request] = []
        self.now = START

    async def call(self, request: Request) -> Reply:
        self.asked.append(request)
        self.now += timedelta(seconds=100)
        rows = self.rows[request.path.rpartition("/")[2]]
        since = dict(request.params).get("date_modified:min")
        rows = [row for row in rows if since is None or row["date_modified"] >= since]
        return Reply(200, {}, rows if request.path.startswith("/v2") else {"data": rows, "meta": {}}, self.now)


def _subscriber(number: int, *consents: str, at: int = 0) -> dict[str, Any]:
    modified = (START + timedelta(seconds=at)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"id": number, "email": f"C{number}@x.example", "consents": list(consents), "date_modified": modified}


async def test_groups__unknown_id__list_read_again_once() -> None:
    vendor = Vendor(customer_groups=[{"id": 1, "name": "Gold"}])
    groups = Groups(StoreReader(vendor))
    await groups.know({0, 1})
    await groups.know({1})
    assert len(vendor.asked) == 1
    vendor.rows["customer_groups"].append({"id": 2, "name": "Silver"})
    await groups.know({2})
    assert (groups.name(0), groups.name(1), groups.name(2), groups.name(9)) == ("", "Gold", "Silver", "#9")
    assert len(vendor.asked) == 2


async def test_groups__list_is_old__read_again() -> None:
    now = [0.0]
    vendor = Vendor(customer_groups=[{"id": 1, "name": "Gold"}])
    groups = Groups(StoreReader(vendor), clock=lambda: now[0])
    await groups.know({1})
    vendor.rows["customer_groups"] = [{"id": 1, "name": "Platinum"}]
    now[0] = 601.0
    await groups.know({1})
    assert groups.name(1) == "Platinum"


async def test_categories__products_seen_before__no_call() -> None:
    vendor = Vendor(
        products=[{"id": 5, "categories": [1, 2]}], categories=[{"id": 1, "name": "A"}, {"id": 2, "name": "B"}]
    )
    categories = Categories(StoreReader(vendor))
    await categories.know({5, 6})
    await categories.know({5, 6})
    assert (categories.of(5), categories.of(6), len(vendor.asked)) == (("A", "B"), (), 2)


async def test_consents__first_all_then_changes__word_by_address() -> None:
    vendor = Vendor(subscribers=[_subscriber(1, "marketing_newsletter"), _subscriber(2)])
    consents = Consents(StoreReader(vendor))
    assert await consents.refresh() == START + timedelta(seconds=100)
    assert (consents.of("c1@X.example"), consents.of("c2@x.example"), consents.of(None)) == (True, False, None)
    assert consents.changed == set()
    vendor.rows["subscribers"] = [_subscriber(1, at=150), _subscriber(3, "marketing_newsletter", at=150)]
    await consents.refresh()
    assert consents.changed == {"c1@x.example", "c3@x.example"}
    assert consents.of("c1@x.example") is False
    assert dict(vendor.asked[1].params)["date_modified:min"] == "2026-01-01T00:00:40Z"


async def test_consents__row_deleted__no_word_any_more() -> None:
    consents = Consents(StoreReader(Vendor(subscribers=[_subscriber(1, "marketing_newsletter")])))
    await consents.refresh()
    assert consents.forget(1) == "c1@x.example"
    assert consents.of("c1@x.example") is None
    assert consents.forget(1) is None


async def test_consents__other_purposes__by_address_and_their_change_is_one() -> None:
    vendor = Vendor(subscribers=[_subscriber(1, "marketing_newsletter", "abandoned_cart"), _subscriber(2)])
    consents = Consents(StoreReader(vendor))
    await consents.refresh()
    assert (consents.purposes("C1@x.example"), consents.purposes("c2@x.example")) == ({"abandoned_cart": True}, {})
    vendor.rows["subscribers"] = [_subscriber(1, "marketing_newsletter", at=150)]
    await consents.refresh()
    assert (consents.changed, consents.purposes("c1@x.example")) == ({"c1@x.example"}, {})


async def test_categories__brand_and_preorder__known_with_the_product() -> None:
    vendor = Vendor(
        products=[
            {"id": 5, "categories": [], "brand_id": 3, "availability": "preorder"},
            {"id": 6, "categories": [], "brand_id": 0, "availability": "available"},
        ],
        brands=[{"id": 3, "name": "Bijou"}],
        categories=[],
    )
    products = Categories(StoreReader(vendor))
    await products.know({5, 6, 7})
    await products.know_brands({5, 6, 7, 8})
    assert [products.brand_of(each) for each in (5, 6, 7, 8)] == ["Bijou", "", "", ""]
    assert [products.is_late(each) for each in (5, 6, 7)] == [True, False, False]
    asked = len(vendor.asked)
    await products.know_brands({5})
    assert len(vendor.asked) == asked
