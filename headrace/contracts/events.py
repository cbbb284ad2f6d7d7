"""Events: CloudEvents 1.0 (structured JSON) about one customer, and the three partition-wide records.

An event is immutable and carries its origin; a snapshot also its revision. Personal data stands only under
`personal`, so that it may later be sealed without touching the rest.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, dataclass_transform

import msgspec
from msgspec import Meta, Raw, Struct

Origin = Literal["live", "reconcile", "backfill", "import"]

CUSTOMER_SNAPSHOT: Final = "customer.snapshot"
ORDER_SNAPSHOT: Final = "order.snapshot"
ORDER_REMOVED: Final = "order.removed"
CUSTOMER_DELETED: Final = "customer.deleted"
CLOCK: Final = "clock"
RULESET_ACTIVATED: Final = "ruleset.activated"
GENERATION_PROMOTED: Final = "generation.promoted"
ATTRIBUTE_SET: Final = "attribute.set"
CART_ABANDONED: Final = "cart.abandoned"
CART_CONVERTED: Final = "cart.converted"
REFUND_REQUESTED: Final = "refund.requested"
CUSTOMER_PINNED: Final = "customer.pinned"
CUSTOMER_UNPINNED: Final = "customer.unpinned"
CUSTOM_PREFIX: Final = "custom."
"""A store's own events have the type `custom.<name>`."""

