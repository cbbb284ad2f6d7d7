"""The language as data: fields, families, operators, triggers, actions, and what comes with a later release.

Parsing, the JSON Schema, the reference page and the core's evaluators all go by these tables; how a test is
evaluated is in `headrace.segmentation`.
"""

from typing import Final, Literal, get_args

from msgspec import Struct

from headrace.contracts.actions import Platform
from headrace.contracts.events import OrderStatus

Family = Literal["text", "number", "money", "geography", "time", "set", "consent", "list"]
Scope = Literal["customer", "order", "line", "address"]
OperandKind = Literal["one", "many", "pattern", "duration", "true"]


class Field(Struct, frozen=True, kw_only=True):
    """A fact a condition can test. Fields of scope line and address are tested inside their list, by bare name."""

    name: str
    family: Family
    scope: Scope
    doc: str
    operators: tuple[str, ...]
    elements: Scope | None = None
    """Of a list: what its elements are."""


class Operator(Struct, frozen=True, kw_only=True):
    """A comparison. `positive` ones are false on an unset value, the others are exact complements."""

    name: str
    operand: OperandKind
    doc: str
    positive: bool = True


OPERATORS: Final[dict[str, Operator]] = {
    operator.name: operator
    for operator in (
        Operator(name="is", operand="one", doc="equal"),
        Operator(name="is_not", operand="one", doc="not equal, or unset", positive=False),
        Operator(name="contains", operand="one", doc="has this text anywhere"),
        Operator(name="starts_with", operand="one", doc="begins with this text"),
        Operator(name="ends_with", operand="one", doc="ends with this text"),
        Operator(name="in", operand="many", doc="equal to one of the list"),
        Operator(name="not_in", operand="many", doc="equal to none of the list, or unset", positive=False),
        Operator(name="matches", operand="pattern", doc="a regular expression (RE2, linear time) finds something"),
        Operator(name="above", operand="one", doc="more than"),
        Operator(name="from", operand="one", doc="at least"),
        Operator(name="below", operand="one", doc="less than"),
        Operator(name="up_to", operand="one", doc="at most"),
        Operator(name="within_last", operand="duration", doc="not longer ago than this"),
        Operator(name="older_than", operand="duration", doc="longer ago than this"),
        Operator(name="has_any", operand="many", doc="has at least one of these values"),
        Operator(name="has_all", operand="many", doc="has every one of these values"),
        Operator(name="has_none", operand="many", doc="has none of these values", positive=False),
        Operator(name="is_set", operand="true", doc="has a value"),
        Operator(name="is_unset", operand="true", doc="has no value", positive=False),
    )
}
BETWEEN: Final = "between"
"""Compiled from `{from: a, below: b}`: at least a and less than b."""
_SET_OR_NOT: Final = ("is_set", "is_unset")
FAMILY_OPERATORS: Final[dict[Family, tuple[str, ...]]] = {
    "text": ("is", "is_not", "contains", "starts_with", "ends_with", "in", "not_in", "matches", *_SET_OR_NOT),
    "number": ("is", "is_not", "above", "from", "below", "up_to"),
    "money": ("is", "is_not", "above", "from", "below", "up_to"),
    "geography": ("is", "is_not", "in", "not_in", *_SET_OR_NOT),
    "time": ("within_last", "older_than", *_SET_OR_NOT),
    "set": ("has_any", "has_all", "has_none"),
    "consent": ("is",),
    "list": (),
}
FAMILY_DOCS: Final[dict[Family, str]] = {
    "text": "case and accents do not count",
    "number": "whole numbers",
    "money": "amounts in the store's currency",
    "geography": "names and codes are the same: NY is New York, UK is United Kingdom",
    "time": "how long ago: `90 days` are whole days of the store's calendar, `36 hours` are exact",
    "set": "several values at once; `field: value` means has_any",
    "consent": "true or false; a customer the store knows nothing of has not consented",
    "list": "any (one element meets the condition), all (every one, and there is one), none, count",
}
QUANTIFIERS: Final = ("any", "all", "none", "count")
COUNT_OPERATORS: Final = FAMILY_OPERATORS["number"]
SUBDOMAINS: Final = "or_subdomains"
"""Option of `in` on an e-mail domain."""


def _fields(family: Family, scope: Scope, docs: dict[str, str], more: tuple[str, ...] = ()) -> list[Field]:
    operators = FAMILY_OPERATORS[family] + more
    return [Field(name=name, family=family, scope=scope, doc=doc, operators=operators) for name, doc in docs.items()]


def _list(name: str, scope: Scope, elements: Scope, doc: str) -> Field:
    return Field(name=name, family="list", scope=scope, doc=doc, operators=(), elements=elements)


