"""SendGrid Marketing: contacts, lists, custom fields and the jobs that write them; mails that are taken in.

Its traps: a write is a job, and a contact has no id to be seen until it ended; rows that do not fit are left out; a
contact is another one when identifiers that it has are missing; it is found by alternate addresses too; an address that
is none spoils the search for a hundred; mails to suppressed addresses are accepted and dropped.
"""

import base64
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from headrace.simulators.bigcommerce.dates import iso8601
from headrace.simulators.call import Answer, Call, CallRefused, ok
from headrace.simulators.clock import StoreClock
from headrace.simulators.effects import Effects
from headrace.simulators.sendgrid_mail import deliver, problem_of
from headrace.simulators.sliding import Sliding

_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_FIELD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IDENTIFIERS: Final = ("phone_number_id", "external_id", "anonymous_id")
_BASE: Final = "/v3/marketing"
MOST_CONTACTS: Final = 30_000
MOST_SEARCHED: Final = 100
MOST_FIELDS: Final = 500
MOST_TEMPLATES: Final = 200
"""A page of them."""
FIELD_CHARACTERS: Final = 1000


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact; `fields` by the ids of custom fields."""

    id: str
    email: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    lists: frozenset[str] = frozenset()
    identifiers: Mapping[str, str] = field(default_factory=dict)
    alternates: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Job:
    id: str
    due: float
    rows: list[Mapping[str, Any]] = field(default_factory=list)
    onto: tuple[str, ...] = ()
    off: tuple[str, frozenset[str]] | None = None
    done: bool = False
    created: int = 0
    updated: int = 0
    errored: int = 0


@dataclass(slots=True)
class SendGrid:
    """The account (see `Vendor`). `delay_s`: how long a job takes, of elapsed time; `calls_a_minute`: of any route."""

    clock: StoreClock
    key: str
    delay_s: float = 0.2
    calls_a_minute: int = 600
    contacts: dict[str, Contact] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    """Id -> name."""
    fields: dict[str, str] = field(default_factory=dict)
    """Id -> name."""
    suppressed: set[str] = field(default_factory=set)
    mails: list[Mapping[str, Any]] = field(default_factory=list)
    """Those that reached somebody."""
    effects: Effects = field(default_factory=Effects)
    templates: dict[str, str] = field(default_factory=dict)
    """Dynamic ones, id -> name; without any, every id will do."""
    name: str = "sendgrid"
    connections: int | None = None
    _jobs: dict[str, _Job] = field(default_factory=dict)
    _waiting: deque[_Job] = field(default_factory=deque)
    _limits: dict[str, Sliding] = field(default_factory=dict)
    _made: int = 0
    _fields_made: int = 0

    def template(self, call: Call) -> str:
        """The path, ids in braces."""
        path = call.path.rstrip("/")
        for start, end in ((f"{_BASE}/contacts/imports/", ""), (f"{_BASE}/lists/", "/contacts")):
            middle = path.removeprefix(start).removesuffix(end)
            if path.startswith(start) and path.endswith(end) and middle and "/" not in middle:
                return f"{start}{{id}}{end}"
        known = {"contacts", "contacts/search/emails", "lists", "field_definitions"}
        return (
            path if path.removeprefix(f"{_BASE}/") in known or path in ("/v3/mail/send", "/v3/templates") else "other"
        )

    def overloaded(self) -> Answer:
        """Never asked: it has no limit of connections."""
        return _errors(429, "too many requests")

    def truth(self) -> dict[str, Any]:
        """Contacts by address; `tags` are those of the text field whose name begins with `headrace`."""
        self._work()
        return {contact.email: self._true(contact) for contact in self.contacts.values()}

    def drop_list(self, name: str) -> None:
        """Somebody deletes a list there."""
        gone = {key for key, known in self.lists.items() if known == name}
        self.lists = {key: known for key, known in self.lists.items() if key not in gone}
        self.contacts = {
            email: replace(contact, lists=contact.lists - gone) for email, contact in self.contacts.items()
        }

    def drop_field(self, name: str) -> None:
        """Somebody deletes a custom field there."""
        self.fields = {key: known for key, known in self.fields.items() if known != name}
        for email, contact in self.contacts.items():
            kept = {key: value for key, value in contact.fields.items() if key in self.fields}
            self.contacts[email] = replace(contact, fields=kept)

    def answer(self, call: Call, headers: Mapping[str, str]) -> Answer:
        """Credentials and limits first, then the call."""
        if headers.get("Authorization") != f"Bearer {self.key}":
            return _errors(401, "authorization required")
        template = self.template(call)
        limit = self._limits.setdefault(f"{call.method} {template}", Sliding(self.calls_a_minute, 60.0))
        wait = limit.take(self.clock.elapsed())
        if wait is not None:
            reset = self.clock.date().timestamp() + self.clock.real_seconds(wait)
            told = {
                "X-RateLimit-Limit": str(self.calls_a_minute),
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": str(int(reset) + 1),
            }
            return replace(_errors(429, "too many requests"), headers=told)
        self._work()
        try:
            return self._route(call, template)
        except CallRefused:
            return _errors(400, "invalid JSON")

    def _route(self, call: Call, template: str) -> Answer:
        match call.method, template.removeprefix(_BASE):
            case "PUT", "/contacts":
                return self._upsert(call.json())
            case "POST", "/contacts/search/emails":
                return self._search(call.json())
            case "GET", "/contacts/imports/{id}":
                return self._job(call.path.rpartition("/")[2])
            case "GET", "/lists":
                return self._page(call)
            case "POST", "/lists":
                return self._make_list(call.json())
            case "DELETE", "/lists/{id}/contacts":
                return self._remove(call.path.split("/")[4], call)
            case "GET", "/field_definitions":
                shape = [{"id": key, "name": name, "field_type": "Text"} for key, name in self.fields.items()]
                return ok({"custom_fields": shape, "reserved_fields": [], "_metadata": {"self": ""}})
            case "POST", "/field_definitions":
                return self._make_field(call.json())
        return self._mail_route(call, template)

    def _mail_route(self, call: Call, template: str) -> Answer:
        match call.method, template:
            case "GET", "/v3/templates":
                return self._templates(call)
            case "POST", "/v3/mail/send":
                return self._mail(call.json(), len(call.raw))
        return _errors(404, "not found")

    def _upsert(self, body: Any) -> Answer:
        contacts = body.get("contacts") if isinstance(body, dict) else None
        if not isinstance(contacts, list) or not 1 <= len(contacts) <= MOST_CONTACTS:
            return _errors(400, f"must be 1 to {MOST_CONTACTS} contacts", "contacts")
        lists = body.get("list_ids") or []
        if any(one not in self.lists for one in lists):
            return _errors(400, "no such list", "list_ids")
        unknown = {key for row in contacts for key in (row.get("custom_fields") or {}) if key not in self.fields}
        if unknown:
            return _errors(400, "no such custom field", f"custom_fields.{min(unknown)}")
        job = _Job(self._new_id("job"), self.clock.elapsed() + self.delay_s, contacts, tuple(lists))
        return self._take_in(job)

    def _take_in(self, job: _Job) -> Answer:
        self._jobs[job.id] = job
        self._waiting.append(job)
        return ok({"job_id": job.id}, 202)

    def _search(self, body: Any) -> Answer:
        emails = body.get("emails") if isinstance(body, dict) else None
        if not isinstance(emails, list) or not 1 <= len(emails) <= MOST_SEARCHED:
            return _errors(400, f"must be 1 to {MOST_SEARCHED} addresses", "emails")
        asked = [str(email).lower() for email in emails if email]
        if not all(_ADDRESS.fullmatch(email) for email in asked):
            return _errors(400, "invalid email address", "emails")
        contacts = {email: self._found(email) for email in asked}
        if not any(contacts.values()):
            return _errors(404, "no contacts found")
        result: dict[str, Any] = {}
        for email, found in contacts.items():
            result[email] = {"error": "contact not found"} if found is None else {"contact": self._shape(found)}
        return ok({"result": result})

    def _found(self, email: str) -> Contact | None:
        return self.contacts.get(email) or self._alternate(email)

    def _alternate(self, email: str) -> Contact | None:
        return next((contact for contact in self.contacts.values() if email in contact.alternates), None)

    def _job(self, id: str) -> Answer:
        job = self._jobs.get(id)
        if job is None:
            return _errors(404, "no such job")
        counts = {"requested_count": len(job.rows), "created_count": job.created, "updated_count": job.updated}
        status = "pending" if not job.done else "errored" if job.errored else "completed"
        results = {
            **counts,
            "errored_count": job.errored,
            **({"errors_url": "https://x.example"} if job.errored else {}),
        }
        return ok({"id": id, "status": status, "job_type": "upsert_contacts", "results": results if job.done else {}})

    def _page(self, call: Call) -> Answer:
        size, start = int(call.query.get("page_size", "100")), _start(call.query.get("page_token", ""))
        rows = list(self.lists.items())
        shape = [_list(key, name) for key, name in rows[start : start + size]]
        address = f"https://api.sendgrid.com{_BASE}/lists"
        more = {"next": f"{address}?page_size={size}&page_token={_token(start + size)}"}
        paging = more if start + size < len(rows) else {}
        return ok({"result": shape, "_metadata": {"self": address, "count": len(rows), **paging}})

    def _make_list(self, body: Any) -> Answer:
        name = body.get("name") if isinstance(body, dict) else None
        if not isinstance(name, str) or not 1 <= len(name) <= 100:
            return _errors(400, "must be 1 to 100 characters", "name")
        if name in self.lists.values():
            return _errors(400, "list name already exists", "name")
        key = self._new_id("list")
        self.lists[key] = name
        return ok(_list(key, name), 201)

    def _make_field(self, body: Any) -> Answer:
        name = body.get("name") if isinstance(body, dict) else None
        if not isinstance(name, str) or not _FIELD.fullmatch(name) or body.get("field_type") not in ("Text",):
            return _errors(400, "is not valid", "name")
        if name.lower() in {known.lower() for known in self.fields.values()} or len(self.fields) >= MOST_FIELDS:
            return _errors(400, "field name already exists", "name")
        self._fields_made += 1
        key = f"w{self._fields_made}_T"
        self.fields[key] = name
        return ok({"id": key, "name": name, "field_type": "Text"})

    def _remove(self, list_id: str, call: Call) -> Answer:
        ids = frozenset(one for one in call.query.get("contact_ids", "").split(",") if one)
        if list_id not in self.lists:
            return _errors(404, "no such list")
        if not ids:
            return _errors(400, "is required", "contact_ids")
        if ids - {contact.id for contact in self.contacts.values()}:
            return _errors(404, "no such contact")
        job = _Job(self._new_id("job"), self.clock.elapsed() + self.delay_s, off=(list_id, ids))
        return self._take_in(job)

    def _templates(self, call: Call) -> Answer:
        size, start = call.query.get("page_size", ""), _start(call.query.get("page_token", ""))
        if not size.isdigit() or not 1 <= int(size) <= MOST_TEMPLATES:
            return _errors(400, f"must be 1 to {MOST_TEMPLATES}", "page_size")
        dynamic = call.query.get("generations", "legacy") != "legacy"
        rows, end = list(self.templates.items()) if dynamic else [], start + int(size)
        changed = self.clock.date().strftime("%Y-%m-%d %H:%M:%S")
        kept = {"generation": "dynamic", "updated_at": changed, "versions": []}
        shape = [{"id": key, "name": name, **kept} for key, name in rows[start:end]]
        address = "https://api.sendgrid.com/v3/templates"
        more = {"next": f"{address}?page_size={size}&page_token={_token(end)}"} if end < len(rows) else {}
        return ok({"result": shape, "_metadata": {"self": address, "count": len(rows), **more}})

    def _mail(self, body: Any, size: int) -> Answer:
        now = self.clock.date().replace(microsecond=0)
        problem = problem_of(body, size, now)
        if problem is not None:
            return _errors(problem.status, problem.message, problem.field)
        if self.templates and "template_id" in body and body["template_id"] not in self.templates:
            return _errors(400, "The template_id must be a valid template.", "template_id")
        sandbox = ((body.get("mail_settings") or {}).get("sandbox_mode") or {}).get("enable") is True
        if sandbox:
            return Answer(200)
        number = self._new_id("mail")
        if deliver(self.effects, body, self.suppressed, now, number):
            self.mails.append(body)
        return Answer(202, headers={"X-Message-Id": number})

    def _work(self) -> None:
        """Jobs that are due by now."""
        while self._waiting and self._waiting[0].due <= self.clock.elapsed():
            job = self._waiting.popleft()
            job.done = True
            for row in job.rows:
                self._write(row, job)
            if job.off is not None:
                list_id, ids = job.off
                for email, contact in self.contacts.items():
                    if contact.id in ids:
                        self.contacts[email] = replace(contact, lists=contact.lists - {list_id})

    def _write(self, row: Mapping[str, Any], job: _Job) -> None:
        email = str(row.get("email", "")).strip().lower()
        fields = row.get("custom_fields") or {}
        known = self.contacts.get(email)
        given = {name: str(row[name]) for name in _IDENTIFIERS if row.get(name)}
        too_long = any(len(str(value)) > FIELD_CHARACTERS for value in fields.values())
        stranger = known is not None and any(given.get(name) != value for name, value in known.identifiers.items())
        if not _ADDRESS.fullmatch(email) or too_long or stranger or self._alternate(email):
            job.errored += 1
            return
        contact = known or Contact(self._new_id("contact"), email)
        kept = {key: value for key, value in {**contact.fields, **fields}.items() if value != ""}
        lists = contact.lists | frozenset(job.onto)
        self.contacts[email] = replace(contact, fields=kept, lists=lists, identifiers={**contact.identifiers, **given})
        job.created += known is None
        job.updated += known is not None

    def _shape(self, contact: Contact) -> dict[str, Any]:
        now = iso8601(self.clock.date())
        return {
            "id": contact.id,
            "email": contact.email,
            "list_ids": sorted(contact.lists),
            "segment_ids": [],
            "alternate_emails": sorted(contact.alternates),
            "custom_fields": {self.fields[key]: value for key, value in contact.fields.items()},
            "created_at": now,
            "updated_at": now,
            **contact.identifiers,
        }

    def _true(self, contact: Contact) -> dict[str, Any]:
        texts = [str(value) for key, value in contact.fields.items() if self.fields[key].startswith("headrace")]
        tags = [tag.replace("%3B", ";").replace("%25", "%") for text in texts for tag in text.split(";") if tag]
        return {"tags": sorted(tags), "lists": sorted(self.lists[key] for key in contact.lists)}

    def _new_id(self, kind: str) -> str:
        self._made += 1
        return str(uuid5(NAMESPACE_URL, f"{kind} {self._made}"))


def _token(start: int) -> str:
    return quote(base64.b64encode(str(start).encode()).decode())


def _start(token: str) -> int:
    return int(base64.b64decode(token)) if token else 0


def _list(id: str, name: str) -> dict[str, Any]:
    return {"id": id, "name": name, "contact_count": 0, "_metadata": {"self": f"{_BASE}/lists/{id}"}}


def _errors(status: int, message: str, name: str | None = None) -> Answer:
    return ok({"errors": [{"field": name, "message": message}]}, status)
