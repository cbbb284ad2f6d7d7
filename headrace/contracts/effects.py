"""Effects: what is done once for a cause and cannot be undone: mails, coupons, notes, webhooks, rows, your own.

The evaluator decides them and gives each an id that the same cause always has; consumers never do one id twice.
"""

import hashlib
from datetime import datetime
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import Meta

from headrace.contracts.actions import Cause, Version
from headrace.contracts.events import CustomerKey, Wire

EffectKind = Literal[
    "send_email",
    "start_sequence",
    "stop_sequence",
    "issue_coupon",
    "notify_staff",
    "webhook",
    "export_row",
    "do",
]
EFFECT_KINDS: Final[tuple[EffectKind, ...]] = get_args(EffectKind)
MARKETING: Final[frozenset[EffectKind]] = frozenset({"send_email", "start_sequence", "issue_coupon"})
"""Need the customer's consent, when decided and again when done. To stop a sequence needs none."""


class ConsentProof(Wire):
    """Why we may write to the customer: the consent that held when the effect was decided."""

    purpose: str
    source: str
    """Which event told of it last: its revision."""
    at: Annotated[datetime, Meta(tz=True)]


class Quiet(Wire):
    """No marketing from `start` to `end` (HH:MM, over midnight too), by the clocks of `zone` (an IANA name)."""

    start: Annotated[str, Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    end: Annotated[str, Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    zone: str


class Cap(Wire):
    """At most so many marketing effects a customer within so many seconds."""

    at_most: Annotated[int, Meta(ge=1)]
    per_s: Annotated[int, Meta(ge=1)]


class Effect(Wire):
    """One effect. `fact_at`: when its cause happened; `expires_at`: not done after this.

    `cause_id`: the order, refund, event, entry or due time it is done for; "" where it is once per customer.
    """

    id: Annotated[str, Meta(min_length=32, max_length=32, description="see `effect_id`")]
    customer: CustomerKey
    version: Version
    kind: EffectKind
    entry: Annotated[str, Meta(description="rule:<id>, segment:<id>, ladder:<id>")]
    key: str
    cause_id: str
    cause: Cause
    rules_version: int
    decided_at: Annotated[datetime, Meta(tz=True, description="on the store's clock")]
    fact_at: Annotated[datetime, Meta(tz=True)]
    expires_at: Annotated[datetime, Meta(tz=True)]
    with_: Annotated[dict[str, Any], Meta(description="what the rule says under it")] = msgspec.field(
        name="with", default_factory=dict
    )
    consumer: str = ""
    """Of `do`: whose effect it is."""
    consent: ConsentProof | None = None
    """Of marketing effects only."""
    quiet: Quiet | None = None
    """Of marketing effects only: the rule set's, in the customer's zone."""
    cap: Cap | None = None
    """Of marketing effects only: the rule set's."""


def effect_id(customer: str, entry: str, key: str, cause_id: str) -> str:
    """128 bits in hex, the same for the same cause for ever: `customer` is store:customer."""
    said = _HASH.copy()
    said.update(f"{customer}\0{entry}\0{key}\0{cause_id}".encode())
    return said.hexdigest()


_HASH: Final = hashlib.blake2b(digest_size=16)
"""To begin from: a copy costs less than a new one."""

_ENCODE: Final = msgspec.json.Encoder().encode
_DECODER: Final = msgspec.json.Decoder(Effect)


def encode_effect(effect: Effect) -> bytes:
    """As it stands in `headrace.actions.effects`."""
    return _ENCODE(effect)


def decode_effect(value: bytes) -> Effect:
    """Raises `msgspec.DecodeError`."""
    return _DECODER.decode(value)
