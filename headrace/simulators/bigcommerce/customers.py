"""Customers v3: customers, their addresses, attributes and attribute values.

Limits and refusals as `design/vendors.md` 2.2, 2.4, 2.5 states them.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from typing import Any, Final

from headrace.simulators.bigcommerce import shapes
from headrace.simulators.bigcommerce.dates import parse_date
from headrace.simulators.bigcommerce.writes import Writes
from headrace.simulators.call import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Answer,
    Call,
    CallRefused,
    Routes,
    data,
    link,
    ok,
    page,
    pagination,
    too_many,
    v3_error,
)
from headrace.simulators.people import Refused
from headrace.simulators.rows import Customer
from headrace.simulators.world import World

BATCH: Final = 10
INCLUDED: Final = 10
_WRITABLE: Final = {
    "email": "email",
    "first_name": "first_name",
    "last_name": "last_name",
    "company": "company",
    "phone": "phone",
    "notes": "notes",
    "customer_group_id": "group_id",
}
_TEXTS: Final = frozenset(_WRITABLE) - {"customer_group_id"}
_UPDATE_FAILED: Final = "Update customers failed."


def routes(world: World, writes: Writes) -> Routes:
    """The handlers of these resources."""
    api = _Customers(world, writes)
    return {
        ("GET", "/v3/customers"): api.many,
        ("POST", "/v3/customers"): api.create,
        ("PUT", "/v3/customers"): api.update,
        ("DELETE", "/v3/customers"): api.delete,
        ("GET", "/v3/customers/addresses"): api.addresses,
        ("GET", "/v3/customers/attributes"): api.attributes,
        ("POST", "/v3/customers/attributes"): api.create_attributes,
        ("DELETE", "/v3/customers/attributes"): api.delete_attributes,
        ("GET", "/v3/customers/attribute-values"): api.values,
        ("PUT", "/v3/customers/attribute-values"): api.upsert_values,
        ("DELETE", "/v3/customers/attribute-values"): api.delete_values,
    }


class _Customers:
    def __init__(self, world: World, writes: Writes) -> None:
        self._people = world.people
        self._segments = world.segments
        self._writes = writes

    def many(self, call: Call) -> Answer:
        rows = self._filtered(call)
        _sort(rows, call.query.get("sort", "id:asc"))
        include = set((call.query.get("include") or "").split(","))

        def render(row: Customer) -> dict[str, Any]:
            return self._render(row, include)

        if "after" in call.query or "before" in call.query:
            return _cursor_page(call, rows, render)
        part, meta = pagination(call, rows)
        both: dict[str, Any] = {"pagination": meta}
        if meta["current_page"] == 1:
            both["cursor_pagination"] = _cursors(call, part, more=len(rows) > len(part))
        return ok({"data": [render(row) for row in part], "meta": both})

    def create(self, call: Call) -> Answer:
        entries = _objects(call)
        made = []
        for entry in entries:
            fields = _fields(entry)
            fields["addresses"] = [_address_fields(each) for each in entry.get("addresses", ())]
            try:
                made.append(self._people.create_customer(fields))
            except Refused as refusal:
                errors = {".customer_create": f"Error creating customers: {refusal}"}
                return v3_error(422, "Create customers failed.", errors)
        return data([self._render(row, set()) for row in made])

    def update(self, call: Call) -> Answer:
        entries = _objects(call)
        if self._count_unknown(entry.get("id") for entry in entries):
            # As recorded from the live API: the whole call, and only index 0 is named.
            return v3_error(422, _UPDATE_FAILED, {"0.id": "invalid customer ID"})
        for index, entry in enumerate(entries):
            try:
                self._people.check_group(entry.get("customer_group_id", 0))
            except Refused as refusal:
                return v3_error(422, _UPDATE_FAILED, {f"{index}.customer_group_id": str(refusal)})
        groups = [entry for entry in entries if "customer_group_id" in entry]
        unchanged = sum(self._same_group(entry) for entry in groups)
        changes = [_fields(entry) for entry in entries]
        for index, entry in enumerate(entries):
            try:
                self._people.update_customer(entry["id"], changes[index])
            except Refused as refusal:
                return v3_error(422, _UPDATE_FAILED, {f"{index}.email": str(refusal)})
        if groups:
            self._writes.group.add(len(groups), unchanged)
        rows = [self._people.customers.now(entry["id"]) for entry in entries]
        return data([self._render(row, set()) for row in rows if row is not None])

    def delete(self, call: Call) -> Answer:
        for customer_id in call.id_list("id:in") or ():
            self._people.delete_customer(customer_id)
        return Answer(204)

    def addresses(self, call: Call) -> Answer:
        owners = call.id_list("customer_id:in")
        chosen = call.id_list("id:in")
        rows = [
            (address, customer)
            for customer in self._people.customers.span()
            if owners is None or customer.id in owners
            for address in customer.addresses
            if chosen is None or address.id in chosen
        ]
        return page(call, rows, lambda pair: shapes.address(*pair))

    def attributes(self, call: Call) -> Answer:
        name = call.query.get("name")
        rows = [row for row in self._people.attributes if name is None or row.name == name]
        return page(call, rows, shapes.attribute)

    def create_attributes(self, call: Call) -> Answer:
        made = []
        for index, entry in enumerate(_objects(call)):
            try:
                made.append(self._people.create_attribute(str(entry.get("name", "")), str(entry.get("type", ""))))
            except Refused as refusal:
                return v3_error(422, "Create attributes failed.", {f"{index}.name": str(refusal)})
        return data([shapes.attribute(row) for row in made])

    def delete_attributes(self, call: Call) -> Answer:
        for attribute_id in call.id_list("id:in") or ():
            self._people.delete_attribute(attribute_id)
        return Answer(204)

    def values(self, call: Call) -> Answer:
        customers, attributes = call.id_list("customer_id:in"), call.id_list("attribute_id:in")
        if customers is None:
            rows = list(self._people.values)
        else:
            rows = [row for customer_id in customers for row in self._people.values_of(customer_id)]
        rows = [row for row in rows if attributes is None or row.attribute_id in attributes]
        return page(call, rows, shapes.attribute_value)

    def upsert_values(self, call: Call) -> Answer:
        entries = _objects(call, limit=None)
        if len({entry.get("customer_id") for entry in entries}) > BATCH:
            return too_many(BATCH)
        self._count_unknown({entry.get("customer_id") for entry in entries})
        for index, entry in enumerate(entries):
            problem = self._people.check_value(entry.get("attribute_id"), entry.get("customer_id"), entry.get("value"))
            if problem is not None:
                return v3_error(422, "Upsert attribute values failed.", {f"{index}.value": problem})
        done = [
            self._people.set_value(entry["attribute_id"], entry["customer_id"], entry["value"]) for entry in entries
        ]
        self._writes.attribute.add(len({entry["customer_id"] for entry in entries}), sum(not new for _, new in done))
        return data([shapes.attribute_value(row) for row, _ in done])

    def delete_values(self, call: Call) -> Answer:
        for value_id in call.id_list("id:in") or ():
            self._people.delete_value(value_id)
        return Answer(204)

    def _count_unknown(self, ids: Iterable[Any]) -> int:
        """How many of them no customer has."""
        unknown = sum(not (isinstance(each, int) and each in self._people.customers) for each in ids)
        self._writes.unknown_customers += unknown
        return unknown

    def _same_group(self, entry: dict[str, Any]) -> bool:
        row = self._people.customers.now(entry["id"])
        return row is not None and row.group_id == entry["customer_group_id"]

    def _filtered(self, call: Call) -> list[Customer]:
        ids, emails = call.id_list("id:in"), call.texts("email:in")
        since = _moment(call, "date_modified:min")
        if ids is not None:
            self._count_unknown(ids)
            rows = [row for each in dict.fromkeys(ids) if (row := self._people.customers.seen(each)) is not None]
        elif emails is not None:
            rows = [row for each in emails if (row := self._people.customer_by_email(each)) is not None]
        elif since is not None:
            rows = self._people.customers.changed_since(since)
        else:
            rows = list(self._people.customers.span())
        tests = _tests(call)
        return [row for row in rows if all(test(row) for test in tests)]

    def _render(self, row: Customer, include: set[str]) -> dict[str, Any]:
        values = self._people.values_of(row.id)
        shape = shapes.customer(row, attribute_count=len(values))
        if "addresses" in include:
            shape["addresses"] = [shapes.address(each, row) for each in row.addresses[:INCLUDED]]
        if "attributes" in include:
            shape["attributes"] = [shapes.attribute_value(each) for each in values[:INCLUDED]]
        if "storecredit" in include:
            shape["store_credit_amounts"] = [{"amount": shapes.number(row.store_credit)}]
        if "formfields" in include:
            shape["form_fields"] = [
                {"name": name, "value": value, "customer_id": row.id} for name, value in row.form_fields
            ]
        profile = self._segments.profile_of(row.id) if {"shopper_profile_id", "segment_ids"} & include else None
        if "shopper_profile_id" in include:
            shape["shopper_profile_id"] = "" if profile is None else profile.id
        if "segment_ids" in include:
            shape["segment_ids"] = [] if profile is None else self._segments.of_profile(profile.id)
        return shape


def _tests(call: Call) -> list[Callable[[Customer], bool]]:
    tests: list[Callable[[Customer], bool]] = []
    groups = call.id_list("customer_group_id:in")
    if groups is not None:
        tests.append(lambda row: row.group_id in groups)
    if (least := _moment(call, "date_modified:min")) is not None:
        tests.append(lambda row: row.modified >= least)
    if (most := _moment(call, "date_modified:max")) is not None:
        tests.append(lambda row: row.modified <= most)
    if (first := _moment(call, "date_created:min")) is not None:
        tests.append(lambda row: row.created >= first)
    if (last := _moment(call, "date_created:max")) is not None:
        tests.append(lambda row: row.created <= last)
    return tests


def _objects(call: Call, *, limit: int | None = BATCH) -> list[dict[str, Any]]:
    entries = call.json()
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries) or not entries:
        missing = {"id": "error.path.missing"}
        raise CallRefused(v3_error(422, "JSON data is missing or invalid", missing))
    if limit is not None and len(entries) > limit:
        raise CallRefused(too_many(limit))
    return entries


def _fields(entry: dict[str, Any]) -> dict[str, Any]:
    """What the call sets, by our names; refuses text that is none."""
    wrong = {name: "must be a string" for name in _TEXTS & entry.keys() if not isinstance(entry[name], str)}
    if wrong:
        raise CallRefused(v3_error(422, "JSON data is missing or invalid", wrong))
    return {ours: entry[theirs] for theirs, ours in _WRITABLE.items() if theirs in entry}


def _address_fields(entry: dict[str, Any]) -> dict[str, Any]:
    return {**entry, "state": entry.get("state_or_province", ""), "postcode": entry.get("postal_code", "")}


def _moment(call: Call, name: str) -> Any:
    text = call.query.get(name)
    if text is None:
        return None
    try:
        return parse_date(text)
    except ValueError:
        raise CallRefused(v3_error(422, "Invalid filter parameter(s).", {name: f"{name} is not a date"})) from None


def _sort(rows: list[Customer], order: str) -> None:
    name, _, direction = order.partition(":")
    keys: dict[str, Callable[[Customer], Any]] = {
        "id": lambda row: row.id,
        "date_created": lambda row: (row.created, row.id),
        "date_modified": lambda row: (row.modified, row.id),
        "last_name": lambda row: (row.last_name, row.id),
    }
    if name not in keys:
        raise CallRefused(v3_error(422, "Invalid sort parameter.", {"sort": f"{name} is not supported"}))
    rows.sort(key=keys[name], reverse=direction == "desc")


def _cursor(row: Customer) -> str:
    return urlsafe_b64encode(f"customer:{row.id}".encode()).decode()


def _cursors(call: Call, part: Any, *, more: bool) -> dict[str, Any]:
    limit = call.number("limit", DEFAULT_LIMIT, highest=MAX_LIMIT)
    shape: dict[str, Any] = {"count": len(part), "per_page": limit, "links": {}}
    if part:
        shape["start_cursor"], shape["end_cursor"] = _cursor(part[0]), _cursor(part[-1])
        shape["links"]["current"] = link(call)
        if more:
            shape["links"]["next"] = link(call, after=shape["end_cursor"])
    return shape


def _cursor_page(call: Call, rows: list[Customer], render: Callable[[Customer], dict[str, Any]]) -> Answer:
    limit = call.number("limit", DEFAULT_LIMIT, highest=MAX_LIMIT)
    forward = "after" in call.query
    at = _position(rows, call.query["after" if forward else "before"])
    part = rows[at + 1 : at + 1 + limit] if forward else rows[max(0, at - limit) : at]
    more = at + 1 + limit < len(rows) if forward else bool(part)
    meta = {"cursor_pagination": _cursors(call, part, more=more)}
    return ok({"data": [render(row) for row in part], "meta": meta})


def _position(rows: list[Customer], cursor: str) -> int:
    try:
        row_id = int(urlsafe_b64decode(cursor).decode().removeprefix("customer:"))
    except ValueError:
        raise CallRefused(v3_error(422, "Invalid cursor.", {"after": "cursor is not valid"})) from None
    for index, row in enumerate(rows):
        if row.id == row_id:
            return index
    # The row left the list between two pages: go on after the ids before it.
    return next((index for index, row in enumerate(rows) if row.id > row_id), len(rows)) - 1
