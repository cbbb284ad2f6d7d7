"""What notices tell of a cart: that it was left behind, that it became an order. Pure.

A cart that became an order is gone at the store; what it held is in the order.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import Struct


class CartNews(Struct, frozen=True):
    """Newest times, by the store's clock. `order_id`: what it became."""

    abandoned_at: datetime | None = None
    converted_at: datetime | None = None
    order_id: int = 0

    def and_then(self, other: "CartNews") -> "CartNews":
        """Both together."""
        later = other if other.converted_at else self
        abandoned = [at for at in (self.abandoned_at, other.abandoned_at) if at is not None]
        return CartNews(max(abandoned, default=None), later.converted_at, later.order_id)


NO_NEWS: Final = CartNews()


def cart_news(scope: str, data: Mapping[str, Any], told_at: datetime | None) -> CartNews:
    """What one notice tells. Raises ValueError for one without a time, or for a conversion without an order."""
    if told_at is None:
        raise ValueError("a cart's notice has no time")
    if scope == "store/cart/abandoned":
        return CartNews(abandoned_at=told_at)
    return CartNews(converted_at=told_at, order_id=int(data["orderId"]))


def resource_number(resource: str, resource_id: str) -> int:
    """The id of a resource as a number. Raises ValueError."""
    if resource == "consent":
        return int(resource_id, 16)
    return uuid.UUID(resource_id).int if resource == "cart" else int(resource_id)


def cart_id_of(number: int) -> str:
    """The id the store knows the cart by."""
    return str(uuid.UUID(int=number))
