"""The simulated store's carts, as far as webhooks tell of them: left behind, or turned into an order and gone.

No HTTP; products come from the catalogue that orders fill.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headrace.simulators.people import Emit
from headrace.simulators.rows import Line, Order
from headrace.simulators.trade import Trade


@dataclass(frozen=True, slots=True)
class Cart:
    """A cart. `customer_id` 0 is a guest, who may have said an e-mail."""

    id: str
    customer_id: int
    email: str
    currency: str
    created: datetime
    lines: tuple[Line, ...]


@dataclass(slots=True)
class Carts:
    """Carts by id, in the order they were left behind."""

    now: Callable[[], datetime]
    emit: Emit
    trade: Trade
    rows: dict[str, Cart] = field(default_factory=dict)

    def abandon(self, fields: Mapping[str, Any]) -> Cart:
        """A cart that nobody touched for an hour."""
        number = len(self.rows) + 1
        cart = Cart(
            id=str(fields.get("id") or uuid.uuid5(uuid.NAMESPACE_OID, f"cart {number}")),
            customer_id=int(fields.get("customer_id") or 0),
            email=str(fields.get("email") or ""),
            currency=str(fields.get("currency") or "GBP"),
            created=self.now(),
            lines=tuple(self.trade.new_line(entry) for entry in fields["lines"]),
        )
        self.rows[cart.id] = cart
        token = uuid.uuid5(uuid.NAMESPACE_OID, f"token {cart.id}").hex
        self.emit("store/cart/abandoned", {"type": "cart", "id": cart.id, "token": token})
        return cart

    def convert(self, cart_id: str, fields: Mapping[str, Any]) -> Order:
        """The cart becomes this order and is gone."""
        order = self.trade.create_order(fields)
        self.rows.pop(cart_id, None)
        self.emit("store/cart/converted", {"type": "cart", "id": cart_id, "orderId": order.id})
        return order
