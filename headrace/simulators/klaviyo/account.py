"""The rules of a Klaviyo account: how profiles are found, changed, put on lists, subscribed and suppressed. No HTTP."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from headrace.simulators.effects import Effects, effect_id
from headrace.simulators.klaviyo.rows import NEVER, SUBSCRIBED, UNSUBSCRIBED, Event, List, Profile, Suppression

SINK: Final = "klaviyo"
LIFTED: Final = frozenset({"UNSUBSCRIBE", "SPAM_COMPLAINT", "USER_SUPPRESSED"})
"""Suppressions that end when somebody is subscribed by API, whoever asked for them."""
FIELDS: Final = (
    "phone_number",
    "external_id",
    "first_name",
    "last_name",
    "organization",
    "locale",
    "title",
    "image",
)


class Invalid(Exception):
    """A part of a request is refused; `pointer` says which."""

    def __init__(self, detail: str, pointer: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer


class Account:
    """Profiles by id, lists by id, events in the order they were recorded."""

    def __init__(self, now: Callable[[], datetime], effects: Effects | None = None) -> None:
        self._now = now
        self.effects = effects or Effects()
        self.profiles: dict[str, Profile] = {}
        self.lists: dict[str, List] = {}
        self.events: list[Event] = []
        self._ids: dict[str, str] = {}
        """Profile ids by address."""
        self._recorded: set[tuple[str, str, str]] = set()

    def by_email(self, email: str) -> Profile | None:
        """None for nobody. Capitals do not matter."""
        return self.profiles.get(self._ids.get(email.strip().lower(), ""))

    def upsert(self, data: Mapping[str, Any], *, where: str = "/data") -> tuple[Profile, bool]:
        """Makes or changes a profile as a request's resource says; True if it is new. Raises Invalid."""
        attributes = data.get("attributes")
        if data.get("type") != "profile" or not isinstance(attributes, dict):
            raise Invalid("A profile resource is required.", f"{where}/attributes")
        email = attributes.get("email")
        if email is not None and not is_email(email):
            raise Invalid("Invalid email address", f"{where}/attributes/email")
        _patched({}, data.get("meta"), where)  # refused before anybody is made
        old = self.profiles.get(str(data.get("id") or "")) or (self.by_email(email) if email else None)
        if old is None and not email:
            raise Invalid("One or more of the identifiers email, phone_number, external_id is required.", where)
        changed = self.change(old or self._new(str(email)), attributes, data.get("meta"), where=where)
        return changed, old is None

    def change(self, profile: Profile, attributes: Mapping[str, Any], meta: Any, *, where: str = "/data") -> Profile:
        """Changes what is there: null clears, absent keeps; then the patch. Raises Invalid."""
        email = attributes.get("email")
        if email and email.strip().lower() != profile.email:
            owner = self._ids.setdefault(email.strip().lower(), profile.id)
            if owner != profile.id:
                raise Invalid("A profile already exists with one of these identifiers.", f"{where}/attributes/email")
            self._ids.pop(profile.email, None)
            profile = replace(profile, email=email.strip().lower())
        fields = {**profile.fields, **{name: attributes[name] for name in FIELDS if name in attributes}}
        given = attributes.get("properties") or {}
        properties = {name: value for name, value in {**profile.properties, **given}.items() if value is not None}
        properties = _patched(properties, meta, where)
        changed = replace(profile, fields=fields, properties=properties, updated=self._now())
        self.profiles[changed.id] = changed
        return changed

    def create_list(self, name: str) -> List:
        """Makes a list; names need not be unique."""
        now = self._now()
        found = List(f"L{len(self.lists) + 1:05d}", name, now, now)
        self.lists[found.id] = found
        return found

    def add(self, list_id: str, profile_ids: Iterable[str]) -> None:
        """Puts profiles on a list; who is on it stays. Consent is not touched."""
        found, now = self.lists[list_id], self._now()
        members = {**dict.fromkeys(profile_ids, now), **found.members}
        self.lists[list_id] = replace(found, members=members, updated=now)

    def remove(self, list_id: str, profile_ids: Iterable[str]) -> None:
        """Takes profiles off a list; who is not on it stays off."""
        found, gone = self.lists[list_id], {*profile_ids}
        members = {key: at for key, at in found.members.items() if key not in gone}
        self.lists[list_id] = replace(found, members=members, updated=self._now())

    def subscribe(self, email: str, list_id: str | None = None) -> None:
        """Consent by API: lifts suppressions that the person, or the account, had asked for."""
        profile, now = self.by_email(email) or self._new(email), self._now()
        kept = tuple(each for each in profile.suppressions if each.reason not in LIFTED)
        self.profiles[profile.id] = replace(profile, consent=SUBSCRIBED, consent_at=now, suppressions=kept, updated=now)
        if list_id is not None:
            self.add(list_id, [profile.id])

    def unsubscribe(self, email: str, list_id: str | None = None) -> None:
        """From one list when the profile is on it; else from everything."""
        profile = self.by_email(email) or self._new(email)
        if list_id is not None and profile.id in self.lists[list_id].members:
            self.remove(list_id, [profile.id])
            self._suppress(profile, Suppression("UNSUBSCRIBE", self._now(), list_id))
            return
        self._suppress(
            replace(profile, consent=UNSUBSCRIBED, consent_at=self._now()), Suppression("UNSUBSCRIBE", self._now())
        )

    def suppress(self, email: str, reason: str = "USER_SUPPRESSED") -> None:
        """Holds all mail back, for a reason of the vendor's."""
        self._suppress(self.by_email(email) or self._new(email), Suppression(reason, self._now()))

    def unsuppress(self, email: str) -> None:
        """Lifts what the account itself had suppressed; unsubscribed and bounced ones stay so."""
        profile = self.by_email(email)
        if profile is not None:
            kept = tuple(each for each in profile.suppressions if each.reason != "USER_SUPPRESSED")
            self.profiles[profile.id] = replace(profile, suppressions=kept, updated=self._now())

    def record(
        self, profile: Profile, metric: str, unique_id: str, at: datetime, properties: Mapping[str, Any], *, flows: bool
    ) -> bool:
        """False, and nothing recorded, when this profile's metric has an event of this id already."""
        key = (profile.id, metric, unique_id)
        if key in self._recorded:
            return False
        self._recorded.add(key)
        self.events.append(
            Event(f"E{len(self.events) + 1:07d}", profile.id, metric, unique_id, at, dict(properties), flows)
        )
        mailed = profile.consent == SUBSCRIBED and all(each.list_id is not None for each in profile.suppressions)
        effect = event_key(profile.email, metric, unique_id)
        self.effects.take(SINK, effect, self._now(), to=profile.email, reaches=flows and mailed, name=metric)
        return True

    def lists_of(self, profile_id: str) -> list[List]:
        """The lists a profile is on."""
        return [each for each in self.lists.values() if profile_id in each.members]

    def _new(self, email: str) -> Profile:
        now, key = self._now(), f"01SIM{len(self.profiles) + 1:021d}"
        profile = Profile(key, email.strip().lower(), now, now, consent=NEVER)
        self.profiles[key] = profile
        self._ids[profile.email] = key
        return profile

    def _suppress(self, profile: Profile, suppression: Suppression) -> None:
        same = (suppression.reason, suppression.list_id)
        others = tuple(each for each in profile.suppressions if (each.reason, each.list_id) != same)
        self.profiles[profile.id] = replace(profile, suppressions=(*others, suppression), updated=self._now())


