"""Who has what: customers of a value, values of an attribute, attributes of a store; in pages by key.

Each function is one part of the caller's transaction. A page is asked for by the last key of the one before.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from services.attributes.tables import VALUES


@dataclass(frozen=True, slots=True)
class Held:
    """An attribute that customers have: how many customers, and how many values among them."""

    name: str
    customers: int
    values: int


def customers_with(
    connection: Connection, name: str, *, store: str, value: str | None, after: str, limit: int
) -> list[str]:
    """Customers of a store that have the attribute (with this value), in key order, those after `after`."""
    query = select(VALUES.c.customer).distinct().where(VALUES.c.name == name, VALUES.c.customer > after)
    if value is not None:
        query = query.where(VALUES.c.value == value)
    query = query.where(_of(store)).order_by(VALUES.c.customer).limit(limit)
    return list(connection.execute(query).scalars())


def values_held(
    connection: Connection, name: str, *, store: str, after: str | None = None, limit: int | None = None
) -> list[tuple[str, int]]:
    """The values of an attribute with the number of customers who have each, in order, those after `after`."""
    query = select(VALUES.c.value, func.count()).where(VALUES.c.name == name, _of(store))
    if after is not None:
        query = query.where(VALUES.c.value > after)
    return [(row[0], row[1]) for row in _page(connection, query.group_by(VALUES.c.value), VALUES.c.value, limit)]


def attributes_held(
    connection: Connection, *, store: str, after: str = "", limit: int | None = None, name: str | None = None
) -> list[Held]:
    """Attributes that customers of a store have, by name, those after `after`; or the one of this name."""
    distinct = (func.count(VALUES.c.customer.distinct()), func.count(VALUES.c.value.distinct()))
    query = select(VALUES.c.name, *distinct).where(_of(store), VALUES.c.name > after)
    if name is not None:
        query = query.where(VALUES.c.name == name)
    return [Held(*row) for row in _page(connection, query.group_by(VALUES.c.name), VALUES.c.name, limit)]


def _page(connection: Connection, query: Select[Any], key: ColumnElement[str], limit: int | None) -> list[Any]:
    return list(connection.execute(query.order_by(key).limit(limit)))


def _of(store: str) -> ColumnElement[bool]:
    prefix = f"{store}:"  # compared exactly: SQLite's LIKE does not tell capitals from small letters
    return func.substr(VALUES.c.customer, 1, len(prefix)) == prefix
