"""Metafields of the simulated store's customers: a text under a namespace and a key, once for a customer. No HTTP."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from headrace.simulators.people import People, Refused
from headrace.simulators.table import Table

MAX_NAME: Final = 64
MAX_VALUE: Final = 65_535
MAX_OF_CUSTOMER: Final = 250
PERMISSIONS: Final = frozenset({"app_only", "read", "write", "read_and_sf_access", "write_and_sf_access"})


@dataclass(frozen=True, slots=True)
class Metafield:
    """One row."""

    id: int
    customer_id: int
    namespace: str
    key: str
    value: str
    permission_set: str
    description: str
    created: datetime
    modified: datetime


class Conflict(Refused):
    """The customer has this namespace and key already."""


class Metafields:
    """All of them, by id and by customer."""

    def __init__(self, now: Callable[[], datetime], elapsed: Callable[[], float], people: People) -> None:
        self._now = now
        self._people = people
        self.rows: Table[Metafield] = Table(elapsed)
        self._of: dict[int, dict[tuple[str, str], int]] = {}

    def of_customer(self, customer_id: int) -> Iterator[Metafield]:
        """Every metafield of a customer, in the order they were made."""
        for row_id in self._of.get(customer_id, {}).values():
            if (row := self.rows.now(row_id)) is not None:
                yield row

    def create(self, customer_id: object, fields: Mapping[str, Any]) -> Metafield:
        """Raises Conflict, or Refused for an unknown customer, wrong fields, or more than 250."""
        if not isinstance(customer_id, int) or customer_id not in self._people.customers:
            raise Refused("The customer was not found.")
        checked = _checked(fields, needed=("namespace", "key", "value", "permission_set"))
        held = self._of.setdefault(customer_id, {})
        name = (checked["namespace"], checked["key"])
        if name in held:
            raise Conflict("The metafield conflicts with another metafield.")
        if len(held) >= MAX_OF_CUSTOMER:
            raise Refused(f"A customer may have at most {MAX_OF_CUSTOMER} metafields")
        now = self._now()
        row = Metafield(
            id=self.rows.next_id(),
            customer_id=customer_id,
            created=now,
            modified=now,
            **{"description": "", **checked},
        )
        held[name] = row.id
        self.rows.put(row)
        return row

    def update(self, metafield_id: object, fields: Mapping[str, Any]) -> tuple[Metafield, bool]:
        """The row and whether it changed; raises Refused for an unknown one or wrong fields."""
        row = self.rows.now(metafield_id) if isinstance(metafield_id, int) else None
        if row is None:
            raise Refused("The metafield was not found.")
        checked = _checked(fields, needed=())
        changed = {name: value for name, value in checked.items() if getattr(row, name) != value}
        if not changed:
            return row, False
        held = self._of[row.customer_id]
        after = replace(row, **changed, modified=self._now())
        if held.get((after.namespace, after.key), row.id) != row.id:
            raise Conflict("The metafield conflicts with another metafield.")
        del held[row.namespace, row.key]
        held[after.namespace, after.key] = row.id
        self.rows.put(after)
        return after, True

    def delete(self, metafield_id: int) -> bool:
        """False if unknown."""
        row = self.rows.now(metafield_id)
        if row is None:
            return False
        self.rows.delete(metafield_id)
        del self._of[row.customer_id][row.namespace, row.key]
        return True

    def forget(self, customer_id: int) -> None:
        """The customer was deleted."""
        for row_id in self._of.pop(customer_id, {}).values():
            self.rows.delete(row_id)


def _checked(fields: Mapping[str, Any], *, needed: tuple[str, ...]) -> dict[str, Any]:
    limits = {"namespace": (1, MAX_NAME), "key": (1, MAX_NAME), "value": (1, MAX_VALUE), "description": (0, 255)}
    found = {name: fields[name] for name in (*limits, "permission_set") if name in fields}
    for name in needed:
        if name not in found:
            raise Refused(f"{name} is required")
    for name, value in found.items():
        if not isinstance(value, str):
            raise Refused(f"{name} must be a string")
        least, most = limits.get(name, (0, MAX_VALUE))
        if not least <= len(value) <= most:
            raise Refused(f"{name} must have {least} to {most} characters")
    if found.get("permission_set", "read") not in PERMISSIONS:
        raise Refused("permission_set is not valid")
    return found
