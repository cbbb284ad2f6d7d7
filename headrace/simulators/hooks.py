"""Webhook subscriptions of the simulated store: which scope goes where, and whether it is on.

No deliveries here.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from headrace.simulators.people import Refused
from headrace.simulators.rows import Hook

MAX_PER_SCOPE: Final = 10


class Hooks:
    """The hooks of one API account."""

    def __init__(self, now: Callable[[], datetime], elapsed: Callable[[], float], *, start_delay_s: float) -> None:
        self._now = now
        self._elapsed = elapsed
        self._start_delay_s = start_delay_s
        self.rows: dict[int, Hook] = {}
        self.emails: tuple[str, ...] = ()
        """Who is told when a hook is put to sleep or a domain blocked; no mail is simulated."""
        self._last = 0

    def create(self, fields: Mapping[str, Any]) -> Hook:
        """Raises Refused for a bad field, a second hook of scope and destination, an eleventh of a scope."""
        scope, destination = _text(fields, "scope"), _text(fields, "destination")
        if not scope.startswith("store/"):
            raise Refused(f"The scope {scope!r} is invalid")
        same_scope = [hook for hook in self.rows.values() if hook.scope == scope]
        if any(hook.destination == destination for hook in same_scope):
            raise Refused("A hook with this scope and destination already exists")
        if len(same_scope) >= MAX_PER_SCOPE:
            raise Refused(f"At most {MAX_PER_SCOPE} hooks per scope")
        self._last += 1
        now = self._now()
        hook = Hook(
            id=self._last,
            scope=scope,
            destination=destination,
            created=now,
            modified=now,
            starts_at=self._elapsed() + self._start_delay_s,
            headers=_headers(fields.get("headers")),
            is_active=bool(fields.get("is_active", True)),
        )
        self.rows[hook.id] = hook
        return hook

    def update(self, hook_id: int, fields: Mapping[str, Any]) -> Hook | None:
        """None if unknown."""
        hook = self.rows.get(hook_id)
        if hook is None:
            return None
        changes: dict[str, Any] = {key: fields[key] for key in ("scope", "destination", "is_active") if key in fields}
        if "headers" in fields:
            changes["headers"] = _headers(fields["headers"])
        self.rows[hook_id] = replace(hook, **changes, modified=self._now())
        return self.rows[hook_id]

    def delete(self, hook_id: int) -> Hook | None:
        """The deleted hook; None if unknown."""
        return self.rows.pop(hook_id, None)

    def deactivate(self, hook_id: int) -> None:
        """What the vendor does after the last retry."""
        self.update(hook_id, {"is_active": False})

    def listening(self, scope: str) -> list[Hook]:
        """Active, started hooks whose scope is this one or a `/*` above it."""
        elapsed = self._elapsed()
        return [
            hook
            for hook in self.rows.values()
            if hook.is_active and hook.starts_at <= elapsed and _matches(hook.scope, scope)
        ]


def _matches(wanted: str, scope: str) -> bool:
    return wanted == scope or (wanted.endswith("/*") and scope.startswith(wanted[:-1]))


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise Refused(f"{name} is required")
    return value


def _headers(given: object) -> tuple[tuple[str, str], ...]:
    if given is None:
        return ()
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise Refused("headers must be an object of strings")
    return tuple(given.items())
