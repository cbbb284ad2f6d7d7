"""What Klaviyo takes in with 202 and does a while later, perhaps in part: imports, subscriptions, suppressions, events.

Due times are elapsed time; who asks says how late it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from headrace.simulators.klaviyo.account import Account, Invalid
from headrace.simulators.klaviyo.wire import HOST, Resource, date

_STARTED: Final = 0.3
"""The part of a job's delay after which it is no longer queued."""


@dataclass(slots=True)
class ImportJob:
    """A bulk import; `failed`: the resources it did not take, and why."""

    id: str
    taken_at: float
    due: float
    created: datetime
    entries: list[Any]
    list_ids: list[str]
    done: bool = False
    profile_ids: list[str] = field(default_factory=list)
    failed: list[tuple[Mapping[str, Any], Invalid]] = field(default_factory=list)

    def status(self, elapsed: float) -> str:
        """queued, processing, complete."""
        if self.done:
            return "complete"
        return "queued" if elapsed < self.taken_at + (self.due - self.taken_at) * _STARTED else "processing"

    def resource(self, elapsed: float) -> Resource:
        """As the vendor shows it."""
        status = self.status(elapsed)
        attributes = {
            "status": status,
            "created_at": date(self.created),
            "total_count": len(self.entries),
            "completed_count": len(self.profile_ids),
            "failed_count": len(self.failed),
            "completed_at": date(self.created + timedelta(seconds=self.due - self.taken_at)) if self.done else None,
            "expires_at": date(self.created + timedelta(days=7)),
            "started_at": None if status == "queued" else date(self.created),
        }
        links = {"self": f"{HOST}/api/profile-bulk-import-jobs/{self.id}"}
        return {"type": "profile-bulk-import-job", "id": self.id, "attributes": attributes, "links": links}

    def run(self, account: Account) -> None:
        """All that can be done; one entry's failure does not touch the others."""
        for number, entry in enumerate(self.entries):
            where = f"/data/attributes/profiles/data/{number}"
            fields = entry if isinstance(entry, dict) else {}
            try:
                row, _ = account.upsert(fields, where=where)
                self.profile_ids.append(row.id)
            except Invalid as refusal:
                self.failed.append((fields, refusal))
        for list_id in self.list_ids:
            account.add(list_id, self.profile_ids)
        self.done = True


def error_resource(number: int, failure: tuple[Mapping[str, Any], Invalid]) -> Resource:
    """One entry of an import's errors."""
    entry, refusal = failure
    attributes = {
        "code": "invalid",
        "title": "Invalid input.",
        "detail": refusal.detail,
        "source": {"pointer": refusal.pointer},
        "original_payload": dict(entry),
    }
    return {"type": "import-error", "id": f"{number:08d}-0000-4000-8000-000000000000", "attributes": attributes}


class Queue:
    """Work in the order in which it falls due."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, Callable[[], None]]] = []

    def put(self, due: float, work: Callable[[], None]) -> None:
        """To be done then."""
        self._waiting.append((due, work))

    def run(self, elapsed: float) -> None:
        """What is due by now."""
        due = sorted((entry for entry in self._waiting if entry[0] <= elapsed), key=lambda entry: entry[0])
        self._waiting = [entry for entry in self._waiting if entry[0] > elapsed]
        for _, work in due:
            work()
