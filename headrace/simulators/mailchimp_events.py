"""Mailchimp: events of members and triggers of journeys, which automations of the account answer with mail.

Its traps: an event of a member who is not subscribed is taken in and mails nobody; a journey's trigger has no field
for an id of ours, so that a repeat is a second one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from headrace.simulators.audience import member_hash
from headrace.simulators.bigcommerce.dates import iso8601, parse_date
from headrace.simulators.effects import Effects, effect_id
from headrace.simulators.rows import Member

SINK: Final = "mailchimp"
_SHORTEST: Final = 2
_LONGEST: Final = 30


class Invalid(Exception):
    """The body does not fit."""


@dataclass(frozen=True, slots=True)
class MemberEvent:
    """An event as it is kept; `automations` is false where it starts none."""

    member: str
    name: str
    at: datetime
    properties: Mapping[str, str] = field(default_factory=dict)
    automations: bool = True

    def shape(self) -> dict[str, Any]:
        """As the vendor lists it."""
        return {"occurred_at": iso8601(self.at), "name": self.name, "properties": dict(self.properties)}


@dataclass(slots=True)
class MemberEvents:
    """Events in the order they came; `triggers`: (journey, step, address) as often as they were triggered."""

    now: Callable[[], datetime]
    effects: Effects
    events: list[MemberEvent] = field(default_factory=list)
    triggers: list[tuple[int, int, str]] = field(default_factory=list)

    def of(self, member: Member) -> list[MemberEvent]:
        """The newest first."""
        return [event for event in reversed(self.events) if event.member == member_hash(member.email)]

    def record(self, member: Member, fields: object) -> None:
        """POST of an event; a repeat is recorded again. Raises Invalid."""
        event = _read(member, fields, self.now())
        self.events.append(event)
        key = effect_id(*event.properties.values()) or f"event/{event.name}/{event.member}"
        self.effects.ask(SINK, key)
        reaches = event.automations and member.status == "subscribed"
        self.effects.take(SINK, key, self.now(), to=member.email, reaches=reaches, name=event.name)

    def trigger(self, member: Member, journey: int, step: int) -> None:
        """A contact enters a step of a journey, once more."""
        self.triggers.append((journey, step, member.email))
        key = f"journey/{journey}/{step}/{member_hash(member.email)}"
        self.effects.ask(SINK, key)
        self.effects.take(SINK, key, self.now(), to=member.email, journey=journey, step=step)


def _read(member: Member, fields: object, now: datetime) -> MemberEvent:
    given = fields if isinstance(fields, dict) else {}
    name, properties = given.get("name"), given.get("properties") or {}
    if not isinstance(name, str) or not _SHORTEST <= len(name) <= _LONGEST:
        raise Invalid(f"The event's name must be {_SHORTEST} to {_LONGEST} characters.")
    if not isinstance(properties, dict) or not all(isinstance(value, str) for value in properties.values()):
        raise Invalid("Properties must be texts.")
    try:
        at = parse_date(str(given["occurred_at"])) if given.get("occurred_at") else now
    except ValueError:
        raise Invalid("occurred_at must be a date.") from None
    return MemberEvent(member_hash(member.email), name, at, properties, given.get("is_syncing") is not True)