def event_key(email: str, metric: str, unique_id: str) -> str:
    """The effect an event is of; for others what makes the vendor take it for a repeat."""
    return effect_id(unique_id) or f"event/{metric}/{unique_id}/{email.strip().lower()}"


def is_email(value: object) -> bool:
    """As far as the vendor looks: something, an @, and a domain."""
    if not isinstance(value, str):
        return False
    local, at, domain = value.strip().partition("@")
    return bool(local and at and "." in domain) and " " not in value.strip() and "@" not in domain


def _patched(properties: Mapping[str, Any], meta: Any, where: str) -> dict[str, Any]:
    """Append adds once more what is there already: the vendor does not say, and that is the worse for its callers."""
    patch = (meta.get("patch_properties") if isinstance(meta, dict) else None) or {}
    found = dict(properties)
    for name, values in _changes(patch, "append", where):
        found[name] = [*_as_list(found.get(name)), *values]
    for name, values in _changes(patch, "unappend", where):
        if name in found:
            found[name] = [value for value in _as_list(found[name]) if value not in values]
    unset = patch.get("unset") or []
    for name in [unset] if isinstance(unset, str) else unset:
        found.pop(name, None)
    return found


def _changes(patch: Mapping[str, Any], name: str, where: str) -> Sequence[tuple[str, list[Any]]]:
    changes = patch.get(name) or {}
    if not isinstance(changes, dict):
        raise Invalid(f"{name} must be an object", f"{where}/meta/patch_properties/{name}")
    found = [(key, value if isinstance(value, list) else [value]) for key, value in changes.items()]
    if any(isinstance(value, (dict, list)) for _, values in found for value in values):
        raise Invalid("Only simple values can be appended.", f"{where}/meta/patch_properties/{name}")
    return found


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [] if value is None else [value]
