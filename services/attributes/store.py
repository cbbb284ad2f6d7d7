"""The values we keep of each customer; SQLAlchemy Core on SQLite and PostgreSQL.

Each function is one part of the caller's transaction; versions are compared here, so an older record changes nothing.
Who has what is asked in `queries`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from headrace.contracts.actions import DesiredAttributes, Version
from services.attributes.bulk import delete_rows, replace_rows, rows_of
from services.attributes.tables import VALUES, VERSIONS

_VERSION: Final = msgspec.json.Decoder(Version)


@dataclass(frozen=True, slots=True)
class Value:
    """One value of one attribute. `since`: the time (RFC 3339) and `version` of the action that first named it."""

    name: str
    value: str
    source: str
    since: str
    version: Version


def keep(connection: Connection, desired: Sequence[tuple[DesiredAttributes, datetime]]) -> list[bool]:
    """Takes these in, in order, each with its record's time; False for one that is older than what is kept."""
    customers = list(dict.fromkeys(one.customer for one, _ in desired))
    versions = _versions(connection, customers)
    known_before = dict(versions)
    found = _by_customer(_rows(connection, list(versions)))  # who has no version has no values
    before = {customer: found.get(customer, {}) for customer in customers}
    after = dict(before)
    accepted = []
    for one, at in desired:
        known = versions.get(one.customer)
        accepted.append(known is None or one.version >= known)
        if accepted[-1]:
            versions[one.customer] = one.version
            after[one.customer] = _merge(after[one.customer], one, at)
    _write(connection, before, after)
    changed = {customer: one for customer, one in versions.items() if known_before.get(customer) != one}
    rows = [{"customer": customer, "version": _text(version)} for customer, version in changed.items()]
    replace_rows(connection, VERSIONS, rows)
    return accepted


def values_of(connection: Connection, customer: str) -> list[Value]:
    """All values of a customer, by name and value."""
    found = _by_customer(_rows(connection, [customer])).get(customer, {})
    return [found[key] for key in sorted(found)]


_Values = dict[tuple[str, str], Value]


def _merge(before: Mapping[tuple[str, str], Value], desired: DesiredAttributes, at: datetime) -> _Values:
    """What stays keeps its `since`."""
    since = at.isoformat().replace("+00:00", "Z")
    found: _Values = {}
    for name, values in desired.present.items():
        for value in values:
            source = desired.sources.get(name, {}).get(value, "")
            old = before.get((name, value))
            found[name, value] = (
                Value(name, value, source, since, desired.version)
                if old is None
                else Value(name, value, source or old.source, old.since, old.version)
            )
    return found


def _write(connection: Connection, before: Mapping[str, _Values], after: Mapping[str, _Values]) -> None:
    gone = [(customer, *key) for customer, values in before.items() for key in values if key not in after[customer]]
    delete_rows(connection, VALUES, gone)
    changed = [
        _row(customer, value)
        for customer, values in after.items()
        for key, value in values.items()
        if before[customer].get(key) != value
    ]
    replace_rows(connection, VALUES, changed)


def _row(customer: str, value: Value) -> dict[str, Any]:
    return {
        "customer": customer,
        "name": value.name,
        "value": value.value,
        "source": value.source,
        "since": value.since,
        "version": _text(value.version),
    }


def _rows(connection: Connection, customers: Sequence[str]) -> Iterable[tuple[str, Value]]:
    for row in rows_of(connection, VALUES, customers):
        yield row.customer, Value(row.name, row.value, row.source, row.since, _VERSION.decode(row.version))


def _by_customer(rows: Iterable[tuple[str, Value]]) -> dict[str, _Values]:
    found: dict[str, _Values] = {}
    for customer, value in rows:
        found.setdefault(customer, {})[value.name, value.value] = value
    return found


def _versions(connection: Connection, customers: Sequence[str]) -> dict[str, Version]:
    return {row.customer: _VERSION.decode(row.version) for row in rows_of(connection, VERSIONS, customers)}


def _text(version: Version) -> str:
    return msgspec.json.encode(version).decode()
