"""The language as data: fields, families, operators, triggers, actions, and what comes with a later release.

Parsing, the JSON Schema, the reference page and the core's evaluators all go by these tables; how a test is
evaluated is in `headrace.segmentation`.
"""

from typing import Final, Literal, get_args

from msgspec import Struct

from headrace.contracts.actions import Platform
from headrace.contracts.events import OrderStatus
from headrace.rules.effects import DO_DOC, DO_EXAMPLE, EFFECTS

Family = Literal[
    "text",
    "number",
    "money",
    "geography",
    "radius",
    "time",
    "calendar",
    "set",
    "channels",
    "channel",
    "status",
    "consent",
    "membership",
    "list",
]
Scope = Literal["customer", "order", "cart", "event", "line", "address"]
OperandKind = Literal["one", "many", "pattern", "duration", "date", "calendar", "yearly", "nearby", "true"]


class Field(Struct, frozen=True, kw_only=True):
    """A fact a condition can test. Fields of scope line and address are tested inside their list, by bare name."""

    name: str
    family: Family
    scope: Scope
    doc: str
    operators: tuple[str, ...]
    elements: Scope | None = None
    """Of a list: what its elements are."""
    windowed: bool = False
    """It may be taken over a window of time, most of these also of some orders and lines."""
    happening: bool = False
    """It is about the event that is looked at: only rules on something that happens may test it."""


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
        Operator(name="crosses", operand="one", doc="was not above before the event, is above after it"),
        Operator(name="crosses_down", operand="one", doc="was above before the event, is not above after it"),
        Operator(name="within_last", operand="duration", doc="not longer ago than this"),
        Operator(name="older_than", operand="duration", doc="longer ago than this"),
        Operator(name="before", operand="date", doc="on an earlier day than this: `2026-01-31`"),
        Operator(name="after", operand="date", doc="on a later day than this"),
        Operator(name="on_date", operand="date", doc="on this day"),
        Operator(name="during", operand="calendar", doc="in this calendar, one of those under `calendars`"),
        Operator(name="not_during", operand="calendar", doc="not in this calendar, or unset", positive=False),
        Operator(name="anniversary", operand="yearly", doc="has its yearly day today: `anniversary: today`"),
        Operator(name="has_any", operand="many", doc="has at least one of these values"),
        Operator(name="has_all", operand="many", doc="has every one of these values"),
        Operator(name="has_none", operand="many", doc="has none of these values", positive=False),
        Operator(name="within", operand="nearby", doc="at most so many km from a postcode: `{km: 50, of: 10001}`"),
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
    "time": (
        "within_last",
        "older_than",
        "before",
        "after",
        "on_date",
        "during",
        "not_during",
        "anniversary",
        *_SET_OR_NOT,
    ),
    "calendar": ("during", "not_during"),
    "radius": ("within",),
    "set": ("has_any", "has_all", "has_none"),
    "channels": ("has_any", "has_all", "has_none"),
    "channel": ("is", "is_not", "in", "not_in", *_SET_OR_NOT),
    "status": ("is", "is_not", "in", "not_in"),
    "consent": ("is",),
    "membership": ("is", "is_not", "in", "not_in"),
    "list": (),
}
FAMILY_DOCS: Final[dict[Family, str]] = {
    "text": "case and accents do not count",
    "number": "whole numbers",
    "money": "amounts in the store's currency",
    "geography": "names and codes are the same: NY is New York, UK is United Kingdom",
    "time": "how long ago: `90 days`, `6 months`, `2 years` are whole days of the store's calendar, `36 hours` are"
    " exact; or by its day: `2026-01-31`",
    "calendar": "whether it is now: `calendar: black_friday`, one of those under `calendars`",
    "radius": "as the crow flies, by the postcodes of the file named at `postcodes`; an address without one is outside",
    "set": "several values at once; `field: value` means has_any",
    "channels": "names under `channels`, or the store's channel ids; `field: value` means has_any",
    "channel": "a name under `channels`, or the store's channel id",
    "status": "one of the store's order statuses, by its fixed name",
    "consent": "true or false; a customer the store knows nothing of has not consented",
    "membership": "by the names in this rule set; `{is: vip, since: 30 days}` is in it for longer than that",
    "list": "any (one element meets the condition), all (every one, and there is one), none, count",
}
QUANTIFIERS: Final = ("any", "all", "none", "count")
COUNT_OPERATORS: Final = FAMILY_OPERATORS["number"]
VISITS: Final = "customer.visits"
CROSSINGS: Final = ("crosses", "crosses_down")
SUBDOMAINS: Final = "or_subdomains"
"""Option of `in` on an e-mail domain."""
SINCE: Final = "since"
"""Option of tests on segments and rungs: in it for longer than this."""
IN_SEGMENT: Final = "customer.in_segment"
ON_RUNG: Final = "customer.on_rung"
PINNED: Final = "customer.pinned"
GROUP_FIELDS: Final = frozenset({"customer.group", "customer.kind", "customer.erp_id"})
"""What depends on the group a customer counts as in."""
MEMBERSHIPS: Final = GROUP_FIELDS | {IN_SEGMENT, ON_RUNG, PINNED}