CustomerKey = Annotated[str, Meta(pattern=r"^[^:]+:.+$", description="store:customer")]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$", description="ISO 4217 code")]
_LARGEST: Final = 2**53 - 1
"""The largest integer every language reads from JSON exactly; a larger one could not be kept in a state either."""
Minor = Annotated[int, Meta(ge=-_LARGEST, le=_LARGEST, description="integer minor units of the record's currency")]
Units = Annotated[int, Meta(ge=-_LARGEST, le=_LARGEST)]


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Wire(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Base of every wire struct: immutable, fields by name, and a tree: the cyclic collector need not look at it.

    Unknown fields are ignored: a newer producer must not stop an older reader.
    """


class Envelope(Wire):
    """A CloudEvents 1.0 envelope. `headracerevision` orders the snapshots of one resource (see `revision`)."""

    id: Annotated[str, Meta(min_length=1)]
    source: Annotated[str, Meta(min_length=1, description="/stores/<store hash>")]
    type: Annotated[str, Meta(min_length=1)]
    subject: Annotated[str, Meta(description="store:customer, or ~ for a partition-wide record")]
    time: Annotated[datetime, Meta(tz=True, description="when the fact happened, on the store's clock")]
    headraceorigin: Origin
    specversion: Literal["1.0"]
    headracerevision: str | None = None
    datacontenttype: Literal["application/json"] | None = None
    data: Raw = Raw(b"{}")


class Address(Wire):
    """What rules need of an address. Street and names are personal and not kept here."""

    country_code: str = ""
    country: str = ""
    state: str = ""
    city: str = ""
    postcode: str = ""


class CustomerPersonal(Wire):
    """Personal data of a customer."""

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    birthday: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    form: dict[str, str] = {}
    """What the customer declared in the store's own form fields: gender, income, education; by lower-case name."""


class CustomerSnapshot(Wire):
    """A store's customer as it was at its revision. `group` is the group's name, "" for none."""

    customer_id: str
    created_at: Annotated[datetime, Meta(tz=True)]
    modified_at: Annotated[datetime, Meta(tz=True)]
    group: str = ""
    email_domain: str = ""
    company: str = ""
    subscribed: bool | None = None
    """Newsletter consent; null when the store has no word on it: unset is denied."""
    addresses: tuple[Address, ...] = ()
    channel_ids: tuple[int, ...] = ()
    store_credit: Minor | None = None
    consents: dict[str, bool] = {}
    """By purpose, besides the newsletter: "sms"; what is not named is denied."""
    personal: CustomerPersonal | None = None


class OrderLine(Wire):
    """One line. `total` is what the line cost, discounts off, tax included; `id` is the store's line id."""

    id: str
    product_id: str
    quantity: Units
    price: Minor
    total: Minor
    name: str = ""
    sku: str = ""
    brand: str = ""
    categories: tuple[str, ...] = ()
    backordered: Units = 0
    """Units of it that were not in stock when it was ordered."""


class RefundLine(Wire):
    """Units and money taken back on one line."""

    line_id: str
    quantity: Units
    amount: Minor


class Refund(Wire):
    """One refund of an order that was not declined. `amount` includes what no line names (shipping, adjustments)."""

    id: str
    created_at: Annotated[datetime, Meta(tz=True)]
    amount: Minor
    lines: tuple[RefundLine, ...] = ()


class OrderPersonal(Wire):
    """Personal data of an order: what identifies a guest."""

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None


OrderStatus = Literal[
    "incomplete",
    "pending",
    "shipped",
    "partially_shipped",
    "refunded",
    "cancelled",
    "declined",
    "awaiting_payment",
    "awaiting_pickup",
    "awaiting_shipment",
    "completed",
    "awaiting_fulfillment",
    "manual_verification_required",
    "disputed",
    "partially_refunded",
]
"""In the order of BigCommerce's status ids 0 to 14 (the store's labels can be renamed, the ids cannot)."""


class StatusChange(Wire):
    """A change of status that a notice told of; a status passed between two reads is known only from here."""

    previous: OrderStatus
    new: OrderStatus


class OrderSnapshot(Wire):
    """A whole order as it was at its revision; amounts in `currency`, converted from the order's own at its time."""

    order_id: str
    status: OrderStatus
    created_at: Annotated[datetime, Meta(tz=True)]
    modified_at: Annotated[datetime, Meta(tz=True)]
    currency: Currency
    total: Minor
    subtotal: Minor
    total_excluding_tax: Minor
    lines: tuple[OrderLine, ...] = ()
    refunds: tuple[Refund, ...] = ()
    archived: bool = False
    shipping: Minor = 0
    """Shipping and handling within `total`."""
    store_credit: Minor = 0
    """What of `total` was paid with store credit."""
    shipping_excluding_tax: Minor = 0
    """The same within `total_excluding_tax`."""
    channel_id: int | None = None
    shipping_addresses: tuple[Address, ...] = ()
    billing_address: Address | None = None
    status_change: StatusChange | None = None
    personal: OrderPersonal | None = None


class OrderRemoved(Wire):
    """The order is another customer's from this revision on: nothing of it is left with this one.

    `to`: the customer key it went to. A snapshot of the same revision is undone by it, whichever comes first.
    """

    order_id: str
    to: str = ""


class CartEvent(Wire):
    """A cart the store says was left behind (`cart.abandoned`), or became an order (`cart.converted`)."""

    cart_id: str
    currency: Currency
    total: Minor
    lines: tuple[OrderLine, ...] = ()


class RefundRequested(Wire):
    """The customer asked for money back; nothing was given back yet."""

    order_id: str
    reason: str = ""


class CustomerPinned(Wire):
    """A person put the customer into a group, whatever the rules say, until `until` (null: until taken off)."""

    group: str
    reason: str
    until: Annotated[datetime, Meta(tz=True)] | None = None


class CustomerUnpinned(Wire):
    """The pin was taken off: the rules decide again."""

    reason: str = ""


class CustomerDeleted(Wire):
    """The store no longer has this customer."""

    customer_id: str


class Clock(Wire):
    """Everything the store changed before `now` has been published; written by ingest to every partition."""

    store: str
    now: Annotated[datetime, Meta(tz=True)]


class RulesetActivated(Wire):
    """From this record on, in this partition, the rule set of this version is in force."""

    store: str
    version: int
    hash: str
    activation: str
    send_effects: tuple[str, ...] = ()
    """Sources (`segment:vip`) whose effects this activation releases on purpose; of all others it releases none."""
    take_over: bool = False
    """Customers found in a group that is not ours are moved too from here on."""


class GenerationPromoted(Wire):
    """From this record on, in this partition, the actions are those of `generation`, no longer of `replaces`."""

    generation: Annotated[int, Meta(ge=1)]
    replaces: Annotated[int, Meta(ge=1)]
    promotion: str


class AttributeSet(Wire):
    """A person or another system set the whole list of values of one attribute; none = removed."""

    name: str
    values: tuple[str, ...]


class CustomEvent(Wire):
    """A store's own event, of the type `custom.<name>`; the envelope's id makes repeats harmless."""

    payload: dict[str, Any] = {}


def revision(modified_at: datetime, fetched_at: datetime) -> str:
    """The order of two snapshots of one resource, as text that compares like the pair: the larger wins.

    Both on the store's clock: the resource's `date_modified`, and the `Date` of the response it came in.
    """
    return f"{_stamp(modified_at)}/{_stamp(fetched_at)}"


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


_TYPES: Final[dict[str, type[Wire]]] = {
    CUSTOMER_SNAPSHOT: CustomerSnapshot,
    ORDER_SNAPSHOT: OrderSnapshot,
    ORDER_REMOVED: OrderRemoved,
    CUSTOMER_DELETED: CustomerDeleted,
    CLOCK: Clock,
    RULESET_ACTIVATED: RulesetActivated,
    GENERATION_PROMOTED: GenerationPromoted,
    ATTRIBUTE_SET: AttributeSet,
    CART_ABANDONED: CartEvent,
    CART_CONVERTED: CartEvent,
    REFUND_REQUESTED: RefundRequested,
    CUSTOMER_PINNED: CustomerPinned,
    CUSTOMER_UNPINNED: CustomerUnpinned,
}
_ENVELOPE: Final = msgspec.json.Decoder(Envelope)
_DECODERS: Final = {name: msgspec.json.Decoder(cls) for name, cls in _TYPES.items()}
_CUSTOM: Final = msgspec.json.Decoder(CustomEvent)


class _OrderEnvelope(Envelope, frozen=True, kw_only=True, omit_defaults=True):
    """The envelope of an order, read together with it."""

    data: OrderSnapshot  # type: ignore[assignment]  # where the raw bytes stand otherwise


_ORDER_ENVELOPE: Final = msgspec.json.Decoder(_OrderEnvelope)
_ORDER_SIGN: Final = b'"type":"order.snapshot"'
_SIGN_WITHIN: Final = 512
_ENCODER: Final = msgspec.json.Encoder()

EventData = (
    CustomerSnapshot
    | OrderSnapshot
    | OrderRemoved
    | CustomerDeleted
    | Clock
    | RulesetActivated
    | GenerationPromoted
    | AttributeSet
    | CartEvent
    | RefundRequested
    | CustomerPinned
    | CustomerUnpinned
    | CustomEvent
)


class Event(Struct, frozen=True):
    """A decoded event: the envelope, and its data as the struct of its type."""

    envelope: Envelope
    data: EventData


def event_types() -> dict[str, type[Wire]]:
    """The data struct of each event type; a store's own events (`custom.<name>`) are `CustomEvent`."""
    return dict(_TYPES)


def decode_event(value: bytes) -> Event:
    """Raises `msgspec.DecodeError` (of which `ValidationError` is one) with the place of what does not fit."""
    # Nearly all events are orders, and large: one walk over the bytes in place of two. What it stumbles over is told by
    # the two, which also read whatever only looks like an order.
    if value.find(_ORDER_SIGN, 0, _SIGN_WITHIN) >= 0 and (order := _decode_order(value)) is not None:
        return order
    envelope = _ENVELOPE.decode(value)
    decoder = _DECODERS.get(envelope.type)
    if decoder is None:
        if not envelope.type.startswith(CUSTOM_PREFIX):
            raise msgspec.ValidationError(f"unknown event type {envelope.type!r} - at `$.type`")
        return Event(envelope, _CUSTOM.decode(envelope.data))
    data: EventData = decoder.decode(envelope.data)  # type: ignore[assignment]  # one decoder per type
    return Event(envelope, data)


def _decode_order(value: bytes) -> Event | None:
    try:
        envelope = _ORDER_ENVELOPE.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return Event(envelope, envelope.data) if envelope.type == ORDER_SNAPSHOT else None


def encode_event(
    data: EventData,
    *,
    type: str,
    id: str,
    store: str,
    subject: str,
    time: datetime,
    origin: Origin,
    revision: str | None = None,
) -> bytes:
    """The structured JSON of one event, ready for `headrace.events`."""
    return _ENCODER.encode(
        Envelope(
            id=id,
            source=f"/stores/{store}",
            type=type,
            subject=subject,
            time=time,
            headraceorigin=origin,
            headracerevision=revision,
            specversion="1.0",
            datacontenttype="application/json",
            data=Raw(_ENCODER.encode(data)),
        )
    )
