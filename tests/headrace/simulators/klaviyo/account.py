"""A simulated account without a socket, its clock in the test's hands."""

import json
from dataclasses import dataclass, field
from typing import Any

from headrace.simulators.call import Answer, Call
from headrace.simulators.clock import StoreClock
from headrace.simulators.klaviyo import Klaviyo
from headrace.simulators.klaviyo.account import Account
from tests.headrace.platforms.openapi import Specs
from tests.headrace.simulators.harness import START, Hands

HEADERS = {"Authorization": "Klaviyo-API-Key key", "revision": "2026-07-15"}
SPECS = Specs("klaviyo", beyond={"status", "meta"})
"""Errors have a status and a meta too, as the vendor's clients show them; its files do not."""


@dataclass
class Port:
    """The account's port; every answer is held against the vendor's files where they are at hand."""

    hands: Hands = field(default_factory=Hands)
    headers: dict[str, str] = field(default_factory=lambda: dict(HEADERS))

    def __post_init__(self) -> None:
        self.clock = StoreClock(START, monotonic=self.hands)
        self.account = Account(lambda: self.clock.date().replace(microsecond=0))
        self.vendor = Klaviyo(self.account, self.clock, "key", delay_s=2.0)

    def answer(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        """One call, at least a second after the one before."""
        self.hands.real += 1.0
        return self.at_once(method, path, body, **query)

    def at_once(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        """One call now."""
        raw = b"" if body is None else json.dumps(body).encode()
        return self.vendor.answer(Call(method, path, path, query=query, raw=raw), self.headers)

    def call(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        """Status and body."""
        answer = self.answer(method, path, body, **query)
        decoded = None if answer.body is None else json.loads(answer.body)
        if SPECS.folder.is_dir() and answer.status != 413:
            assert SPECS.reply_problems(method, path, answer.status, decoded) == []
        return answer.status, decoded

    def profile(self, email: str, *, append: Any = None, unappend: Any = None, **attributes: Any) -> tuple[int, Any]:
        """POST /api/profile-import."""
        patch = {"append": append, "unappend": unappend}
        meta = {"patch_properties": {name: {"p": value} for name, value in patch.items() if value is not None}}
        data = {"type": "profile", "attributes": {"email": email, **attributes}, "meta": meta}
        return self.call("POST", "/api/profile-import", {"data": data})

    def id_of(self, email: str) -> str:
        """The id of a profile, made if it is missing."""
        return str(self.profile(email)[1]["data"]["id"])

    def list(self, name: str) -> str:
        """The id of a new list."""
        data = {"type": "list", "attributes": {"name": name}}
        return str(self.call("POST", "/api/lists", {"data": data})[1]["data"]["id"])

    def on_list(self, method: str, list_id: str, *profile_ids: str) -> int:
        """Puts profiles on a list, or takes them off."""
        data = [{"type": "profile", "id": each} for each in profile_ids]
        return self.call(method, f"/api/lists/{list_id}/relationships/profiles", {"data": data})[0]

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.hands.real += seconds
