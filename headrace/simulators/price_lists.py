"""The simulated store's price lists, and which groups have them by an assignment. Their prices are not simulated."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from headrace.simulators.people import Refused


@dataclass(frozen=True, slots=True)
class PriceList:
    """A price list."""

    id: int
    name: str
    created: datetime


@dataclass(frozen=True, slots=True)
class Assignment:
    """A price list that a group has for a channel."""

    id: int
    price_list_id: int
    group_id: int
    channel_id: int


@dataclass(slots=True)
class PriceLists:
    """By id; of a group and channel there is one assignment."""

    now: Callable[[], datetime]
    rows: dict[int, PriceList] = field(default_factory=dict)
    assignments: dict[tuple[int, int], Assignment] = field(default_factory=dict)

    def __contains__(self, number: int) -> bool:
        return number in self.rows

    def create(self, name: str) -> PriceList:
        """Raises Refused without a name or for one in use."""
        if not name or any(row.name == name for row in self.rows.values()):
            raise Refused("The field 'name' is invalid.")
        row = PriceList(len(self.rows) + 1, name, self.now())
        self.rows[row.id] = row
        return row

    def assign(self, number: int, group_id: int, channel_id: int) -> Assignment:
        """In place of another of this group and channel."""
        old = self.assignments.get((group_id, channel_id))
        row = Assignment(len(self.assignments) + 1 if old is None else old.id, number, group_id, channel_id)
        self.assignments[group_id, channel_id] = row
        return row
