"""Named values: what a condition may read of a customer, an order, a line, a place.

Text comes folded, as compiled operands are. What is done with a value is in `conditions/`.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Final

from headrace.contracts.events import CartEvent, EventData
from headrace.rules.catalogue import MEMBERSHIPS
from headrace.rules.model import fold
from headrace.segmentation.ledger import CountedSpend, backordered, order_value
from headrace.segmentation.state import Entry, Line, Place, Profile, Standing, State, Totals

Labels = Mapping[str, Collection[str]]
"""Attribute or platform name -> values, folded."""
NO_LABELS: Final[Labels] = {}


class Facts:
    """What is known at one moment of one `decide`; `order` and `lines` are those of the trigger being looked at.

    `now`: the store's time, None before its first clock. `before`: the customer before the event, None where there is
    no event (time, an activation): what `crosses` and `customer.spend_before` compare with. `event`: what the event
    that is looked at carries. The callables read what the walk has come to so far.
    """

    __slots__ = (
        "attributes",
        "before",
        "event",
        "group",
        "lines",
        "now",
        "order",
        "profile",
        "purchased",
        "spend",
        "standing",
        "state",
        "tags",
        "totals",
        "windows",
    )

    def __init__(self, state: State, spend: CountedSpend) -> None:
        self.state = state
        self.profile = state.profile
        self.totals = state.totals
        self.purchased = state.purchased
        self.windows = state.windows
        self.spend = spend
        self.before: State | None = None
        self.order: Entry | None = None
        self.lines: tuple[Line, ...] = ()
        self.event: EventData | None = None
        self.now: datetime | None = None
        self.attributes: Callable[[], Labels] = dict
        self.tags: Callable[[], Labels] = dict
        self.group: Callable[[], str | None] = _no_group
        self.standing: Callable[[], Standing] = Standing

    @property
    def places(self) -> tuple[Place, ...]:
        """The customer's addresses."""
        return () if self.profile is None else self.profile.places


def _no_group() -> str | None:
    return None


folded: Final = fold
catalogue_folded: Final = lru_cache(maxsize=16384)(folded)
"""For texts that repeat between customers: brands, categories, names of products. Never for personal data."""


def average(totals: Totals) -> int | None:
    """Spend per order in minor units, rounded half up; unset without an order."""
    return (2 * totals.spend + totals.orders) // (2 * totals.orders) if totals.orders else None


def _account_made(facts: Facts) -> datetime | None:
    """A guest, who has no group, has no account either."""
    profile = facts.profile
    return None if profile is None or profile.group is None else profile.created_at


def _profile_text(read: Callable[[Profile], str | None]) -> Callable[[Facts], str | None]:
    def value(facts: Facts) -> str | None:
        text = None if facts.profile is None else read(facts.profile)
        return folded(text) if text else None

    return value


TEXTS: Final[dict[str, Callable[[Facts], str | None]]] = {
    "customer.email": _profile_text(lambda profile: profile.email),
    "customer.email_domain": _profile_text(lambda profile: profile.email_domain),
    "customer.company": _profile_text(lambda profile: profile.company),
    "customer.first_name": _profile_text(lambda profile: profile.first_name),
    "customer.last_name": _profile_text(lambda profile: profile.last_name),
    "customer.phone": _profile_text(lambda profile: profile.phone),
    "order.status": lambda facts: None if facts.order is None else facts.order.status,
}
PERSONAL: Final = frozenset({"customer.email", "customer.first_name", "customer.last_name", "customer.phone"})
"""Texts whose values and operands no explanation shows."""

NUMBERS: Final[dict[str, Callable[[Facts], int | None]]] = {
    "customer.orders": attrgetter("totals.orders"),
    "customer.items": attrgetter("totals.items"),
    "customer.spend": attrgetter("totals.spend"),
    "customer.refunds": attrgetter("totals.refunds"),
    "customer.average_order": lambda facts: average(facts.totals),
    "customer.largest_order": lambda facts: facts.totals.largest if facts.totals.orders else None,
    "order.items": lambda facts: None if facts.order is None else facts.order.units,
    "order.value": lambda facts: None if facts.order is None else order_value(facts.order, facts.spend),
    "order.backordered": lambda facts: None if facts.order is None else backordered(facts.order),
    "customer.store_credit": lambda facts: None if facts.profile is None else facts.profile.store_credit,
    "cart.value": lambda facts: facts.event.total if isinstance(facts.event, CartEvent) else None,
    "cart.items": lambda facts: sum([line.quantity for line in facts.lines]) if facts.event is not None else None,
}
MONEY: Final = frozenset(
    {
        "customer.spend",
        "customer.spend_before",
        "customer.refunds",
        "customer.average_order",
        "customer.largest_order",
        "order.value",
        "customer.store_credit",
        "customer.income",
        "cart.value",
        "price",
        "total",
    }
)

NEVER_UNSET: Final = frozenset(
    {"customer.orders", "customer.items", "customer.spend", "customer.refunds", "customer.visits"}
)
"""Sums: of nothing they are 0, in a window too."""

TIMES: Final[dict[str, Callable[[Facts], datetime | None]]] = {
    "customer.created_at": _account_made,
    "customer.first_order_at": attrgetter("totals.first"),
    "customer.last_order_at": attrgetter("totals.last"),
    "order.created_at": lambda facts: None if facts.order is None else facts.order.created_at,
}

CONSENTS: Final[dict[str, Callable[[Facts], bool]]] = {
    "customer.subscribed": lambda facts: facts.profile is not None and facts.profile.subscribed is True,
}

LINE_TEXTS: Final[dict[str, Callable[[Line], str | None]]] = {
    "product": lambda line: line.product_id or None,
}
LINE_CATALOGUE: Final[dict[str, Callable[[Line], str]]] = {
    "name": attrgetter("name"),
    "sku": attrgetter("sku"),
    "brand": attrgetter("brand"),
}
"""Texts of the catalogue as they stand, not folded; empty is unset."""
LINE_CATEGORIES: Final = "category"
LINE_NUMBERS: Final[dict[str, Callable[[Line], int | None]]] = {
    "quantity": lambda line: line.quantity,
    "price": lambda line: line.price,
    "total": lambda line: line.total,
}
PLACES: Final[dict[str, Callable[[Place], str | None]]] = {
    "country": lambda place: place.country or None,
    "state": lambda place: place.state or None,
    "city": lambda place: place.city or None,
    "zip": lambda place: place.zip or None,
}

LINE_LIST: Final = "order.lines"
CART_LIST: Final = "cart.lines"
PURCHASED: Final = "customer.purchased"
PLACE_LIST: Final = "customer.addresses"


def depends_on(field: str) -> str:
    """Which part of the customer a field is read from: profile, ledger, visits, labels, the order of the trigger.

    A calendar is of no customer.
    """
    if field.startswith(("customer.attributes.", "customer.tags.")) or field in MEMBERSHIPS:
        return "labels"
    if field.startswith(("order.", "cart.", "event.")):
        return "order"
    if field in _OF_PROFILE:
        return "profile"
    if field in ("customer.visits", "calendar"):
        return field.removeprefix("customer.")
    if field in NUMBERS or field in _OF_ORDERS or field.startswith("customer.channel_share."):
        return "ledger"
    return "profile"


_OF_PROFILE: Final = frozenset({"customer.store_credit", "customer.income"})
_OF_ORDERS: Final = frozenset(
    {
        "customer.purchased",
        "customer.channels",
        "customer.first_order_at",
        "customer.last_order_at",
        "customer.days_since_last_order",
        "customer.spend_before",
    }
)
