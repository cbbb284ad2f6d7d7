"""Newsletter subscribers v3: by e-mail, consents as a list, and a DELETE that without a filter takes everybody."""

from collections.abc import Callable
from typing import Any, Final

from headrace.simulators.bigcommerce import shapes
from headrace.simulators.bigcommerce.dates import parse_date
from headrace.simulators.call import Answer, Call, CallRefused, Routes, data, page, v3_error
from headrace.simulators.rows import Subscriber
from headrace.simulators.world import World

_PURPOSES: Final = frozenset({"marketing_newsletter", "abandoned_cart"})
_NAMES: Final = ("first_name", "last_name")


def routes(world: World) -> Routes:
    """The handlers of these resources."""
    api = _Subscribers(world)
    return {
        ("GET", "/v3/customers/subscribers"): api.many,
        ("POST", "/v3/customers/subscribers"): api.create,
        ("DELETE", "/v3/customers/subscribers"): api.delete_many,
        ("GET", "/v3/customers/subscribers/{id}"): api.one,
        ("PUT", "/v3/customers/subscribers/{id}"): api.update,
        ("DELETE", "/v3/customers/subscribers/{id}"): api.delete,
    }


class _Subscribers:
    def __init__(self, world: World) -> None:
        self._people = world.people

    def many(self, call: Call) -> Answer:
        emails = call.texts("email:in") or call.texts("email")
        if emails is None:
            rows = list(self._people.subscribers)
        else:
            found = (self._people.subscriber_by_email(email) for email in emails)
            rows = [row for row in found if row is not None]
        return page(call, [row for row in rows if _since(call)(row)], shapes.subscriber)

    def one(self, call: Call) -> Answer:
        row = self._people.subscribers.now(call.ids[0])
        return _missing() if row is None else data(shapes.subscriber(row))

    def create(self, call: Call) -> Answer:
        fields = _fields(call)
        email = fields.get("email")
        if not isinstance(email, str) or "@" not in email:
            return v3_error(422, "JSON data is missing or invalid", {"email": "email is not valid"})
        if self._people.subscriber_by_email(email) is not None:
            return v3_error(409, "The subscriber exists already.")
        names = {name: str(fields[name]) for name in _NAMES if name in fields}
        source = str(fields.get("source") or "custom")
        row = self._people.subscribe(email, _consents(fields) or (), source=source, **names)
        return data(shapes.subscriber(row))

    def update(self, call: Call) -> Answer:
        row = self._people.subscribers.now(call.ids[0])
        if row is None:
            return _missing()
        consents = _consents(_fields(call))
        after = row if consents is None else self._people.subscribe(row.email, consents)
        return data(shapes.subscriber(after))

    def delete(self, call: Call) -> Answer:
        if call.ids[0] not in self._people.subscribers:
            return _missing()
        self._people.delete_subscriber(call.ids[0])
        return Answer(204)

    def delete_many(self, call: Call) -> Answer:
        """Those that a filter names; without any, all there are."""
        emails = call.texts("email")
        rows = list(self._people.subscribers)
        for row in rows:
            if emails is None or row.email in emails:
                self._people.delete_subscriber(row.id)
        return Answer(204)


def _fields(call: Call) -> dict[str, Any]:
    fields = call.json()
    if not isinstance(fields, dict):
        raise CallRefused(v3_error(422, "JSON data is missing or invalid"))
    return fields


def _consents(fields: dict[str, Any]) -> tuple[str, ...] | None:
    given = fields.get("consents")
    if given is None:
        return None
    if not isinstance(given, list) or not _PURPOSES.issuperset(given):
        raise CallRefused(v3_error(422, "JSON data is missing or invalid", {"consents": "consents is not valid"}))
    return tuple(given)


def _since(call: Call) -> Callable[[Subscriber], bool]:
    text = call.query.get("date_modified:min")
    if text is None:
        return lambda row: True
    try:
        moment = parse_date(text)
    except ValueError:
        problem = {"date_modified:min": "date_modified:min is not a date"}
        raise CallRefused(v3_error(422, "Invalid filter parameter(s).", problem)) from None
    return lambda row: row.modified >= moment


def _missing() -> Answer:
    return v3_error(404, "The requested subscriber was not found.")