def _fields(
    family: Family,
    scope: Scope,
    docs: dict[str, str],
    more: tuple[str, ...] = (),
    *,
    windowed: bool = False,
    happening: bool = False,
) -> list[Field]:
    operators = FAMILY_OPERATORS[family] + more
    return [
        Field(
            name=name,
            family=family,
            scope=scope,
            doc=doc,
            operators=operators,
            windowed=windowed,
            happening=happening,
        )
        for name, doc in docs.items()
    ]


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
            "customer.gender": "as the customer declared it, in the form field of this name",
            "customer.marital_status": "as the customer declared it",
            "customer.education": "as the customer declared it",
        },
    ),
    *_fields(
        "money",
        "customer",
        {
            "customer.spend": "spend as `spend` declares it, over all time unless a window says otherwise",
            "customer.refunds": "money given back, over all orders",
        },
        CROSSINGS,
        windowed=True,
    ),
    *_fields(
        "money",
        "customer",
        {
            "customer.average_order": "spend divided by orders",
            "customer.largest_order": "the largest counted order",
        },
        CROSSINGS,
    ),
    *_fields(
        "money", "customer", {"customer.spend_before": "lifetime spend before the event looked at"}, happening=True
    ),
    *_fields(
        "money",
        "customer",
        {
            "customer.store_credit": "the store credit left; a guest has none",
            "customer.income": "as the customer declared it; what is no amount is unset",
        },
        _SET_OR_NOT,
    ),
    *_fields(
        "number",
        "customer",
        {
            "customer.orders": "counted orders",
            "customer.items": "units in counted orders, less those refunded",
            VISITS: "how often the customer came to the shop, by `custom.visit` events",
        },
        CROSSINGS,
        windowed=True,
    ),
    *_fields(
        "number",
        "customer",
        {
            "customer.account_age": "whole days since the account was made",
            "customer.days_since_last_order": "whole days since the last counted order was made",
            "customer.age": "whole years since the birthday",
        },
        _SET_OR_NOT,
    ),
    *_fields(
        "time",
        "customer",
        {
            "customer.created_at": "when the account was made; a guest has none",
            "customer.first_order_at": "when the first counted order was made",
            "customer.last_order_at": "when the last counted order was made",
            "customer.birthday": "the day the customer was born, as declared",
        },
    ),
    *_fields("consent", "customer", {"customer.subscribed": "newsletter consent of the store"}),
    *_fields("channels", "customer", {"customer.channels": "the channels of the counted orders"}),
    *_fields(
        "membership",
        "customer",
        {
            "customer.group": "the group the customer should be in, where that is ours to say, else the store's",
            "customer.erp_id": "the `erp_id` of that group",
        },
        _SET_OR_NOT,
    ),
    Field(
        name="customer.kind",
        family="membership",
        scope="customer",
        doc="the `kind` of that group: B2B or B2C",
        operators=("is", "is_not", *_SET_OR_NOT),
    ),
    *_fields(
        "membership",
        "customer",
        {
            IN_SEGMENT: "segments, by id",
            ON_RUNG: "rungs: `Gold`, or `loyalty/Gold` of one ladder, or `loyalty/2` counted from the lowest",
        },
    ),
    Field(
        name=PINNED,
        family="membership",
        scope="customer",
        doc="true: a person has pinned the customer to a group",
        operators=("is",),
    ),
    *_fields("calendar", "customer", {"calendar": "now, in the store's zone"}),
    _list("customer.addresses", "customer", "address", "the addresses of the account"),
    _list("customer.purchased", "customer", "line", "all lines of counted orders"),
    *_fields("money", "order", {"order.value": "what this order amounts to, as `spend` declares it, before refunds"}),
    *_fields(
        "number",
        "order",
        {"order.items": "units in this order", "order.backordered": "units of it that were not in stock"},
    ),
    *_fields("time", "order", {"order.created_at": "when this order was made"}),
    *_fields("status", "order", {"order.status": "the status of this order"}),
    *_fields("channel", "order", {"order.channel": "the channel it came through"}),
    _list("order.lines", "order", "line", "the lines of this order; with product.ordered: the one line"),
    *_fields("money", "cart", {"cart.value": "what the cart amounts to"}),
    *_fields("number", "cart", {"cart.items": "units in the cart"}),
    _list("cart.lines", "cart", "line", "the lines of the cart"),
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
    *_fields("radius", "address", {"radius": "how far away it is: `{within: {km: 50, of: 10001}}`"}),
]
FIELDS: Final[dict[str, Field]] = {f.name: f for f in _ALL if f.scope not in ("line", "address")}
ELEMENT_FIELDS: Final[dict[Scope, dict[str, Field]]] = {
    scope: {f.name: f for f in _ALL if f.scope == scope} for scope in ("line", "address")
}
ATTRIBUTES: Final = "customer.attributes."
TAGS: Final = "customer.tags."
PLATFORMS: Final[tuple[Platform, ...]] = get_args(Platform)
SET_PREFIXES: Final[dict[str, str]] = {
    ATTRIBUTES: "values of one attribute: customer.attributes.tier",
    TAGS: "tags on a platform: customer.tags.mailchimp",
}


