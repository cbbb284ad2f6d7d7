"""What a simulated Klaviyo account holds, as frozen rows. Dates are the store's, in whole seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

SUBSCRIBED: Final = "SUBSCRIBED"
UNSUBSCRIBED: Final = "UNSUBSCRIBED"
NEVER: Final = "NEVER_SUBSCRIBED"


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why mail is held back; `list_id` None: all of it."""

    reason: str
    at: datetime
    list_id: str | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A person. `fields` are the vendor's own attributes besides the address, `properties` the account's."""

    id: str
    email: str
    created: datetime
    updated: datetime
    fields: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    consent: str = NEVER
    consent_at: datetime | None = None
    suppressions: tuple[Suppression, ...] = ()


@dataclass(frozen=True, slots=True)
class List:
    """A list; `members`: ids of profiles, with since when."""

    id: str
    name: str
    created: datetime
    updated: datetime
    members: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """A recorded event; `starts_flows` is false for one of the past."""

    id: str
    profile_id: str
    metric: str
    unique_id: str
    at: datetime
    properties: Mapping[str, Any]
    starts_flows: bool = True
