"""Omnisend, API version 2026-03-15: contacts of one brand, their tags and events.

Its traps: tags are put on later, and in silence not at all where an address is no contact; a new contact gets a welcome
mail unless one says no; limits are told by a refusal's body alone; versions are retired.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from headrace.simulators.bigcommerce.dates import iso8601
from headrace.simulators.call import Answer, Call, CallRefused, ok
from headrace.simulators.clock import StoreClock
from headrace.simulators.effects import Effects, effect_id
from headrace.simulators.sliding import Sliding

VERSIONS: Final = frozenset({"2026-03-15"})
RETIRED: Final = frozenset({"2024-01-01", "2025-03-15"})
STATUSES: Final = frozenset({"subscribed", "nonSubscribed", "unsubscribed"})
MOST_TAGS: Final = 100
MOST_EMAILS: Final = 250


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact. `welcomed`: how many welcome mails it got."""

    id: str
    email: str
    created: datetime
    status: str = "nonSubscribed"
    tags: tuple[str, ...] = ()
    welcomed: int = 0


@dataclass(frozen=True, slots=True)
class _Job:
    due: float
    emails: tuple[str, ...]
    tags: tuple[str, ...]
    on: bool


@dataclass(slots=True)
class Omnisend:
    """The brand's account (see `Vendor`). `delay_s`: from a call for tags to when they are there, of elapsed time."""

    clock: StoreClock
    key: str
    delay_s: float = 0.2
    contacts: dict[str, Contact] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    effects: Effects = field(default_factory=Effects)
    name: str = "omnisend"
    connections: int | None = None
    _jobs: deque[_Job] = field(default_factory=deque)
    _calls: Sliding = field(default_factory=lambda: Sliding(400, 60.0))
    _tag_calls: Sliding = field(default_factory=lambda: Sliding(60, 60.0))

    def template(self, call: Call) -> str:
        """The path without `/api`, ids in braces."""
        path = _path(call)
        if path in ("/contacts", "/contacts/tags", "/events"):
            return path
        return "/contacts/{id}" if path.startswith("/contacts/") and path.count("/") == 2 else "other"

    def overloaded(self) -> Answer:
        """Never asked: it has no limit of connections."""
        return _problem(429, "Too many requests")

    def truth(self) -> dict[str, Any]:
        """Contacts by address."""
        self._work()
        return {
            contact.email: {"status": contact.status, "tags": sorted(contact.tags), "welcomed": contact.welcomed}
            for contact in self.contacts.values()
        }

    def answer(self, call: Call, headers: Mapping[str, str]) -> Answer:
        """Credentials, version and limits first, then the call."""
        if headers.get("Authorization") != f"Omnisend-API-Key {self.key}":
            return _problem(401, "The API key is missing or wrong")
        version = headers.get("Omnisend-Version", "")
        if version not in VERSIONS:
            return _problem(410, "This version was retired") if version in RETIRED else _problem(400, "No such version")
        template = self.template(call)
        for limit in (self._calls, *([self._tag_calls] if template == "/contacts/tags" else [])):
            wait = limit.take(self.clock.elapsed())
            if wait is not None:
                return _problem(429, "Too many requests", retryAfter=max(1, round(self.clock.real_seconds(wait) + 0.5)))
        self._work()
        try:
            return self._route(call, template)
        except CallRefused:
            return _problem(400, "The body is no JSON")

    def _route(self, call: Call, template: str) -> Answer:
        match call.method, template:
            case "GET", "/contacts":
                found = self.contacts.get(call.query.get("email", "").lower())
                return ok({"contacts": [] if found is None else [_shape(found)], "paging": {}})
            case "POST", "/contacts":
                return self._upsert(call.json())
            case (("POST" | "DELETE"), "/contacts/tags"):
                return self._tag(call.json(), on=call.method == "POST")
            case "GET", "/contacts/{id}":
                return self._one(call)
            case "POST", "/events":
                return self._event(call.json())
        return _problem(404, "Not found")

    def _one(self, call: Call) -> Answer:
        key = _path(call).rpartition("/")[2]
        found = next((contact for contact in self.contacts.values() if contact.id == key), None)
        return _problem(404, "Not found") if found is None else ok(_shape(found))

    def _upsert(self, body: Any) -> Answer:
        identifiers = body.get("identifiers") if isinstance(body, dict) else None
        first = identifiers[0] if isinstance(identifiers, list) and identifiers else None
        if not isinstance(first, dict) or first.get("type") != "email" or "@" not in str(first.get("id", "")):
            return _invalid("identifiers[0].id", "must be an e-mail address")
        channels = first.get("channels")
        status = channels.get("email", {}).get("status") if isinstance(channels, dict) else None
        if status is not None and status not in STATUSES:
            return _invalid("identifiers[0].channels.email.status", "is not one of the allowed ones")
        tags = body.get("tags", [])
        if not isinstance(tags, list) or len(tags) > MOST_TAGS or not all(isinstance(tag, str) for tag in tags):
            return _invalid("tags", f"must be at most {MOST_TAGS} texts")
        email = str(first["id"]).lower()
        known = self.contacts.get(email)
        contact = known or Contact(f"{len(self.contacts) + 1:024x}", email, self.clock.date())
        if status is not None:
            contact = replace(contact, status=status)
        if tags:  # whether they replace or add is not stated: the worse for who relies on the other
            contact = replace(contact, tags=tuple(dict.fromkeys(tags)))
        if known is None and first.get("sendWelcomeMessage", True):
            contact = replace(contact, welcomed=contact.welcomed + 1)
        self.contacts[email] = contact
        return ok({"contactID": contact.id, "email": email}, 201 if known is None else 200)

    def _tag(self, body: Any, *, on: bool) -> Answer:
        fields = body if isinstance(body, dict) else {}
        tags, emails = _texts(fields.get("tags"), MOST_TAGS), _texts(fields.get("emails"), MOST_EMAILS)
        if not tags:
            return _invalid("tags", f"must be 1 to {MOST_TAGS} texts")
        if not emails:
            return _invalid("emails", f"must be 1 to {MOST_EMAILS} addresses")
        due = self.clock.elapsed() + self.delay_s
        self._jobs.append(_Job(due, tuple(email.lower() for email in emails), tags, on))
        return Answer(202)

    def _event(self, body: Any) -> Answer:
        """A repeat is one more: the vendor tells them apart for events of the past only."""
        if not isinstance(body, dict) or not isinstance(body.get("eventName"), str) or not body["eventName"]:
            return _invalid("eventName", "is required")
        if not isinstance(body.get("origin"), str) or not body["origin"]:
            return _invalid("origin", "is required")
        contact = body.get("contact")
        if not isinstance(contact, dict) or not ("@" in str(contact.get("email", "")) or contact.get("id")):
            return _invalid("contact", "must have an e-mail address or an id")
        if not isinstance(body.get("properties", {}), dict):
            return _invalid("properties", "must be an object")
        self.events.append(body)
        known = self.contacts.get(str(contact.get("email", "")).lower())
        key = effect_id(body.get("eventID"), *body.get("properties", {}).values()) or f"event/{len(self.events)}"
        reaches = known is not None and known.status == "subscribed"
        self.effects.ask(self.name, key)
        to, now = str(contact.get("email", "")), self.clock.date().replace(microsecond=0)
        self.effects.take(self.name, key, now, to=to, reaches=reaches, name=body["eventName"])
        return Answer(202)

    def _work(self) -> None:
        """What was taken in and is due by now."""
        while self._jobs and self._jobs[0].due <= self.clock.elapsed():
            job = self._jobs.popleft()
            for email in job.emails:
                contact = self.contacts.get(email)
                if contact is None:
                    continue
                rest = tuple(tag for tag in contact.tags if tag not in job.tags)
                self.contacts[email] = replace(contact, tags=(*rest, *job.tags) if job.on else rest)


def _path(call: Call) -> str:
    return call.path.removeprefix("/api").rstrip("/")


def _texts(value: Any, most: int) -> tuple[str, ...]:
    """None of them where it is no list of 1 to `most` texts."""
    fits = isinstance(value, list) and len(value) <= most and all(isinstance(one, str) and one for one in value)
    return tuple(value) if fits else ()


def _shape(contact: Contact) -> dict[str, Any]:
    channel = {"email": {"status": contact.status, "statusChangedAt": iso8601(contact.created)}}
    return {
        "contactID": contact.id,
        "email": contact.email,
        "createdAt": iso8601(contact.created),
        "tags": list(contact.tags),
        "identifiers": [{"type": "email", "id": contact.email, "channels": channel}],
    }


def _problem(status: int, title: str, **more: object) -> Answer:
    answer = ok({"type": "about:blank", "title": title, "status": status, **more}, status)
    return replace(answer, content_type="application/problem+json")


def _invalid(name: str, message: str) -> Answer:
    return _problem(400, "Validation failed", errors=[{"field": name, "code": "invalid", "message": message}])