class Prefix(Struct, frozen=True, kw_only=True):
    """Fields of one family whose names a merchant completes: customer.form.shirt_size."""

    family: Family
    scope: Scope
    doc: str
    example: str


FORM: Final = "customer.form."
CONSENT: Final = "customer.consent."
CHANNEL_SHARE: Final = "customer.channel_share."
EVENT: Final = "event."
PREFIXES: Final[dict[str, Prefix]] = {
    FORM: Prefix(
        family="text", scope="customer", doc="one of the store's own form fields, by its name", example="shirt_size"
    ),
    CONSENT: Prefix(family="consent", scope="customer", doc="consent to one purpose: sms", example="sms"),
    CHANNEL_SHARE: Prefix(
        family="number",
        scope="customer",
        doc="of 100 counted orders so many came through this channel, rounded down; unset without orders",
        example="online",
    ),
    EVENT: Prefix(family="text", scope="event", doc="one value of the event's payload, by its key", example="page"),
}


def prefixed_field(name: str) -> Field | None:
    """The field of one form field, purpose, channel or key of a payload; None if the name is of none of these."""
    for prefix, spec in PREFIXES.items():
        if name.startswith(prefix):
            operators = FAMILY_OPERATORS[spec.family] + (_SET_OR_NOT if spec.family == "number" else ())
            return Field(name=name, family=spec.family, scope=spec.scope, doc=spec.doc, operators=operators)
    return None


def set_field(name: str) -> Field:
    """The field of one attribute or of the tags on one platform."""
    return Field(
        name=name, family="set", scope="customer", doc="values this customer has", operators=FAMILY_OPERATORS["set"]
    )


Takes = Literal["nothing", "statuses", "status", "attribute", "groups", "cron", "time"]


class TriggerSpec(Struct, frozen=True, kw_only=True):
    """What makes a rule worth evaluating. `takes`: what may stand behind its name; `needs`: an example, if it must.

    `order`, `cart`, `event`: the fields order.*, cart.*, event.* may be read.
    """

    doc: str
    order: bool = False
    cart: bool = False
    event: bool = False
    takes: Takes = "nothing"
    needs: str = ""
    past: bool = False
    """Orders that are known already tell that it happened: `past: apply` means something."""
    happening: bool = True
    """Something happens to the customer, so that facts differ before and after."""


