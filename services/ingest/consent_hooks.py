"""Webhooks of Mailchimp and Klaviyo that tell who unsubscribed: is it genuine, and what does it say. Pure.

Mailchimp: form-encoded, told apart by a token in the address or a signature (design/vendors.md 3). Klaviyo: system
webhooks, signed (developers.klaviyo.com/en/docs/working_with_system_webhooks).
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

from headrace.contracts.actions import Notice
from services.ingest.webhook import Forged, Unfit
from services.ingest.words import Word

MAILCHIMP: Final = "mailchimp"
KLAVIYO: Final = "klaviyo"
_FIELDS: Final = 200
_MAILCHIMP_TYPES: Final[Mapping[str, bool]] = {"subscribe": True, "unsubscribe": False, "cleaned": False}
_KLAVIYO_TOPICS: Final[Mapping[str, bool]] = {
    "event:klaviyo.subscribed_to_email_marketing": True,
    "event:klaviyo.manually_unsuppressed_from_email_marketing": True,
    "event:klaviyo.unsubscribed_from_email_marketing": False,
    "event:klaviyo.manually_suppressed_from_email_marketing": False,
    "event:klaviyo.marked_email_as_spam": False,
}


class Said(NamedTuple):
    """One address, and what it said."""

    email: str
    word: Word


def check_mailchimp(
    headers: Mapping[str, str],
    token: str,
    body: bytes,
    *,
    secret: bytes | None,
    wanted_token: bytes | None,
    now_s: float,
    tolerance_s: float,
) -> Forged | None:
    """`X-Mailchimp-Signature: t=..,v1=hex of HMAC-SHA256("{t}.{body}")` where there is a secret; else the token."""
    if wanted_token is not None and not hmac.compare_digest(token.encode(), wanted_token):
        return Forged("header")
    if secret is None:
        return None
    parts = dict(part.strip().partition("=")[::2] for part in headers.get("x-mailchimp-signature", "").split(","))
    stamp, given = parts.get("t", ""), parts.get("v1", "")
    if not (stamp and given):
        return Forged("unsigned")
    if not _is_recent(stamp, now_s, tolerance_s):
        return Forged("stale")
    expected = hmac.new(secret, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return None if hmac.compare_digest(given.encode(), expected.encode()) else Forged("signature")


def check_klaviyo(
    headers: Mapping[str, str], body: bytes, *, secret: bytes, now_s: float, tolerance_s: float
) -> Forged | None:
    """`Klaviyo-Signature`: hex of HMAC-SHA256 over the body and then `Klaviyo-Timestamp`."""
    stamp, given = headers.get("klaviyo-timestamp", ""), headers.get("klaviyo-signature", "")
    if not (stamp and given):
        return Forged("unsigned")
    if not _is_recent(stamp, now_s, tolerance_s):
        return Forged("stale")
    expected = hmac.new(secret, body + stamp.encode(), hashlib.sha256).hexdigest()
    return None if hmac.compare_digest(given.lower().encode(), expected.encode()) else Forged("signature")


def read_mailchimp(body: bytes, now: datetime) -> list[Said] | Unfit:
    """`type`, `fired_at`, `data[email]`; nothing for what is not about consent. An address put away by staff is not."""
    try:
        fields = parse_qs(body.decode(), max_num_fields=_FIELDS)
    except ValueError:
        return Unfit("not_form")
    kind, email = _first(fields, "type"), _first(fields, "data[email]")
    if kind not in _MAILCHIMP_TYPES or _first(fields, "data[action]") == "delete":
        return []
    if "@" not in email:
        return Unfit("wrong_shape")
    return [Said(email, Word.said(_moment(_first(fields, "fired_at"), now), granted=_MAILCHIMP_TYPES[kind]))]


def read_klaviyo(body: bytes, now: datetime) -> list[Said] | Unfit:
    """Each event of `data` whose topic is about consent and that names an address."""
    try:
        fields = json.loads(body.decode())
    except (ValueError, RecursionError):
        return Unfit("not_json")
    events = fields.get("data") if isinstance(fields, dict) else None
    if not isinstance(events, list):
        return Unfit("wrong_shape")
    found = []
    for event in events:
        topic = event.get("topic") if isinstance(event, dict) else None
        if not isinstance(topic, str) or topic not in _KLAVIYO_TOPICS:
            continue
        payload = _object(event.get("payload"))
        if email := _klaviyo_email(payload):
            at = _moment(_attributes(payload.get("data")).get("timestamp"), now)
            found.append(Said(email, Word.said(at, granted=_KLAVIYO_TOPICS[topic])))
    return found


def consent_notice(store: str, source: str, hashed: str, word: Word, received_at: datetime) -> Notice:
    """What is kept of it: the hash of the address, never the address."""
    scope = f"consent/{source}"
    return Notice(
        store=store,
        scope=scope,
        resource="consent",
        resource_id=hashed,
        received_at=received_at.astimezone(UTC).isoformat(timespec="milliseconds"),
        body=json.dumps({"scope": scope, "data": {"source": source, "granted": word.granted, "at": word.at}}),
    )


def word_of(data: Mapping[str, Any]) -> tuple[str, Word]:
    """Source and word of a notice's `data`. Raises ValueError, KeyError, TypeError for what is none."""
    return str(data["source"]), Word.said(datetime.fromisoformat(data["at"]), granted=data["granted"] is True)


def _klaviyo_email(payload: Mapping[str, Any]) -> str:
    included = payload.get("included")
    profiles = (
        [_attributes(each) for each in included if _object(each).get("type") == "profile"]
        if isinstance(included, list)
        else []
    )
    properties = _object(_attributes(payload.get("data")).get("event_properties"))
    for value in (
        *(profile.get("email") for profile in profiles),
        properties.get("email_address"),
        properties.get("email"),
    ):
        if isinstance(value, str) and "@" in value:
            return value
    return ""


def _attributes(value: Any) -> Mapping[str, Any]:
    return _object(_object(value).get("attributes"))


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(fields: Mapping[str, list[str]], name: str) -> str:
    return fields.get(name, [""])[0].strip()


def _is_recent(stamp: str, now_s: float, tolerance_s: float) -> bool:
    at = _moment(int(stamp) if stamp.isascii() and stamp.isdigit() and len(stamp) < 12 else stamp, None)
    return at is not None and abs(now_s - at.timestamp()) <= tolerance_s


def _moment(value: Any, otherwise: Any) -> Any:
    """Unix seconds, or ISO 8601 with or without an offset (then UTC); never in the future."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            at = datetime.fromtimestamp(value, UTC)
        else:
            at = datetime.fromisoformat(str(value))
            at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return otherwise
    return at if otherwise is None else min(at, otherwise)
