"""What is kept of one customer between two events: facts, ledger, claims, memberships, what was last wanted.

All of it is frozen and replaced, never edited in place. How it becomes bytes is in `codec.py`.
"""

from datetime import datetime

from msgspec import Struct

from headrace.contracts.events import OrderStatus

Values = dict[str, tuple[str, ...]]
"""Attribute name -> values, sorted."""
Tags = dict[str, tuple[str, ...]]
"""Platform -> tag names, sorted; the lists of a platform stand under `klaviyo.lists`."""


class Part(Struct, frozen=True, array_like=True, gc=False):
    """Base of every part of the state: fields by position, so a new field goes to the end with a default.

    A state is a tree, so the cyclic collector need not look at it.
    """


class Place(Part, frozen=True, array_like=True):
    """An address as rules compare it: `country` an ISO code of two letters, the rest folded text."""

    country: str = ""
    state: str = ""
    city: str = ""
    zip: str = ""


class Profile(Part, frozen=True, array_like=True):
    """The customer's own facts as of the newest snapshot. `group`: what the store had then (None: a guest)."""

    revision: str
    created_at: datetime
    modified_at: datetime
    group: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    email_domain: str = ""
    company: str = ""
    subscribed: bool | None = None
    places: tuple[Place, ...] = ()
    store_credit: int | None = None
    consents: dict[str, bool] = {}
    form: dict[str, str] = {}
    """What the customer declared, by field: gender, income, any of the store's own; as written."""
    birthday: str = ""
    """A day, 1990-05-17."""


class Line(Part, frozen=True, array_like=True):
    """One line of an order; money in minor units."""

    id: str
    product_id: str
    quantity: int
    price: int
    total: int
    name: str = ""
    sku: str = ""
    brand: str = ""
    categories: tuple[str, ...] = ()
    backordered: int = 0


class Refunded(Part, frozen=True, array_like=True):
    """One refund: minor units and units taken back."""

    id: str
    created_at: datetime
    amount: int
    units: int


class Entry(Part, frozen=True, array_like=True):
    """What one order contributes, as of its newest snapshot.

    `lines` are the encoded lines: they are opened only by what asks for lines, so a long ledger stays cheap to read.
    `seen` and `gone` are memory for triggers, not facts: a bit per status the order was ever seen in, and the ids of
    lines and refunds that later left the order.
    """

    revision: str
    status: OrderStatus
    created_at: datetime
    total: int
    subtotal: int
    total_excluding_tax: int
    units: int
    lines: bytes
    refunds: tuple[Refunded, ...] = ()
    archived: bool = False
    seen: int = 0
    gone: tuple[str, ...] = ()
    channel: int | None = None
    shipping: int = 0
    store_credit: int = 0
    shipping_excluding_tax: int = 0


class Totals(Part, frozen=True, array_like=True):
    """Accumulators over the counted orders, derived from the ledger by the declared spend; minor units.

    `refunds` is over all orders that are not archived, since a wholly refunded order no longer counts. `first` and
    `last`: when the first and last counted order were made; `newest`: the newest fact of any order, counted or not.
    """

    spend: int = 0
    orders: int = 0
    items: int = 0
    refunds: int = 0
    largest: int = 0
    first: datetime | None = None
    last: datetime | None = None
    newest: datetime | None = None


class Purchased(Part, frozen=True, array_like=True):
    """All lines of the counted orders, and how many of them meet each test the rules make of a line, in its order."""

    lines: int = 0
    matches: tuple[int, ...] = ()


class Series(Part, frozen=True, array_like=True):
    """A sum by moments: `at` are seconds since the epoch, ascending, at which the `amounts` came.

    Where a window is of whole days, `at` is when the day began. What has left the window is dropped.
    """

    at: tuple[int, ...] = ()
    amounts: tuple[int, ...] = ()


class Cold(Part, frozen=True, array_like=True):
    """The orders that are on pages: how many, how many of them count, and the extremes among them.

    Of each extreme a few, best first, so that the pages need not be read again as soon as the best one goes.
    """

    orders: int = 0
    counted: int = 0
    largest: tuple[int, ...] = ()
    first: tuple[datetime, ...] = ()
    last: tuple[datetime, ...] = ()
    newest: tuple[datetime, ...] = ()


class Timer(Part, frozen=True, array_like=True, order=True):
    """The customer must be looked at when `due` has come, because of `source`: `segment:<id>`, `ladder:<id>`,
    `rule:<id>`, `pin`.
    """

    due: datetime
    source: str


