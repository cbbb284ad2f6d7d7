"""Webhooks of BigCommerce: is it genuine, and which resource does it point at. Pure: the time is an argument.

The signature is that of Standard Webhooks with the client secret's bytes as key (design/vendors.md 1.5). Nothing is
read from the store or written here.
"""

import base64
import binascii
import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from headrace.contracts.actions import Notice

BODY_LIMIT_BYTES: Final = 64 * 1024
SIGNED_HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")

Resource = Literal["order", "customer", "subscriber", "cart"]
NEEDED_SCOPES: Final[Mapping[str, Resource]] = {
    "store/order/created": "order",
    "store/order/updated": "order",
    "store/order/archived": "order",
    "store/order/statusUpdated": "order",
    "store/order/refund/created": "order",
    "store/customer/created": "customer",
    "store/customer/updated": "customer",
    "store/customer/deleted": "customer",
    "store/customer/address/created": "customer",
    "store/customer/address/updated": "customer",
    "store/customer/address/deleted": "customer",
    "store/subscriber/created": "subscriber",
    "store/subscriber/updated": "subscriber",
    "store/subscriber/deleted": "subscriber",
    "store/cart/abandoned": "cart",
    "store/cart/converted": "cart",
}
"""What we subscribe to, and the resource that will be read: an address by its customer, a refund by its order."""
CART_SCOPES: Final = frozenset({"store/cart/abandoned", "store/cart/converted"})
"""We can do without: a token that may not read carts is good for all else."""


@dataclass(frozen=True, slots=True)
class Forged:
    """Not genuine. `reason` is one word for the metrics."""

    reason: Literal["header", "unsigned", "stale", "signature", "no_secret"]


@dataclass(frozen=True, slots=True)
class Unfit:
    """Genuine, but not a notice of ours. `reason` is one word for the metrics."""

    reason: Literal["not_json", "not_form", "no_scope", "unknown_scope", "wrong_store", "wrong_shape"]


@dataclass(frozen=True, slots=True)
class Unneeded:
    """A scope that nothing here depends on."""


@dataclass(frozen=True, slots=True)
class SharedHeader:
    """A header with a secret value that the store sends with every delivery."""

    name: str
    value: str

    @classmethod
    def parse(cls, text: str) -> "SharedHeader":
        """From `Name: value`."""
        name, _, value = text.partition(":")
        return cls(name.strip().lower(), value.strip())


def check_header(headers: Mapping[str, str], shared: SharedHeader | None) -> Forged | None:
    """Whether the delivery carries the shared header; names compare in any case, values in constant time."""
    if shared is None:
        return None
    given = headers.get(shared.name, "").encode()
    return None if hmac.compare_digest(given, shared.value.encode()) else Forged("header")


def check_signature(
    headers: Mapping[str, str], body: bytes, *, secret: bytes, now_s: float, tolerance_s: float
) -> Forged | None:
    """Whether one of the signatures is right and its time within the tolerance of `now_s` (Unix seconds)."""
    message_id, stamp, given = (headers.get(name, "") for name in SIGNED_HEADERS)
    if not (message_id and stamp and given):
        return Forged("unsigned")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16) or abs(now_s - int(stamp)) > tolerance_s:
        return Forged("stale")
    expected = hmac.new(secret, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return None if any(_matches(part, expected) for part in given.split()) else Forged("signature")


def sign(message_id: str, stamp_s: int, body: bytes, secret: bytes) -> str:
    """The `webhook-signature` of a delivery."""
    digest = hmac.new(secret, f"{message_id}.{stamp_s}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def read_notice(
    body: bytes, *, store: str, headers: Mapping[str, str], received_at: datetime
) -> Notice | Unfit | Unneeded:
    """The notice in a genuine body."""
    try:
        text = body.decode()  # it is kept as text: what is no UTF-8 is refused here
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return Unfit("not_json")
    if not isinstance(fields, dict) or not isinstance(fields.get("scope"), str):
        return Unfit("no_scope")
    scope = fields["scope"]
    if fields.get("producer", f"stores/{store}") != f"stores/{store}":
        return Unfit("wrong_store")
    resource = NEEDED_SCOPES.get(scope)
    if resource is None:
        return Unneeded() if scope.startswith("store/") else Unfit("unknown_scope")
    resource_id = _resource_id(scope, fields.get("data"))
    if resource_id is None:
        return Unfit("wrong_shape")
    return Notice(
        store=store,
        scope=scope,
        resource=resource,
        resource_id=str(resource_id),
        received_at=received_at.astimezone(UTC).isoformat(timespec="milliseconds"),
        body=text,
        headers={name: headers[name] for name in SIGNED_HEADERS if name in headers},
    )


def notice_key(notice: Notice) -> bytes:
    """`store:resource:id`: all notices of one resource share a partition."""
    return f"{notice.store}:{notice.resource}:{notice.resource_id}".encode()


def notice_of(resource: Literal["order", "customer"], resource_id: int, *, store: str, at: datetime) -> Notice:
    """A notice that no webhook brought: read this again."""
    scope = f"store/{resource}/updated"
    data = {"type": resource, "id": resource_id}
    return Notice(
        store=store,
        scope=scope,
        resource=resource,
        resource_id=str(resource_id),
        received_at=at.astimezone(UTC).isoformat(timespec="milliseconds"),
        body=json.dumps({"producer": f"stores/{store}", "scope": scope, "data": data}),
    )


def _resource_id(scope: str, data: Any) -> int | str | None:
    if not isinstance(data, dict):
        return None
    if scope.startswith("store/cart/"):
        return _cart_id(data.get("id"))
    if scope.startswith("store/customer/address/"):
        address = data.get("address")
        value = address.get("customer_id") if isinstance(address, dict) else None
    else:
        value = data.get("id")
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**53 else None


def _cart_id(value: Any) -> str | None:
    """A cart's id is a UUID."""
    try:
        return str(uuid.UUID(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def _matches(part: str, expected: bytes) -> bool:
    version, _, text = part.partition(",")
    if version != "v1":
        return False
    try:
        return hmac.compare_digest(base64.b64decode(text, validate=True), expected)
    except (binascii.Error, ValueError):
        return False
