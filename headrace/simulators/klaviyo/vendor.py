"""The account's port: key, revision and limits before a call, then its handler. Jobs are done when they fall due."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any, Final

from headrace.simulators.call import Answer, Call, CallRefused
from headrace.simulators.clock import StoreClock
from headrace.simulators.klaviyo import consent, events, lists, profiles, wire
from headrace.simulators.klaviyo.account import Account, Invalid
from headrace.simulators.klaviyo.jobs import ImportJob, Queue, error_resource
from headrace.simulators.klaviyo.limits import EndpointLimits, Verdict

TAGS: Final = "Headrace tags"
"""The property whose values `truth` shows as tags."""
REVISIONS: Final = frozenset({"2025-10-15", "2026-01-15", "2026-04-15", "2026-07-15"})
_MOST_IMPORTED: Final = 10_000
_MOST_BYTES: Final = {"/api/profile-import": 100_000, "/api/profile-bulk-import-jobs": 5_000_000}
_IMPORTS: Final = "/api/profile-bulk-import-jobs"
Handler = Callable[[Call, str], Answer]


@dataclass(slots=True)
class Klaviyo:
    """One account (see `Vendor`). `delay_s`: from a 202 to when it is done, of elapsed time."""

    account: Account
    clock: StoreClock
    key: str
    delay_s: float = 0.5
    name: str = "klaviyo"
    connections: int | None = None
    imports: dict[str, ImportJob] = field(default_factory=dict)
    _queue: Queue = field(default_factory=Queue)
    _limits: EndpointLimits = field(default_factory=EndpointLimits)
    _routes: Mapping[tuple[str, str], Handler] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._routes = self._handlers()

    def template(self, call: Call) -> str:
        """`/api/lists/{id}/relationships/profiles`."""
        parts = call.path.rstrip("/").split("/")
        named = "/".join("{id}" if number == 3 else part for number, part in enumerate(parts))
        return named if any(path == named for _, path in self._routes) else "other"

    def overloaded(self) -> Answer:
        """Never asked: it has no limit of connections."""
        return _throttled(1)

    def truth(self) -> dict[str, Any]:
        """Profiles by address. Tags and lists as often as they are there."""
        self._queue.run(self.clock.elapsed())
        return {row.email: self._truth_of(row.id) for row in self.account.profiles.values()}

    def answer(self, call: Call, headers: Mapping[str, str]) -> Answer:
        """Key and limits first, then the revision, then the call."""
        if headers.get("Authorization") != f"Klaviyo-API-Key {self.key}":
            detail = "Missing or invalid private key."
            return wire.error(401, "not_authenticated", "Authentication credentials were not provided.", detail)
        elapsed, template = self.clock.elapsed(), self.template(call)
        verdict = self._limits.take(f"{call.method} {template}", elapsed)
        if not verdict.allowed:
            return _throttled(max(1, ceil(self.clock.real_seconds(verdict.wait_s))))
        self._queue.run(elapsed)
        found = self._checked(call, template, headers)
        return replace(found, headers={**found.headers, **self._told(verdict)})

    def _checked(self, call: Call, template: str, headers: Mapping[str, str]) -> Answer:
        if headers.get("revision") not in REVISIONS:
            detail = "Request is missing a revision header, or it names no revision."
            return wire.error(400, "invalid", "Invalid input.", detail, {"parameter": "revision"})
        handler = self._routes.get((call.method, template))
        if handler is None:
            return wire.error(404, "not_found", "Not found.", "The path does not exist.")
        if len(call.raw) > _MOST_BYTES.get(template, len(call.raw)):
            return wire.error(413, "payload_too_large", "Payload too large.", "The request is too large.")
        parts = call.path.rstrip("/").split("/")
        try:
            return handler(call, parts[3] if len(parts) > 3 else "")
        except Invalid as refusal:
            return wire.invalid(refusal)
        except CallRefused:
            return wire.error(400, "parse_error", "Malformed request.", "JSON parse error")

    def _handlers(self) -> Mapping[tuple[str, str], Handler]:
        account, members = self.account, "/api/lists/{id}/relationships/profiles"
        return {
            ("POST", "/api/profile-import"): lambda call, _: profiles.import_one(account, call),
            ("POST", "/api/profiles"): lambda call, _: profiles.create(account, call),
            ("GET", "/api/profiles"): lambda call, _: profiles.find(account, call),
            ("GET", "/api/profiles/{id}"): lambda call, key: profiles.get(account, call, key),
            ("PATCH", "/api/profiles/{id}"): lambda call, key: profiles.update(account, call, key),
            ("GET", "/api/lists"): lambda call, _: lists.find(account, call),
            ("POST", "/api/lists"): lambda call, _: lists.create(account, call),
            ("GET", "/api/lists/{id}"): lambda call, key: lists.get(account, call, key),
            ("DELETE", "/api/lists/{id}"): lambda _, key: lists.delete(account, key),
            ("GET", members): lambda call, key: lists.members(account, call, key),
            ("POST", members): lambda call, key: lists.change(account, call, key),
            ("DELETE", members): lambda call, key: lists.change(account, call, key),
            ("POST", _IMPORTS): lambda call, _: self._import(call),
            ("GET", f"{_IMPORTS}/{{id}}"): lambda call, key: self._job(key, lambda job: self._shown(call, job)),
            ("GET", f"{_IMPORTS}/{{id}}/profiles"): lambda call, key: self._job(
                key, lambda job: wire.page(call, [account.profiles[each] for each in job.profile_ids], wire.profile)
            ),
            ("GET", f"{_IMPORTS}/{{id}}/import-errors"): lambda call, key: self._job(
                key, lambda job: wire.page(call, [*enumerate(job.failed)], lambda each: error_resource(*each))
            ),
            ("POST", "/api/events"): lambda call, _: self._event(events.accept_one, call),
            ("POST", "/api/event-bulk-create-jobs"): lambda call, _: self._event(events.accept_many, call),
            **{("POST", template): self._consent for template in consent.TEMPLATES},
        }

    def _import(self, call: Call) -> Answer:
        body = call.json()
        data = (body.get("data") if isinstance(body, dict) else None) or {}
        entries = ((data.get("attributes") or {}).get("profiles") or {}).get("data")
        if not isinstance(entries, list) or not 1 <= len(entries) <= _MOST_IMPORTED:
            raise Invalid(f"1 to {_MOST_IMPORTED} profiles are required.", "/data/attributes/profiles/data")
        named = ((data.get("relationships") or {}).get("lists") or {}).get("data") or []
        list_ids = [each.get("id") for each in named]
        if any(each not in self.account.lists for each in list_ids):
            raise Invalid("The list does not exist.", "/data/relationships/lists/data")
        now, created = self.clock.elapsed(), self.clock.date().replace(microsecond=0)
        job = ImportJob(f"01SIMJOB{len(self.imports) + 1:06d}", now, now + self.delay_s, created, entries, list_ids)
        self.imports[job.id] = job
        self._queue.put(job.due, lambda: job.run(self.account))
        return wire.one(job.resource(now), f"{_IMPORTS}/{job.id}", 202)

    def _job(self, key: str, show: Callable[[ImportJob], Answer]) -> Answer:
        job = self.imports.get(key)
        return wire.missing("job", key) if job is None else show(job)

    def _shown(self, call: Call, job: ImportJob) -> Answer:
        return wire.one(job.resource(self.clock.elapsed()), call.path)

    def _event(self, accept: Callable[..., Callable[[], None]], call: Call) -> Answer:
        work = accept(self.account, call.json(), self.clock.date().replace(microsecond=0))
        self._queue.put(self.clock.elapsed() + self.delay_s, work)
        return Answer(202)

    def _consent(self, call: Call, _: str) -> Answer:
        found, work = consent.accept(self.account, call.path.rstrip("/"), call.json())
        self._queue.put(self.clock.elapsed() + self.delay_s, work)
        return found

    def _told(self, verdict: Verdict) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(verdict.limit),
            "RateLimit-Remaining": str(verdict.left),
            "RateLimit-Reset": str(max(1, ceil(self.clock.real_seconds(verdict.reset_s)))),
        }

    def _truth_of(self, key: str) -> dict[str, Any]:
        row = self.account.profiles[key]
        tags = row.properties.get(TAGS, [])
        return {
            "id": row.id,
            "tags": sorted(map(str, tags)) if isinstance(tags, list) else [str(tags)],
            "lists": sorted(each.name for each in self.account.lists_of(key)),
            "consent": row.consent,
            "suppressions": [each.reason for each in row.suppressions],
            "properties": dict(row.properties),
            "events": [each.metric for each in self.account.events if each.profile_id == key],
        }


def _throttled(seconds: int) -> Answer:
    """The only header is the one that says when to come again."""
    detail = f"Request was throttled. Expected available in {seconds} second{'s' if seconds > 1 else ''}."
    refused = wire.error(429, "throttled", "Request was throttled.", detail)
    return replace(refused, headers={"Retry-After": str(seconds)})
