"""The effects as data: what may be written under each, for the parser, the JSON Schema and the reference page.

When one is released is decided in `headrace.segmentation.effects`; consumers do it.
"""

from typing import Final, Literal

from msgspec import Struct

from headrace.contracts.effects import EffectKind

OptionKind = Literal[
    "name",
    "prose",
    "url",
    "addresses",
    "percent",
    "money",
    "duration",
    "platform",
    "customer",
    "use",
    "mapping",
    "file",
    "columns",
]
SEQUENCE_PLATFORMS: Final = ("mailchimp", "klaviyo", "omnisend")
"""Platforms at which a call of ours starts a sequence; at SendGrid none does."""
USES: Final = ("next_order", "every_order")
"""What a coupon is good for."""


class Option(Struct, frozen=True, kw_only=True):
    """What may stand under an effect."""

    kind: OptionKind
    doc: str
    required: bool = False


class EffectSpec(Struct, frozen=True, kw_only=True):
    """One effect. `short`: the option a bare value stands for. `one_of`: exactly one of these is written."""

    doc: str
    example: str
    options: dict[str, Option]
    short: str = ""
    one_of: tuple[str, ...] = ()


def _sequence(doc: str, verb: str) -> EffectSpec:
    return EffectSpec(
        doc=doc,
        example=f"{{{verb}: {{name: welcome, platform: klaviyo}}}}",
        options={
            "name": Option(kind="name", doc="the sequence, as the platform calls it", required=True),
            "platform": Option(
                kind="platform", doc="the platform that runs it: mailchimp, klaviyo or omnisend", required=True
            ),
        },
    )


COUPON: Final[dict[str, Option]] = {
    "percent": Option(kind="percent", doc="off the price, 1 to 100"),
    "amount": Option(kind="money", doc="off the price"),
    "for": Option(kind="use", doc="next_order (the default): used once; every_order: until it expires"),
    "expires": Option(kind="duration", doc="how long it is good for"),
}
COUPON_ONE_OF: Final = ("percent", "amount")
EFFECTS: Final[dict[EffectKind, EffectSpec]] = {
    "send_email": EffectSpec(
        doc="an e-mail to the customer, by a template of the sender; needs consent",
        example="{send_email: {template: thank-you, with: {coupon: {percent: 10}}}, once: customer}",
        short="template",
        options={
            "template": Option(kind="name", doc="the template's name", required=True),
            "to": Option(kind="customer", doc="customer, whom it goes to anyway"),
            "with": Option(kind="mapping", doc="what the template is filled with; `coupon: {...}` makes one"),
        },
    ),
    "start_sequence": _sequence("starts a sequence of e-mails; needs consent", "start_sequence"),
    "stop_sequence": _sequence("stops a sequence of e-mails", "stop_sequence"),
    "issue_coupon": EffectSpec(
        doc="a coupon of the customer's own; needs consent",
        example="{issue_coupon: {percent: 10, for: next_order, expires: 30 days}}",
        options=COUPON,
        one_of=COUPON_ONE_OF,
    ),
    "notify_staff": EffectSpec(
        doc="a note to your own people, by e-mail or into a chat",
        example="{notify_staff: {channel: vip, text: A new VIP}}",
        options={
            "to": Option(kind="addresses", doc="e-mail addresses"),
            "channel": Option(kind="name", doc="a chat channel, by the name the sender knows it by"),
            "text": Option(kind="prose", doc="what it says", required=True),
        },
        one_of=("to", "channel"),
    ),
    "webhook": EffectSpec(
        doc="a signed call of a URL",
        example="{webhook: {url: https://erp.example.com/vip}}",
        short="url",
        options={"url": Option(kind="url", doc="where it goes", required=True)},
    ),
    "export_row": EffectSpec(
        doc="a row in a file or spreadsheet",
        example="{export_row: {file: backorders.csv, columns: [customer, customer.spend, order.value]}}",
        options={
            "file": Option(kind="file", doc="its name", required=True),
            "columns": Option(kind="columns", doc="customer, at, cause, or fields of a condition", required=True),
        },
    ),
}
"""All but `do`, whose mapping is its consumer's own."""
DO_DOC: Final = "an effect of your own, by the consumer of that name"
DO_EXAMPLE: Final = "{do: {loyalty-cards: {print: gold}}}"
MODIFIERS: Final[dict[str, str]] = {
    "after": "done that long after its cause: `30 days`, at the same time of day; `36 hours`, exactly",
    "unless": "with `after`: a condition that cancels it, asked when its time has come",
    "once": "of effects: entry (of segments and rungs: each time the customer enters), customer (once and never "
    "again), always (each time a rule fires)",
    "key": "of effects: its name within the entry, by which it is known when others move; else its kind",
}
EFFECT_ONLY: Final = ("once", "key")
EXTRA_COLUMNS: Final = ("customer", "at", "cause")
CONTACT_COLUMNS: Final = ("customer.email", "customer.first_name", "customer.last_name")
"""Columns that whoever writes the row fills: an effect carries no personal data."""
PERSONAL_COLUMNS: Final = frozenset(
    {
        "customer.phone",
        "customer.birthday",
        "customer.age",
        "customer.gender",
        "customer.marital_status",
        "customer.education",
        "customer.income",
    }
)
"""What stands in no row."""
