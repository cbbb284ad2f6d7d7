"""Desired state: what the evaluator wants of the sinks, whole and versioned, one compacted topic per kind.

A consumer compares with what it applied last, writes the difference, and drops older versions.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from headrace.contracts.events import CustomerKey, Wire

Version = Annotated[
    tuple[int, int, int],
    Meta(description="[generation, offset, step]: compares as a tuple; the larger is newer"),
]
Platform = Literal["mailchimp", "klaviyo", "sendgrid", "omnisend"]


class Cause(Wire):
    """Why: the event that led to it and what decided (rule, segment, ladder ids that changed a claim)."""

    event: str
    """Id of the event, or `activation:<id>`."""
    rules: tuple[str, ...] = ()
    origin: str = "live"


class DesiredGroup(Wire):
    """`value`: the group's name as the store calls it, "" for no group, null = not ours, do not touch."""

    customer: CustomerKey
    version: Version
    value: str | None
    cause: Cause
    rules_version: int
    observed: str | None = None
    """The store's group when this was decided, as far as a snapshot told."""
    overwrite: bool = False
    """Somebody else changed the group after it had been applied: it is written again, though it is the same."""


class DesiredAttributes(Wire):
    """All values per attribute we want (`present`), and those we set once and no longer want (`absent`)."""

    customer: CustomerKey
    version: Version
    present: dict[str, tuple[str, ...]]
    absent: dict[str, tuple[str, ...]]
    cause: Cause
    rules_version: int
    sources: dict[str, dict[str, str]] = {}
    """attribute -> value -> id of the entry that claims it (`rule:apple-buyers`, `segment:vip`, `set`)."""


class DesiredEmailTags(Wire):
    """Per platform: the tags we want, and those we set once and no longer want; the same of its lists."""

    customer: CustomerKey
    version: Version
    present: dict[Platform, tuple[str, ...]]
    absent: dict[Platform, tuple[str, ...]]
    cause: Cause
    rules_version: int
    lists: dict[Platform, tuple[str, ...]] = {}
    lists_absent: dict[Platform, tuple[str, ...]] = {}


class ContactPersonal(Wire):
    """How to reach the customer."""

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class DesiredContact(Wire):
    """What every sink needs to know: e-mail and consent. `subscribed` null = no word: denied."""

    customer: CustomerKey
    version: Version
    subscribed: bool | None
    cause: Cause
    rules_version: int
    deleted: bool = False
    personal: ContactPersonal | None = None


Desired = DesiredGroup | DesiredAttributes | DesiredEmailTags | DesiredContact


class OutcomeRecord(Wire):
    """What a consumer did with an action; `detail` is for people and holds no personal data."""

    customer: CustomerKey
    kind: Literal["group", "attribute", "tag", "contact", "effect"]
    platform: str
    """The platform, or the sender of an effect."""
    version: Version
    result: Literal["applied", "unchanged", "stale", "skipped", "refused", "overflow", "unknown", "held"]
    reason: str = ""
    detail: str = ""
    effect: str = ""
    """Of an effect: its id."""


class DeadLetter(Wire):
    """A record set aside with its cause, whole, so that it can be sent again. `key` and `value` are base64."""

    reason: str
    """One word of the catalogue, e.g. `undecodable`, `not_applicable`, `vendor_rejected`."""
    detail: str
    service: str
    topic: str
    partition: int
    offset: int
    key: bytes | None = None
    value: bytes | None = None


class DeadLetterMark(Wire):
    """What became of a dead letter: stands behind it, with its key, in its partition of the same topic.

    `resending` is written before the record is sent again, `resent` after; of two with one `attempt` the first counts.
    """

    letter: int
    """Offset of the letter in this partition."""
    became: Literal["resending", "resent", "superseded", "dropped"]
    attempt: int = 1
    """Number of this `resending` of the letter, from 1."""
    reason: str = ""
    """Why it was dropped, in the operator's words."""
    topic: str = ""
    """Where the record stands that was sent again, or the newer one that made it needless."""
    partition: int = -1
    offset: int = -1


class Notice(Wire):
    """A verified webhook as it came: `body` is the raw JSON text, `headers` those the signature covers.

    Of an e-mail platform's (`consent`) what it said of which hashed address, never the address.
    """

    store: str
    scope: str
    resource: Literal["order", "customer", "subscriber", "cart", "consent"]
    resource_id: str
    received_at: str
    """RFC 3339, receiver's clock: for people only, nothing is decided by it."""
    body: str
    headers: dict[str, str] = {}


class RuleSetRecord(Wire):
    """One validated rule set, kept for ever. `document` is the compiled rule set of `headrace.rules`."""

    store: str
    version: int
    hash: str
    document: msgspec.Raw
    source: str = ""
    """The YAML as written, for people."""
    rollback_of: int = 0
    """The version that this one repeats, where it was rolled back to."""


encode = msgspec.json.Encoder().encode


class Position(Struct, frozen=True):
    """Where in its partition an event stands: what makes a version."""

    generation: int
    offset: int
