"""Mailchimp Marketing 3.0: members of one list, their tags and events, and journeys they are sent into.

Consent rules are the audience's; here are the routes and the shapes.
"""

from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec

from headrace.simulators.audience import WRITABLE, Audience, NotAllowed, member_hash
from headrace.simulators.bigcommerce.dates import iso8601
from headrace.simulators.call import Answer, Call, CallRefused
from headrace.simulators.mailchimp_events import Invalid, MemberEvents
from headrace.simulators.rows import Member

CONNECTIONS: Final = 10
_TRIGGER: Final = "/3.0/customer-journeys/journeys/{journey}/steps/{step}/actions/trigger"


def problem(status: int, title: str, detail: str) -> Answer:
    """An error as the vendor words it."""
    shape = {
        "type": "https://mailchimp.com/developer/marketing/docs/errors/",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": "00000000-0000-0000-0000-000000000000",
    }
    return Answer(status, msgspec.json.encode(shape), content_type="application/problem+json; charset=utf-8")


class Mailchimp:
    """Finds the handler of a path and answers (see `Vendor`)."""

    name = "mailchimp"
    connections = CONNECTIONS

    def __init__(self, audience: Audience, list_id: str, key: str, events: MemberEvents) -> None:
        self._audience = audience
        self.events = events
        self._list_id = list_id
        self._key = key

    def template(self, call: Call) -> str:
        """The path with its variable parts named, without its ids."""
        template = self._parts(call.path)[0]
        known = template.startswith("/3.0/lists/{list}/members") or template in ("/3.0/ping", _TRIGGER)
        return template if known else "other"

    def overloaded(self) -> Answer:
        """As the vendor refuses one connection too many: without saying when to come again."""
        title = "Too many requests at one time"
        return problem(429, title, title)

    def truth(self) -> dict[str, Any]:
        """Members by address."""
        return {
            member.email: {"status": member.status, "tags": sorted(name for name, _ in member.tags)}
            for member in self._audience.members.values()
        }

    def _parts(self, path: str) -> tuple[str, tuple[str, ...]]:
        """The path with its variable parts named, and those parts; `/3.0` may be left out."""
        if path.startswith(("/lists/", "/customer-journeys/")) or path == "/ping":
            path = "/3.0" + path
        parts = path.strip("/").split("/")
        if len(parts) == 8 and parts[1:3] == ["customer-journeys", "journeys"]:
            named = [*parts[:3], "{journey}", parts[4], "{step}", *parts[6:]]
            return "/" + "/".join(named), (parts[3], parts[5])
        if len(parts) >= 4 and parts[1] == "lists" and parts[3] == "members":
            named = [*parts[:2], "{list}", "members", *(["{hash}"] if len(parts) > 4 else []), *parts[5:]]
            return "/" + "/".join(named), (parts[2], *parts[4:5])
        return path, ()

    def answer(self, call: Call, headers: Mapping[str, str]) -> Answer:
        """The answer to one call."""
        if not _has_key(headers.get("Authorization", ""), self._key):
            detail = "Your API key may be invalid, or you've attempted to access the wrong datacenter."
            return problem(401, "API Key Invalid", detail)
        template, parts = self._parts(call.path)
        if (call.method, template) == ("GET", "/3.0/ping"):
            return _ok({"health_status": "Everything's Chimpy!"})
        if template == _TRIGGER and call.method == "POST":
            return self._trigger(call, parts)
        if parts and parts[0] != self._list_id:
            return _missing()
        key = parts[1] if len(parts) > 1 else ""
        key = member_hash(key) if "@" in key else key
        try:
            return self._route(call, template, key)
        except NotAllowed as refusal:
            return problem(400, refusal.title, refusal.detail)
        except ValueError:
            return _invalid("count and offset must be numbers.")
        except CallRefused:
            return problem(400, "JSON Parse Error", "We encountered an unspecified JSON parsing error.")

    def _route(self, call: Call, template: str, key: str) -> Answer:
        match call.method, template:
            case "GET", "/3.0/lists/{list}/members":
                return self._list(call)
            case "PUT", "/3.0/lists/{list}/members/{hash}":
                return self._upsert(call, key)
            case "DELETE", "/3.0/lists/{list}/members/{hash}":
                return self._archive(key)
        member = self._audience.members.get(key)
        return _missing() if member is None else self._of_member(call, template, key, member)

    def _of_member(self, call: Call, template: str, key: str, member: Member) -> Answer:
        match call.method, template:
            case "GET", "/3.0/lists/{list}/members/{hash}":
                return _ok(self._render(member))
            case "POST", "/3.0/lists/{list}/members/{hash}/tags":
                return self._tag(call, key)
            case "GET", "/3.0/lists/{list}/members/{hash}/tags":
                return self._tags(call, member)
            case "POST", "/3.0/lists/{list}/members/{hash}/events":
                return self._event(call, member)
            case "GET", "/3.0/lists/{list}/members/{hash}/events":
                return self._events(call, member)
            case "POST", "/3.0/lists/{list}/members/{hash}/actions/delete-permanent":
                self._audience.forget(key)
                return Answer(204)
        return _missing()

    def _upsert(self, call: Call, key: str) -> Answer:
        fields = call.json()
        if not isinstance(fields, dict):
            raise CallRefused(_missing())
        email, new = fields.get("email_address"), self._audience.members.get(key) is None
        if not isinstance(email, str) or "@" not in email or (new and fields.get("status_if_new") is None):
            return _invalid("Please provide a valid email address and status_if_new.")
        if any(fields.get(name, "pending") not in WRITABLE for name in ("status", "status_if_new")):
            return _invalid("The value given for status is not one of the allowed ones.")
        if new and member_hash(email) != key:
            return _invalid("The email address does not match the member's hash.")
        return _ok(self._render(self._audience.upsert(email, fields)))

    def _archive(self, key: str) -> Answer:
        if self._audience.members.get(key) is None:
            return _missing()
        if not self._audience.archive(key):
            return problem(405, "Method Not Allowed", "This list member cannot be removed.")
        return Answer(204)

    def _tag(self, call: Call, key: str) -> Answer:
        fields = call.json()
        entries = fields.get("tags") if isinstance(fields, dict) else None
        if not isinstance(entries, list) or not all(_is_tag(entry) for entry in entries):
            return _invalid("Tags must be objects with name and status.")
        self._audience.tag(key, {entry["name"]: entry["status"] == "active" for entry in entries})
        return Answer(204)

    def _tags(self, call: Call, member: Member) -> Answer:
        start, count = int(call.query.get("offset", "0")), int(call.query.get("count", "10"))
        shape = [
            {"id": self._audience.tag_ids[name], "name": name, "date_added": iso8601(added)}
            for name, added in member.tags[start : start + min(count, 1000)]
        ]
        return _ok({"tags": shape, "total_items": len(member.tags), "_links": []})

    def _event(self, call: Call, member: Member) -> Answer:
        try:
            self.events.record(member, call.json())
        except Invalid as refusal:
            return _invalid(str(refusal))
        return Answer(204)

    def _events(self, call: Call, member: Member) -> Answer:
        start, count = int(call.query.get("offset", "0")), int(call.query.get("count", "10"))
        rows = self.events.of(member)
        shape = [row.shape() for row in rows[start : start + min(count, 1000)]]
        return _ok({"events": shape, "total_items": len(rows), "_links": []})

    def _trigger(self, call: Call, parts: tuple[str, ...]) -> Answer:
        """That the contact must be subscribed is what users of the vendor report; its files have no word of it."""
        try:
            fields = call.json()
        except CallRefused:
            return problem(400, "JSON Parse Error", "We encountered an unspecified JSON parsing error.")
        email = fields.get("email_address") if isinstance(fields, dict) else None
        member = self._audience.by_email(email) if isinstance(email, str) else None
        if member is None or not all(part.isdigit() for part in parts):
            return _missing()
        if member.status != "subscribed":
            return problem(400, "Bad Request", "The contact is not subscribed to the journey's audience.")
        self.events.trigger(member, int(parts[0]), int(parts[1]))
        return Answer(204)

    def _list(self, call: Call) -> Answer:
        start, count = int(call.query.get("offset", "0")), int(call.query.get("count", "10"))
        rows = list(self._audience.members.values())[start : start + min(count, 1000)]
        members = [self._render(row) for row in rows]
        return _ok({"members": members, "list_id": self._list_id, "total_items": len(self._audience.members)})

    def _render(self, row: Member) -> dict[str, Any]:
        merge = dict(row.merge_fields)
        return {
            "id": member_hash(row.email),
            "email_address": row.email,
            "unique_email_id": member_hash(row.email)[:10],
            "contact_id": member_hash(row.email),
            "full_name": " ".join(str(merge[name]) for name in ("FNAME", "LNAME") if merge.get(name)),
            "web_id": 1,
            "email_type": "html",
            "status": row.status,
            "merge_fields": merge,
            "interests": {},
            "timestamp_opt": iso8601(row.created),
            "last_changed": iso8601(row.modified),
            "language": "",
            "vip": False,
            "tags_count": len(row.tags),
            "tags": [{"id": self._audience.tag_ids[name], "name": name} for name, _ in row.tags[:50]],
            "list_id": self._list_id,
            "_links": [],
        }


def _ok(value: Any) -> Answer:
    return Answer(200, msgspec.json.encode(value), content_type="application/json; charset=utf-8")


def _has_key(authorization: str, key: str) -> bool:
    kind, _, value = authorization.partition(" ")
    if kind.lower() == "bearer":
        return value == key
    with suppress(ValueError):
        return kind.lower() == "basic" and b64decode(value).decode().partition(":")[2] == key
    return False


def _is_tag(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("name"), str)
        and bool(entry["name"])
        and entry.get("status") in {"active", "inactive"}
    )


def _missing() -> Answer:
    return problem(404, "Resource Not Found", "The requested resource could not be found.")


def _invalid(detail: str) -> Answer:
    return problem(400, "Invalid Resource", detail)
