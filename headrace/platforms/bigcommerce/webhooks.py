"""Webhook subscriptions (v3), those of our credentials only, and what the vendor thinks of their destinations.

Events missed while a hook sleeps or its domain is blocked are not sent again: read the store's changes instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from headrace.platforms.bigcommerce.calls import PAGE_LIMIT, get
from headrace.platforms.bigcommerce.pages import Row
from headrace.platforms.http import Reply, Request

HOOKS_PER_SCOPE: Final = 10
"""For one store and one set of credentials."""
START_DELAY_S: Final = 60
"""A new hook may take so long to send its first event."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A subscription as the store has it; `active` is False once the vendor has put it to sleep. Header names may
    change case on their way: compare them without it. `headers` is None when the store does not tell them."""

    id: int
    scope: str
    destination: str
    active: bool
    headers: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class BlockedDomain:
    """A destination that gets nothing for `seconds_left`, and why, in the vendor's words."""

    destination: str
    seconds_left: int
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeliveryHealth:
    """What `/hooks/admin` says: who is told, each hook's status (`active`, `inactive`, `deactivated`), who is blocked.

    It speaks of every store our credentials serve; `statuses` is by hook id.
    """

    emails: tuple[str, ...] = ()
    statuses: Mapping[int, str] = field(default_factory=dict)
    blocked: tuple[BlockedDomain, ...] = ()


def hooks(page: int = 1, *, active: bool | None = None) -> Request:
    """The hooks of our credentials (`hook_of` reads a row): all, or only those that are awake or asleep."""
    chosen: list[tuple[str, object]] = [] if active is None else [("is_active", str(active).lower())]
    return get("/v3/hooks", *chosen, ("limit", PAGE_LIMIT), ("page", page))


def hooks_admin() -> Request:
    """The health of our deliveries (`delivery_health_of` reads it)."""
    return get("/v3/hooks/admin")


def create_hook(scope: str, destination: str, headers: Mapping[str, str] | None = None) -> Request:
    """Subscribes to a scope. A second one of the same scope and destination is refused with 422."""
    body = {"scope": scope, "destination": destination, "is_active": True}
    return Request("POST", "/v3/hooks", json=body | ({"headers": dict(headers)} if headers else {}))


def activate_hook(hook_id: int) -> Request:
    """Wakes a hook that the vendor put to sleep."""
    return Request("PUT", f"/v3/hooks/{hook_id}", json={"is_active": True})


def update_hook(hook_id: int, *, destination: str, headers: Mapping[str, str]) -> Request:
    """Sends a hook elsewhere, or with other headers (all of them replaced), and wakes it."""
    body = {"destination": destination, "headers": dict(headers), "is_active": True}
    return Request("PUT", f"/v3/hooks/{hook_id}", json=body)


def hook_of(row: Row) -> Hook | None:
    """What a row says; None for one without id, scope or destination."""
    hook_id, scope, destination = row.get("id"), row.get("scope"), row.get("destination")
    if not isinstance(hook_id, int) or not isinstance(scope, str) or not isinstance(destination, str):
        return None
    given = row.get("headers")
    headers = tuple((str(name), str(value)) for name, value in given.items()) if isinstance(given, dict) else ()
    told = headers if "headers" in row else None
    return Hook(hook_id, scope, destination, row.get("is_active") is not False, told)


def delivery_health_of(reply: Reply) -> DeliveryHealth:
    """What the reply to `hooks_admin` says; what it does not say is empty."""
    data = reply.json.get("data") if isinstance(reply.json, dict) else None
    if not isinstance(data, dict):
        return DeliveryHealth()
    blocked = (_blocked(row) for row in _rows(data.get("blocked_domains")))
    return DeliveryHealth(
        tuple(each for each in _list(data.get("emails")) if isinstance(each, str)),
        {
            row["id"]: str(row.get("status") or "active")
            for row in _rows(data.get("hooks_list"))
            if isinstance(row.get("id"), int)
        },
        tuple(each for each in blocked if each is not None),
    )


def _blocked(row: dict[str, Any]) -> BlockedDomain | None:
    destination, left = row.get("destination"), row.get("time_left")
    if not isinstance(destination, str):
        return None
    reasons = tuple(
        reason["failure_description"]
        for reason in _rows(row.get("reasons"))
        if isinstance(reason.get("failure_description"), str)
    )
    return BlockedDomain(destination, left if isinstance(left, int) else 0, reasons)


def _rows(value: Any) -> list[dict[str, Any]]:
    return [row for row in _list(value) if isinstance(row, dict)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