_ALL: Final = [
    *_fields(
        "text",
        "customer",
        {
            "customer.email": "the e-mail address",
            "customer.email_domain": "what follows the @; `in` takes `or_subdomains: true`",
            "customer.company": "the company of the account",
            "customer.first_name": "the first name",
            "customer.last_name": "the last name",
            "customer.phone": "the telephone number as the store has it",
        },
    ),
    *_fields(
        "money",
        "customer",
        {
            "customer.spend": "lifetime spend as `spend` declares it",
            "customer.average_order": "spend divided by orders",
            "customer.largest_order": "the largest counted order",
            "customer.refunds": "money given back, over all orders",
        },
    ),
    *_fields(
        "number",
        "customer",
        {"customer.orders": "counted orders", "customer.items": "units in counted orders, less those refunded"},
    ),
    *_fields(
        "time",
        "customer",
        {
            "customer.created_at": "when the account was made; a guest has none",
            "customer.first_order_at": "when the first counted order was made",
            "customer.last_order_at": "when the last counted order was made",
        },
    ),
    *_fields("consent", "customer", {"customer.subscribed": "newsletter consent of the store"}),
    _list("customer.addresses", "customer", "address", "the addresses of the account"),
    _list("customer.purchased", "customer", "line", "all lines of counted orders"),
    *_fields("money", "order", {"order.value": "what this order amounts to, as `spend` declares it"}),
    *_fields("number", "order", {"order.items": "units in this order"}),
    _list("order.lines", "order", "line", "the lines of this order; with product.ordered: the one line"),
    *_fields(
        "text",
        "line",
        {
            "product": "the store's product id",
            "name": "the product's name",
            "sku": "the stock code",
            "brand": "the brand",
            "category": "a category; holds if one of the product's categories does",
        },
    ),
    *_fields("number", "line", {"quantity": "units on the line"}),
    *_fields("money", "line", {"price": "price of one unit", "total": "what the line cost"}),
    *_fields("geography", "address", {"country": "name or code", "state": "name or code"}),
    *_fields("geography", "address", {"city": "the city", "zip": "the postcode"}, ("starts_with",)),
]
FIELDS: Final[dict[str, Field]] = {f.name: f for f in _ALL if f.scope in ("customer", "order")}
ELEMENT_FIELDS: Final[dict[Scope, dict[str, Field]]] = {
    scope: {f.name: f for f in _ALL if f.scope == scope} for scope in ("line", "address")
}
ATTRIBUTES: Final = "customer.attributes."
TAGS: Final = "customer.tags."
PLATFORMS: Final[tuple[Platform, ...]] = ("mailchimp",)
LATER_PLATFORMS: Final = tuple(name for name in get_args(Platform) if name not in PLATFORMS)
SET_PREFIXES: Final[dict[str, str]] = {
    ATTRIBUTES: "values of one attribute: customer.attributes.tier",
    TAGS: "tags on a platform: customer.tags.mailchimp",
}


def set_field(name: str) -> Field:
    """The field of one attribute or of the tags on one platform."""
    return Field(
        name=name, family="set", scope="customer", doc="values this customer has", operators=FAMILY_OPERATORS["set"]
    )


class TriggerSpec(Struct, frozen=True, kw_only=True):
    """What makes a rule worth evaluating. `order`: order.* fields may be read."""

    doc: str
    order: bool = False
    options: tuple[str, ...] = ()


TRIGGERS: Final[dict[str, TriggerSpec]] = {
    "customer.created": TriggerSpec(doc="a customer is seen for the first time"),
    "customer.updated": TriggerSpec(doc="a fact of the customer's account changed"),
    "order.placed": TriggerSpec(doc="an order is seen whose status is not incomplete", order=True),
    "order.status_changed": TriggerSpec(
        doc="an order's status changed; `{from: x, to: y}` narrows it", order=True, options=("from", "to")
    ),
    "order.refunded": TriggerSpec(doc="money was given back on an order", order=True),
    "product.ordered": TriggerSpec(doc="once per line of a placed order", order=True),
}


class ActionSpec(Struct, frozen=True, kw_only=True):
    """What a rule does. `operand`: what stands after the colon."""

    doc: str
    operand: Literal["group", "attributes", "tags"]
    example: str


ACTIONS: Final[dict[str, ActionSpec]] = {
    "assign_group": ActionSpec(
        doc="claim a customer group (`group` is the same)", operand="group", example="{assign_group: Gold}"
    ),
    "group": ActionSpec(doc="the same as assign_group", operand="group", example="{group: Gold}"),
    "add_attribute": ActionSpec(
        doc="claim values of attributes", operand="attributes", example="{add_attribute: {interests: [apple, pear]}}"
    ),
    "remove_attribute": ActionSpec(
        doc="end all claims on these values and bar them until claimed anew",
        operand="attributes",
        example="{remove_attribute: {interests: apple}}",
    ),
    "tag": ActionSpec(doc="claim tags on an e-mail platform", operand="tags", example="{tag: {mailchimp: VIP}}"),
    "untag": ActionSpec(
        doc="end all claims on these tags and bar them until claimed anew",
        operand="tags",
        example="{untag: {mailchimp: VIP}}",
    ),
}
STATUSES: Final[tuple[str, ...]] = get_args(OrderStatus)
