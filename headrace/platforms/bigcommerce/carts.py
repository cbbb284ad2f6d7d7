"""Carts (v3). There is no list of abandoned ones: only the webhook tells."""

from headrace.platforms.bigcommerce.calls import get
from headrace.platforms.http import Request


def cart(cart_id: str) -> Request:
    """A cart with its lines. 404 once it became an order, or after 30 days."""
    return get(f"/v3/carts/{cart_id}")