class Pending(Part, frozen=True, array_like=True):
    """An action that waits for `due`, of `source` by its `key` there. `fact_at`: when its cause happened."""

    due: datetime
    source: str
    key: str
    cause: str
    fact_at: datetime
    origin: str


class Pin(Part, frozen=True, array_like=True):
    """A person's decision: this group, whatever the rules say, until `until` (None: until it is taken off)."""

    group: str
    reason: str
    at: datetime
    until: datetime | None = None


class Latch(Part, frozen=True, array_like=True):
    """What one rule has set and still holds; `fact_at` is when the newest fact behind it happened."""

    fact_at: datetime
    offset: int
    group: str | None = None
    attributes: Values = {}
    tags: Tags = {}


class Claims(Part, frozen=True, array_like=True):
    """All that was set once and stays: by rule id, by hand (`manual`), and what is barred, by which rule."""

    latched: dict[str, Latch] = {}
    manual: Values = {}
    barred_attributes: dict[str, dict[str, str]] = {}
    barred_tags: dict[str, dict[str, str]] = {}


class Standing(Part, frozen=True, array_like=True):
    """Memberships that are functions of the facts: ids of the segments the customer is in, rung number per ladder.

    `since`: segment id or `ladder:<id>` -> when it was entered. `below`: ladder id -> since when the number is below
    the rung, where a grace runs. `held`: ladder id -> name of the rung, of ladders on which customers keep a rung that
    their number has left, so that it is still theirs when other rungs come or go.
    """

    segments: tuple[str, ...] = ()
    rungs: dict[str, int] = {}
    since: dict[str, datetime] = {}
    below: dict[str, datetime] = {}
    held: dict[str, str] = {}


class Contact(Part, frozen=True, array_like=True):
    """How to reach the customer, as last emitted."""

    email: str | None
    first_name: str | None
    last_name: str | None
    subscribed: bool | None


class Emitted(Part, frozen=True, array_like=True):
    """What the sinks were last told. `group_known`: `group` was decided once; `ours`: every group we ever wanted."""

    group_known: bool = False
    group: str | None = None
    ours: tuple[str, ...] = ()
    attributes: Values = {}
    attributes_absent: Values = {}
    tags: Tags = {}
    tags_absent: Tags = {}
    contact: Contact | None = None
    taken: bool = False
    """An activation took a customer over whose group was not ours."""


class State(Part, frozen=True, array_like=True):
    """One customer. `key` is store:customer; `deleted` marks a grave, which keeps no data.

    `rules_version`: the rule set this state was last settled under, 0 = none yet. `ledger`: order id -> encoded `Entry`
    of the orders that are not on pages (`orders.py`); an entry is opened only by what touches it. `folded`: the rules
    with `past: apply` that already went over the orders, by id, with the digest of what they said. `recent`: ids of
    the newest events that are not snapshots, oldest first. `step`: how many actions were told at the state's mark.
    `timers`: sorted. `history`: the newest changes of membership, still encoded (`history.py`), after `history_pages`
    pages of older ones. `summed`: digest of what `totals`, `purchased` and `windows` were added up by. `windows`: the
    windowed aggregates that the rules ask for, in their order. `pending`: sorted by `due`. `visits`: a sum by days.
    """

    key: str
    rules_version: int = 0
    deleted: bool = False
    profile: Profile | None = None
    ledger: dict[str, bytes] = {}
    totals: Totals = Totals()
    claims: Claims = Claims()
    standing: Standing = Standing()
    emitted: Emitted = Emitted()
    folded: dict[str, str] = {}
    recent: tuple[str, ...] = ()
    step: int = 0
    timers: tuple[Timer, ...] = ()
    cold: Cold = Cold()
    history: bytes = b""
    history_pages: int = 0
    summed: str = ""
    purchased: Purchased = Purchased()
    windows: tuple[Series, ...] = ()
    visits: Series = Series()
    pin: Pin | None = None
    pending: tuple[Pending, ...] = ()

    @property
    def guest(self) -> bool:
        """Known by the hash of an e-mail only; the store has no customer record of it."""
        return ":guest-" in self.key and self.key.partition(":")[2].startswith("guest-")


def first_due(state: State) -> datetime | None:
    """When the customer must be looked at: its first timer, or the first action that waits; None: never."""
    due = state.timers[0].due if state.timers else None
    if state.pending and (due is None or state.pending[0].due < due):
        return state.pending[0].due
    return due
