"""Hooks, and what the vendor says of their deliveries."""

from datetime import UTC, datetime
from typing import Any

from headrace.platforms import bigcommerce
from headrace.platforms.bigcommerce import BlockedDomain, Hook
from headrace.platforms.http import Reply


def _reply(json: Any) -> Reply:
    return Reply(200, {}, json, datetime(2026, 1, 1, tzinfo=UTC))


def test_hook_of__a_row__asleep_only_when_it_says_so() -> None:
    row = {"id": 1, "scope": "store/order/*", "destination": "https://shop.example", "headers": {"X-A": "b"}}
    assert bigcommerce.hook_of(row) == Hook(1, "store/order/*", "https://shop.example", True, (("X-A", "b"),))
    asleep = bigcommerce.hook_of({**row, "is_active": False, "headers": None})
    assert asleep == Hook(1, "store/order/*", "https://shop.example", active=False, headers=())
    silent = bigcommerce.hook_of({key: row[key] for key in row if key != "headers"})
    assert silent == Hook(1, "store/order/*", "https://shop.example", active=True)
    assert bigcommerce.hook_of({"id": 1}) is None


def test_delivery_health_of__blocked_and_deactivated__are_named() -> None:
    reason = {"failure_description": "HTTP 500", "count": 7, "timestamp": 1}
    health = bigcommerce.delivery_health_of(
        _reply(
            {
                "data": {
                    "emails": ["ops@shop.example"],
                    "hooks_list": [{"id": 1, "status": "active"}, {"id": 2, "status": "deactivated"}, {"id": "x"}],
                    "blocked_domains": [{"destination": "shop.example", "time_left": 90, "reasons": [reason]}, {}],
                }
            }
        )
    )
    assert health.emails == ("ops@shop.example",)
    assert health.statuses == {1: "active", 2: "deactivated"}
    assert health.blocked == (BlockedDomain("shop.example", 90, ("HTTP 500",)),)


def test_delivery_health_of__nothing__is_empty() -> None:
    assert bigcommerce.delivery_health_of(_reply(None)) == bigcommerce.DeliveryHealth()


def test_update_hook__elsewhere__also_wakes_it() -> None:
    request = bigcommerce.update_hook(7, destination="https://new.example", headers={"X-A": "b"})
    assert request.path == "/v3/hooks/7"
    assert request.json == {"destination": "https://new.example", "headers": {"X-A": "b"}, "is_active": True}
