"""What the simulated vendors keep: one frozen row a thing, replaced when it changes.

Money is an integer of ten-thousandths of the currency's unit (BigCommerce states four decimals). No behaviour here.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

STATUS_LABELS: Final = (
    "Incomplete",
    "Pending",
    "Shipped",
    "Partially Shipped",
    "Refunded",
    "Cancelled",
    "Declined",
    "Awaiting Payment",
    "Awaiting Pickup",
    "Awaiting Shipment",
    "Completed",
    "Awaiting Fulfillment",
    "Manual Verification Required",
    "Disputed",
    "Partially Refunded",
)
"""By status id."""


@dataclass(frozen=True, slots=True)
class Address:
    """A customer's address."""

    id: int
    address1: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""
    country_code: str = ""


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer. `group_id` 0 is no group."""

    id: int
    email: str
    created: datetime
    modified: datetime
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    phone: str = ""
    notes: str = ""
    group_id: int = 0
    addresses: tuple[Address, ...] = ()
    form_fields: tuple[tuple[str, str], ...] = ()
    store_credit: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """A customer group."""

    id: int
    name: str
    created: datetime
    modified: datetime
    is_default: bool = False
    discount_rules: tuple[dict[str, object], ...] = ()
    access: str = "all"
    category_ids: tuple[int, ...] = ()
    """Those its members see, when `access` is specific."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A customer attribute of the store: string, number or date."""

    id: int
    name: str
    type: str
    created: datetime
    modified: datetime


@dataclass(frozen=True, slots=True)
class AttributeValue:
    """The one value a customer has of an attribute."""

    id: int
    attribute_id: int
    customer_id: int
    value: str
    created: datetime
    modified: datetime


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A newsletter subscriber; without consents = unsubscribed."""

    id: int
    email: str
    created: datetime
    modified: datetime
    first_name: str = ""
    last_name: str = ""
    consents: tuple[str, ...] = ()
    source: str = "storefront"


@dataclass(frozen=True, slots=True)
class Product:
    """A catalogue product. `brand_id` 0 is none."""

    id: int
    name: str
    sku: str
    price: int
    brand_id: int = 0
    category_ids: tuple[int, ...] = ()
    availability: str = "available"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an order."""

    id: int
    product_id: int
    name: str
    sku: str
    brand: str
    quantity: int
    price: int


@dataclass(frozen=True, slots=True)
class BillingAddress:
    """An order's billing address; a guest's only identity is its `email`."""

    email: str = ""
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    address1: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""
    country_code: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class RefundItem:
    """Units and money of one line taken back."""

    line_id: int
    quantity: int
    amount: int


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund of an order."""

    id: int
    order_id: int
    created: datetime
    total: int
    items: tuple[RefundItem, ...]
    reason: str = ""
    is_declined: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """An order. `customer_id` 0 is a guest."""

    id: int
    customer_id: int
    status_id: int
    created: datetime
    modified: datetime
    currency: str
    total: int
    lines: tuple[Line, ...]
    billing: BillingAddress
    archived: bool = False
    refunds: tuple[Refund, ...] = ()
    channel_id: int = 1
    shipping: int = 0
    store_credit: int = 0


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook subscription. `starts_at` is elapsed time."""

    id: int
    scope: str
    destination: str
    created: datetime
    modified: datetime
    starts_at: float
    headers: tuple[tuple[str, str], ...] = ()
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the Mailchimp audience. `tags` holds the active ones with when they were added."""

    email: str
    status: str
    created: datetime
    modified: datetime
    merge_fields: tuple[tuple[str, object], ...] = ()
    tags: tuple[tuple[str, datetime], ...] = ()
    extra: tuple[tuple[str, object], ...] = ()
