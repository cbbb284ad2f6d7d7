"""The compiled rule set: frozen, typed, parsed once; what `decide` reads and what `headrace.rules` carries.

Text operands are already folded (see `fold`), money is minor units of the store's currency, places are kept
for people. How YAML becomes this is in `load.py`; what it means for a customer is in `headrace.segmentation`.
"""

import unicodedata
from typing import Literal, dataclass_transform

import msgspec
from msgspec import Struct

from headrace.contracts.actions import Platform
from headrace.contracts.events import OrderStatus


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Node(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Base of every part of a compiled rule set."""


class Between(Node, tag="between"):
    """`low` <= value < `high`."""

    low: int
    high: int


class Duration(Node, tag="duration"):
    """A length of time: whole calendar days in the store's zone, or exact hours."""

    count: int
    unit: Literal["day", "hour"]


Operand = bool | int | str | tuple[str | int, ...] | Between | Duration | None


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


class Store(Node):
    """`timezone`: an IANA name; `currency`: ISO 4217."""

    timezone: str
    currency: str


class About(Node):
    """What any entry may say of itself."""

    goal: str = ""
    owner: str = ""
    review_by: str = ""


class Group(About, kw_only=True):
    """One of the store's customer groups; `alias`: its name per platform."""

    name: str
    alias: dict[str, str] = {}
    kind: Literal["B2B", "B2C"] | None = None
    erp_id: str = ""
    description: str = ""


class Tag(Node):
    """A tag on an e-mail platform."""

    platform: Platform
    name: str


class Rung(Node):
    """A rung: from its bound up to the next one's. The lowest has bound "start"."""

    group: str | None = None
    bound: Literal["start", "from", "above"] = "start"
    threshold: int = 0
    attributes: dict[str, tuple[str, ...]] = {}
    tags: tuple[Tag, ...] = ()


class Ladder(About, kw_only=True):
    """Rungs over one number field, lowest first, exactly one per customer. Demotes at once."""

    id: str
    by: str
    rungs: tuple[Rung, ...]
    renamed_from: str | None = None


class Segment(About, kw_only=True):
    """Customers WHO meet a condition; while in: group, attributes, tags."""

    id: str
    who: Condition
    group: str | None = None
    attributes: dict[str, tuple[str, ...]] = {}
    tags: tuple[Tag, ...] = ()
    renamed_from: str | None = None


TriggerName = Literal[
    "customer.created",
    "customer.updated",
    "order.placed",
    "order.status_changed",
    "order.refunded",
    "product.ordered",
]


class Trigger(Node):
    """WHEN. `from_` and `to` narrow `order.status_changed`."""

    name: str
    from_: OrderStatus | None = None
    to: OrderStatus | None = None


class AssignGroup(Node, tag="assign_group"):
    """Claim a group."""

    group: str


class AddAttribute(Node, tag="add_attribute"):
    """Claim values: {"interests": ["apple"]}."""

    values: dict[str, tuple[str, ...]]


class RemoveAttribute(Node, tag="remove_attribute"):
    """End all claims on these values and bar them until claimed anew."""

    values: dict[str, tuple[str, ...]]


class AddTag(Node, tag="tag"):
    """Claim tags."""

    tags: tuple[Tag, ...]


class RemoveTag(Node, tag="untag"):
    """End all claims on these tags and bar them until claimed anew."""

    tags: tuple[Tag, ...]


Action = AssignGroup | AddAttribute | RemoveAttribute | AddTag | RemoveTag


class Rule(About, kw_only=True):
    """WHEN an event is seen, IF the condition holds, THEN actions; latched while the rule exists."""

    id: str
    when: Trigger
    if_: Condition | None = None
    then: tuple[Action, ...]
    past: Literal["ignore", "apply"] = "ignore"
    renamed_from: str | None = None


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
    drift: Literal["report"] = "report"
    ladders: tuple[Ladder, ...] = ()
    segments: tuple[Segment, ...] = ()
    rules: tuple[Rule, ...] = ()


def fold(text: str) -> str:
    """Case and accents folded, outer space dropped, inner runs of space made one: how text is compared."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


_DECODER = msgspec.json.Decoder(RuleSet)


def encode_rule_set(rule_set: RuleSet) -> bytes:
    """Canonical JSON: the same rule set gives the same bytes (what its hash is taken of)."""
    return msgspec.json.encode(rule_set, order="deterministic")


def decode_rule_set(document: bytes | msgspec.Raw) -> RuleSet:
    """Raises `msgspec.ValidationError` for what this release cannot read."""
    return _DECODER.decode(document)
