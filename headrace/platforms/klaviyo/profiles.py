"""Profiles: made and changed by e-mail address, read with their suppressions. A profile's id is not its address."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from headrace.platforms.http import Request
from headrace.platforms.klaviyo.pages import any_of, paged, rows
from headrace.platforms.replies import moment

PROFILES_PER_PAGE: Final = 100
_SUPPRESSED: Final = "subscriptions.email.marketing.suppression.timestamp"
_LIST_SUPPRESSED: Final = "subscriptions.email.marketing.list_suppressions.timestamp"


@dataclass(frozen=True, slots=True)
class Patch:
    """Values that one list-valued custom property gets and loses; the rest of the profile stays as it is.

    The vendor does it at once, without a reading before, and makes a property that is missing. It does not say what an
    appended value does that is there already, nor which of the two comes first: no value may be in both, and the
    profile in the reply has to be looked at.
    """

    name: str
    append: tuple[str, ...] = ()
    unappend: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name or set(self.append) & set(self.unappend):
            raise ValueError("a property's name, and no value that is both appended and unappended")

    def __bool__(self) -> bool:
        return bool(self.append or self.unappend)

    @property
    def meta(self) -> dict[str, Any]:
        """As it stands in a request."""
        parts = (("append", self.append), ("unappend", self.unappend))
        return {"patch_properties": {name: {self.name: list(values)} for name, values in parts if values}}


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why and since when a profile gets no marketing mail: HARD_BOUNCE, INVALID_EMAIL, SPAM_COMPLAINT, UNSUBSCRIBE,
    USER_SUPPRESSED. `list_id`: from one list only."""

    reason: str
    at: datetime | None
    list_id: str | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile as a reply shows it. `properties` is None where the reply does not tell them; `consent` (SUBSCRIBED,
    UNSUBSCRIBED, NEVER_SUBSCRIBED) and `suppressions` are there only where the request asked for subscriptions."""

    id: str
    email: str = ""
    properties: Mapping[str, Any] | None = None
    consent: str = ""
    suppressions: tuple[Suppression, ...] = ()

    def values(self, name: str) -> list[Any]:
        """What a list-valued property holds; a value of its own counts as a list of one."""
        found = (self.properties or {}).get(name)
        return found if isinstance(found, list) else [] if found is None else [found]


def upsert_profile(email: str, patch: Patch | None = None) -> Request:
    """Makes the profile (201) or changes it (200); the reply holds it as it is then. Consent is left as it is.

    400 (`Rejected`, the error's place is `/data/attributes/email`) for what is no address. Doing it twice may append
    twice (see `Patch`): whoever sends it looks at the reply.
    """
    return Request("POST", "/api/profile-import", json={"data": resource(email, patch)}, repeatable=True)


def patch_profile(profile_id: str, patch: Patch) -> Request:
    """Changes a profile that is there; 404 (`Rejected`) when it is not."""
    return _update(profile_id, {}, patch.meta)


def set_values(profile_id: str, name: str, values: Sequence[Any]) -> Request:
    """Replaces a property whole, whatever it holds: for what a `Patch` cannot put right."""
    plain = [float(value) if isinstance(value, Decimal) else value for value in values]
    return _update(profile_id, {"properties": {name: plain}}, None)


def profiles_by_email(emails: Sequence[str]) -> Request:
    """The profiles of up to 100 addresses, all on one page; addresses without one are missing."""
    if not 1 <= len(emails) <= PROFILES_PER_PAGE:
        raise ValueError(f"1 to {PROFILES_PER_PAGE} addresses in one call")
    wanted = [email.strip() for email in emails]
    params = (("filter", any_of("email", wanted)), ("fields[profile]", "email,properties"))
    return Request("GET", "/api/profiles", params=(*params, *paged(PROFILES_PER_PAGE, None)))


def suppressed_profiles(since: datetime, cursor: str | None = None) -> Request:
    """Profiles that were suppressed at or after a moment, the earliest first, with `suppressions` and `consent`.

    One whose suppression was lifted since is missing.
    """
    return _suppressed(_SUPPRESSED, since, cursor)


def list_suppressed_profiles(since: datetime, cursor: str | None = None) -> Request:
    """The same of those that unsubscribed from, or are suppressed for, one list only."""
    return _suppressed(_LIST_SUPPRESSED, since, cursor)


def profile_of(body: Any) -> Profile | None:
    """The profile of a reply about one; None where there is none."""
    return next(iter(profiles_of(body)), None)


def profiles_of(body: Any) -> list[Profile]:
    """The profiles of a reply; what is none is left out."""
    return [_profile(key, attributes) for key, attributes in rows(body, "profile")]


def resource(email: str, patch: Patch | None) -> dict[str, Any]:
    """A profile by its address in a request."""
    found: dict[str, Any] = {"type": "profile", "attributes": {"email": email.strip()}}
    return found | {"meta": patch.meta} if patch else found


def _update(profile_id: str, attributes: Mapping[str, Any], meta: Mapping[str, Any] | None) -> Request:
    data: dict[str, Any] = {"type": "profile", "id": profile_id, "attributes": dict(attributes)}
    return Request(
        "PATCH",
        f"/api/profiles/{profile_id}",
        json={"data": data | ({"meta": dict(meta)} if meta else {})},
        repeatable=True,
        pattern="/api/profiles/{}",
    )


def _suppressed(name: str, since: datetime, cursor: str | None) -> Request:
    moment_text = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    params = (
        ("filter", f"greater-or-equal({name},{moment_text})"),
        ("sort", name),
        ("additional-fields[profile]", "subscriptions"),
        ("fields[profile]", "email,subscriptions"),
    )
    return Request("GET", "/api/profiles", params=(*params, *paged(PROFILES_PER_PAGE, cursor)))


def _profile(key: str, attributes: Mapping[str, Any]) -> Profile:
    properties = attributes.get("properties")
    marketing = _inner(_inner(_inner(attributes, "subscriptions"), "email"), "marketing")
    consent = marketing.get("consent")
    return Profile(
        key,
        email=_text(attributes.get("email")).strip().lower(),
        properties=properties if isinstance(properties, dict) else None,
        consent=_text(consent),
        suppressions=tuple(_suppressions(marketing)),
    )


def _suppressions(marketing: Mapping[str, Any]) -> Iterator[Suppression]:
    for name in ("suppression", "list_suppressions"):
        entries = marketing.get(name)
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("reason"), str):
                yield Suppression(entry["reason"], moment(entry.get("timestamp")), _text(entry.get("list_id")) or None)


def _inner(outer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = outer.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