TRIGGERS: Final[dict[str, TriggerSpec]] = {
    "customer.created": TriggerSpec(doc="a customer is seen for the first time"),
    "customer.updated": TriggerSpec(doc="a fact of the customer's account changed"),
    "customer.deleted": TriggerSpec(doc="the store no longer has the customer; nothing can be given any more"),
    "subscriber.changed": TriggerSpec(doc="the newsletter consent of a known customer, or another one, changed"),
    "order.placed": TriggerSpec(doc="an order is seen whose status is not incomplete", order=True, past=True),
    "product.ordered": TriggerSpec(doc="once per line of a placed order", order=True, past=True),
    "order.status_changed": TriggerSpec(
        doc="an order's status changed; `{from: x, to: y}` narrows it", order=True, takes="statuses"
    ),
    "order.reached": TriggerSpec(
        doc="an order is in a status, or passed through it, for the first time: `{order.reached: shipped}`",
        order=True,
        past=True,
        takes="status",
        needs="{order.reached: shipped}",
    ),
    "order.paid": TriggerSpec(doc="an order is in a paid status for the first time", order=True, past=True),
    "order.cancelled": TriggerSpec(doc="an order is cancelled or declined for the first time", order=True, past=True),
    "order.refunded": TriggerSpec(doc="money was given back on an order", order=True, past=True),
    "order.backordered": TriggerSpec(doc="a placed order has a line that is not in stock", order=True, past=True),
    "refund.requested": TriggerSpec(doc="the customer asks for money back", order=True, event=True),
    "attribute.changed": TriggerSpec(
        doc="a customer has other values of an attribute than before: `{attribute.changed: tier}`",
        takes="attribute",
        needs="{attribute.changed: tier}",
    ),
    "group.changed": TriggerSpec(
        doc="a customer is in another group than before, by these rules or by somebody in the store;"
        " `{from: Gold, to: Silver}` narrows it",
        takes="groups",
    ),
    "cart.abandoned": TriggerSpec(doc="a cart was left behind: an hour without a change", cart=True),
    "cart.converted": TriggerSpec(doc="a cart became an order", cart=True),
    "schedule": TriggerSpec(
        doc="a time of the store comes, for every customer: minute, hour, day, month, day of the week",
        takes="cron",
        needs='{schedule: "0 9 * * 1"}',
        happening=False,
    ),
    "time.reached": TriggerSpec(
        doc="so long after a time of the customer, or every year on its day: `{customer.birthday: every year}`",
        takes="time",
        needs="{time.reached: {customer.created_at: 2 years}}",
        happening=False,
    ),
}
OWN_EVENT: Final = TriggerSpec(doc="one of your own events came in: `custom.visit`", event=True)
"""Of every `custom.<name>`."""


def trigger_spec(name: str) -> TriggerSpec:
    """Of a trigger the language has."""
    return TRIGGERS.get(name, OWN_EVENT)


class ActionSpec(Struct, frozen=True, kw_only=True):
    """What a rule does. `operand`: what stands after the colon; an effect's is in `effects.py`."""

    doc: str
    operand: Literal["group", "attributes", "tags", "effect", "own"]
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
    "add_to_list": ActionSpec(
        doc="claim a place on a list of an e-mail platform",
        operand="tags",
        example="{add_to_list: {klaviyo: Newsletter}}",
    ),
    "remove_from_list": ActionSpec(
        doc="end all claims on these places and bar them until claimed anew",
        operand="tags",
        example="{remove_from_list: {klaviyo: Newsletter}}",
    ),
    **{kind: ActionSpec(doc=spec.doc, operand="effect", example=spec.example) for kind, spec in EFFECTS.items()},
    "do": ActionSpec(doc=DO_DOC, operand="own", example=DO_EXAMPLE),
}
STATUSES: Final[tuple[str, ...]] = get_args(OrderStatus)
