"""The simulated store's customer segments and shopper profiles. Ids are UUIDs, the same for the same history."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from headrace.simulators.people import People, Refused

MOST_SEGMENTS = 1000


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment."""

    id: str
    name: str
    description: str
    created: datetime


@dataclass(frozen=True, slots=True)
class ShopperProfile:
    """Stands for a customer; guests have none."""

    id: str
    customer_id: int
    created: datetime


@dataclass(slots=True)
class Segments:
    """By id, with their members."""

    now: Callable[[], datetime]
    people: People
    rows: dict[str, Segment] = field(default_factory=dict)
    profiles: dict[str, ShopperProfile] = field(default_factory=dict)
    members: dict[str, dict[str, None]] = field(default_factory=dict)

    def create(self, name: str, description: str) -> Segment:
        """Raises Refused without a name, or for one too many."""
        if not name or len(self.rows) >= MOST_SEGMENTS:
            raise Refused("The segment was not valid.")
        row = Segment(_uuid(f"segment {len(self.rows)}"), name, description, self.now())
        self.rows[row.id] = row
        self.members[row.id] = {}
        return row

    def profile(self, customer_id: object) -> ShopperProfile:
        """The customer's, made when there is none. Raises Refused for nobody's."""
        if not isinstance(customer_id, int) or customer_id not in self.people.customers:
            raise Refused("invalid customer ID")
        number = _uuid(f"profile {customer_id}")
        return self.profiles.setdefault(number, ShopperProfile(number, customer_id, self.now()))

    def profile_of(self, customer_id: int) -> ShopperProfile | None:
        """None when it was never made."""
        return self.profiles.get(_uuid(f"profile {customer_id}"))

    def of_profile(self, profile_id: str) -> list[str]:
        """The segments it is in."""
        return [segment for segment, members in self.members.items() if profile_id in members]


def _uuid(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, name))
