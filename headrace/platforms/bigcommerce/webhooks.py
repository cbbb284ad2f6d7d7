"""Webhook subscriptions (v3), those of our credentials only."""

from collections.abc import Mapping

from headrace.platforms.bigcommerce.calls import PAGE_LIMIT, get
from headrace.platforms.http import Request


def hooks(page: int = 1) -> Request:
    """The hooks of our credentials: rows with `id`, `scope`, `destination`, `is_active`."""
    return get("/v3/hooks", ("limit", PAGE_LIMIT), ("page", page))


def create_hook(scope: str, destination: str, headers: Mapping[str, str] | None = None) -> Request:
    """Subscribes to a scope. A second one of the same scope and destination is refused with 422."""
    body = {"scope": scope, "destination": destination, "is_active": True}
    return Request("POST", "/v3/hooks", json=body | ({"headers": dict(headers)} if headers else {}))


def activate_hook(hook_id: int) -> Request:
    """Wakes a hook that the vendor put to sleep."""
    return Request("PUT", f"/v3/hooks/{hook_id}", json={"is_active": True})
