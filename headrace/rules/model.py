"""The compiled rule set: frozen, typed, parsed once; what `decide` reads and what `headrace.rules` carries.

Text operands are already folded (see `fold`), money is minor units of the store's currency, places are kept
for people. How YAML becomes this is in `load.py`; what it means for a customer is in `headrace.segmentation`.
"""

import unicodedata
from typing import Any, Literal, dataclass_transform

import msgspec
from msgspec import Struct

from headrace.contracts.actions import Platform
from headrace.contracts.effects import EffectKind
from headrace.contracts.events import OrderStatus


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Node(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Base of every part of a compiled rule set."""


class Between(Node, tag="between"):
    """`low` <= value < `high`."""

    low: int
    high: int


class Duration(Node, tag="duration"):
    """A length of time: calendar days, months or years in the store's zone, or exact hours."""

    count: int
    unit: Literal["hour", "day", "month", "year"]


class Day(Node, tag="day"):
    """A day of the store's calendar: "2027-01-31"."""

    date: str


class Nearby(Node, tag="nearby"):
    """Within `km` of the postcode `of`; `zips`: the folded postcodes this is, looked up when the rules were read."""

    km: int
    of: str
    zips: tuple[str, ...]


Operand = bool | int | str | tuple[str | int, ...] | Between | Duration | Day | Nearby | None


class Window(Node):
    """The part of the past an aggregate is about: one of a span up to now, the current period, two days (included)."""

    span: Duration | None = None
    this: Literal["month", "year"] | None = None
    first: str | None = None
    last: str | None = None


class Only(Node):
    """Of which orders and lines an aggregate is taken: each names folded texts of which one must be there."""

    brand: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    product: tuple[str, ...] = ()
    channel: tuple[int, ...] = ()


class Leaf(Node, tag="leaf"):
    """`field` `operator` `operand`: customer.spend above 500000.

    Inside `Each` the field is the element's: `brand`.
    """

    field: str
    operator: str
    operand: Operand = None
    """By the field's family and the operator (`catalogue.py`)."""
    options: dict[str, bool] = {}
    """e.g. {"or_subdomains": true} of `in` on an e-mail domain."""
    window: Window | None = None
    only: Only | None = None
    """Both of aggregates (customer.spend, orders, items, refunds, visits); None: over all time, of everything."""
    since: Duration | None = None
    """Of memberships: in it for longer than this."""


class AllOf(Node, tag="all"):
    """Holds when every child does; an empty one is refused at load."""

    of: tuple["Condition", ...]


class AnyOf(Node, tag="any"):
    """Holds when a child does."""

    of: tuple["Condition", ...]


class Not(Node, tag="not"):
    """The exact complement."""

    of: "Condition"


class Each(Node, tag="each"):
    """A test on the elements of a list field (order.lines, customer.addresses, customer.purchased).

    any: one element meets all of `of`; all: every one does, and there is one; none: no element does;
    count: the number of those that do, compared by `operator` with `operand`.
    """

    field: str
    quantifier: Literal["any", "all", "none", "count"]
    of: "Condition"
    operator: str | None = None
    operand: int | Between | None = None


Condition = Leaf | AllOf | AnyOf | Not | Each


class Spend(Node):
    """The one declared meaning of "spend"."""

    count_statuses: tuple[OrderStatus, ...] = (
        "shipped",
        "partially_shipped",
        "awaiting_pickup",
        "awaiting_shipment",
        "completed",
        "awaiting_fulfillment",
        "partially_refunded",
    )
    amount: Literal["total", "subtotal", "total_excluding_tax"] = "total"
    refunds: Literal["subtract", "ignore"] = "subtract"
    shipping: Literal["include", "exclude"] = "include"
    store_credit: Literal["include", "exclude"] = "include"
    """Whether what was paid with store credit counts."""


class Store(Node):
    """`timezone`: an IANA name; `currency`: ISO 4217."""

    timezone: str
    currency: str


class About(Node):
    """What any entry may say of itself."""

    goal: str = ""
    owner: str = ""
    review_by: str = ""


class Discount(Node):
    """What a group pays less, of what: the whole store, a category, a product."""

    percent: int = 0
    amount: int = 0
    of: Literal["store", "category", "product"] = "store"
    name: str = ""


class Group(About, kw_only=True):
    """One of the store's customer groups; `alias`: its name per platform."""

    name: str
    alias: dict[str, str] = {}
    kind: Literal["B2B", "B2C"] | None = None
    erp_id: str = ""
    description: str = ""
    categories: tuple[str, ...] | Literal["all"] | None = None
    """The categories its customers see; None: those the store says."""
    discounts: tuple[Discount, ...] | None = None
    """What they pay less, and nothing besides; None: what the store says."""
    price_list: str = ""


class Tag(Node):
    """A tag on an e-mail platform, or a list of it."""

    platform: Platform
    name: str
    list: bool = False


class Act(Node, kw_only=True):
    """Base of actions. `after`: done that long after its cause, unless `unless` holds then (or, of a segment's, the
    customer has left).
    """

    after: Duration | None = None
    unless: "Condition | None" = None


class AssignGroup(Act, tag="assign_group", kw_only=True):
    """Claim a group."""

    group: str


class AddAttribute(Act, tag="add_attribute", kw_only=True):
    """Claim values: {"interests": ["apple"]}."""

    values: dict[str, tuple[str, ...]]


class RemoveAttribute(Act, tag="remove_attribute", kw_only=True):
    """End all claims on these values and bar them until claimed anew."""

    values: dict[str, tuple[str, ...]]


class AddTag(Act, tag="tag", kw_only=True):
    """Claim tags and places on lists."""

    tags: tuple[Tag, ...]


class RemoveTag(Act, tag="untag", kw_only=True):
    """End all claims on these tags and places on lists, and bar them until claimed anew."""

    tags: tuple[Tag, ...]


class Send(Act, tag="effect", kw_only=True):
    """An effect: done once per cause, by a consumer. `key`: names it within its entry, and stays when others move.

    `with_`: what the consumer is told, by the kind of effect. `consumer`: whose, of `do`.
    """

    kind: EffectKind
    key: str
    with_: dict[str, Any] = {}
    once: Literal["entry", "customer", "always"] = "always"
    consumer: str = ""


Action = AssignGroup | AddAttribute | RemoveAttribute | AddTag | RemoveTag | Send


class Rung(Node):
    """A rung: from its bound up to the next one's. The lowest has bound "start"."""

    group: str | None = None
    bound: Literal["start", "from", "above"] = "start"
    threshold: int = 0
    attributes: dict[str, tuple[str, ...]] = {}
    tags: tuple[Tag, ...] = ()
    on_enter: tuple[Action, ...] = ()
    on_exit: tuple[Action, ...] = ()


class Ladder(About, kw_only=True):
    """Rungs over one number field, lowest first, exactly one per customer.

    Who is below a rung's bound for longer than `grace` leaves it: for the rung the number says (`direct`) or the next
    lower one (`one_step`), where a new grace begins.
    """

    id: str
    by: str
    rungs: tuple[Rung, ...]
    window: Window | None = None
    only: Only | None = None
    demote: Literal["direct", "one_step", "never"] = "direct"
    grace: Duration | None = None
    renamed_from: str | None = None


class Segment(About, kw_only=True):
    """Customers WHO meet a condition; while in: group, attributes, tags; effects when they enter and leave."""

    id: str
    who: Condition
    group: str | None = None
    attributes: dict[str, tuple[str, ...]] = {}
    tags: tuple[Tag, ...] = ()
    on_enter: tuple[Action, ...] = ()
    on_exit: tuple[Action, ...] = ()
    renamed_from: str | None = None


class Reached(Node):
    """Of `time.reached`: `span` after a time of the customer, or every year on its day."""

    field: str
    span: Duration | None = None


class Trigger(Node):
    """WHEN. `name` is one of `catalogue.TRIGGERS` or custom.<name>; the rest narrows it, each where it belongs.

    `from_`, `to`: statuses of `order.status_changed`, groups of `group.changed`. `status`: of `order.reached`.
    `of`: the attribute of `attribute.changed`. `cron`: five fields, of `schedule`. `reached`: of `time.reached`.
    """

    name: str
    from_: str | None = None
    to: str | None = None
    status: OrderStatus | None = None
    of: str | None = None
    cron: str | None = None
    reached: Reached | None = None


class Rule(About, kw_only=True):
    """WHEN an event is seen, IF the condition holds, THEN actions; latched while the rule exists."""

    id: str
    when: Trigger
    if_: Condition | None = None
    then: tuple[Action, ...]
    past: Literal["ignore", "apply"] = "ignore"
    renamed_from: str | None = None


class Calendar(Node):
    """A named time of the store: days from `first` to `last`, both included, each year anew where `yearly`.

    `first` and `last` are dates (2026-11-27), yearly ones days (11-27); `weekday`: the number of the week of the month
    (1 to 5, -1 the last), the weekday (0 = Monday), the month, and days to add; it begins then and lasts `days`.
    """

    first: str = ""
    last: str = ""
    yearly: bool = False
    weekday: tuple[int, int, int, int] | None = None
    days: int = 1


class QuietHours(Node):
    """No marketing from `start` up to `end`, "21:00" and "08:00", on the customer's clock where known."""

    start: str
    end: str


class FrequencyCap(Node):
    """At most `count` marketing effects a customer in `per`."""

    count: int
    per: Duration


class RuleSet(Node):
    """Everything a store's files say, checked.

    `group_order`: highest first; a tuple of several = equals, of which the claim with the newest fact wins.
    """

    store: Store
    spend: Spend = Spend()
    groups: tuple[Group, ...] = ()
    group_order: tuple[tuple[str, ...], ...] = ()
    default_group: str = ""
    unmanaged: Literal["keep"] = "keep"
    drift: Literal["report", "overwrite", "pin"] = "report"
    calendars: dict[str, Calendar] = {}
    aliases: dict[str, tuple[str, ...]] = {}
    """Company -> other spellings of it, all folded."""
    channels: dict[str, tuple[int, ...]] = {}
    """Name of a channel -> the store's channel ids."""
    max_age: Duration = Duration(count=24, unit="hour")
    """An effect whose fact is older than this is not sent."""
    quiet_hours: QuietHours | None = None
    frequency_cap: FrequencyCap | None = None
    ladders: tuple[Ladder, ...] = ()
    segments: tuple[Segment, ...] = ()
    rules: tuple[Rule, ...] = ()


def fold(text: str) -> str:
    """Case and accents folded, outer space dropped, inner runs of space made one: how text is compared."""
    if text.isascii():
        return " ".join(text.lower().split())
    # Decomposed first: a letter of mathematics is no capital before it is the letter it shows.
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


def form_key(name: str) -> str:
    """The name of a form field or a purpose as rules and facts share it: `Shirt Size` is shirt_size."""
    return fold(name).replace(" ", "_")


_DECODER = msgspec.json.Decoder(RuleSet)


def encode_rule_set(rule_set: RuleSet) -> bytes:
    """Canonical JSON: the same rule set gives the same bytes (what its hash is taken of)."""
    return msgspec.json.encode(rule_set, order="deterministic")


def decode_rule_set(document: bytes | msgspec.Raw) -> RuleSet:
    """Raises `msgspec.ValidationError` for what this release cannot read."""
    return _DECODER.decode(document)
