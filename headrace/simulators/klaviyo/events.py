"""Events: taken in with 202, recorded a while later, a repeat dropped in silence; in bulk a repeat fails the call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from headrace.simulators.bigcommerce.dates import parse_date
from headrace.simulators.klaviyo.account import SINK, Account, Invalid, event_key

MOST_EVENTS: Final = 1000
_MOST_PROPERTIES: Final = 400
_METRIC_LENGTH: Final = 128


@dataclass(frozen=True, slots=True)
class Given:
    """An event as it was sent, read and checked."""

    profile: Mapping[str, Any]
    metric: str
    unique_id: str
    at: datetime
    properties: Mapping[str, Any]
    flows: bool


def accept_one(account: Account, body: Any, now: datetime) -> Callable[[], None]:
    """What is to be done later. Raises Invalid."""
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict) or data.get("type") != "event":
        raise Invalid("An event is required.", "/data")
    attributes = data.get("attributes") or {}
    given = _read(attributes, attributes.get("profile"), now, "/data", past=bool(attributes.get("backfill")))
    return _asked(account, [given])


def accept_many(account: Account, body: Any, now: datetime) -> Callable[[], None]:
    """The same for a bulk call. Raises Invalid, for a repeat too: then nothing of the call is recorded."""
    data = body.get("data") if isinstance(body, dict) else None
    entries = (((data or {}).get("attributes") or {}).get("events-bulk-create") or {}).get("data")
    where = "/data/attributes/events-bulk-create/data"
    if not isinstance(entries, list) or not entries:
        raise Invalid("Events are required.", where)
    given = []
    for number, entry in enumerate(entries):
        attributes = entry.get("attributes") or {}
        for event in (attributes.get("events") or {}).get("data") or []:
            place, past = f"{where}/{number}", bool(attributes.get("backfill"))
            given.append(_read(event.get("attributes") or {}, attributes.get("profile"), now, place, past=past))
    if not 1 <= len(given) <= MOST_EVENTS:
        raise Invalid(f"1 to {MOST_EVENTS} events are required.", where)
    seen: set[tuple[str, str, str]] = set()
    for one in given:
        person = account.by_email(str(one.profile["attributes"]["email"]))
        recorded = {(e.metric, e.unique_id) for e in account.events if person and e.profile_id == person.id}
        key = (str(one.profile["attributes"]["email"]).lower(), one.metric, one.unique_id)
        if key in seen or (one.metric, one.unique_id) in recorded:
            raise Invalid("Duplicate event.", where)
        seen.add(key)
    return _asked(account, given)


def _read(attributes: Mapping[str, Any], profile: Any, now: datetime, where: str, *, past: bool) -> Given:
    name = (((attributes.get("metric") or {}).get("data") or {}).get("attributes") or {}).get("name")
    if not isinstance(name, str) or not 0 < len(name) < _METRIC_LENGTH:
        raise Invalid("The metric's name is required.", f"{where}/attributes/metric/data/attributes/name")
    person = (profile or {}).get("data") or {}
    if not isinstance((person.get("attributes") or {}).get("email"), str):
        raise Invalid("An identifier is required.", f"{where}/attributes/profile/data/attributes")
    properties = attributes.get("properties")
    if not isinstance(properties, dict) or len(properties) > _MOST_PROPERTIES:
        raise Invalid(f"At most {_MOST_PROPERTIES} properties.", f"{where}/attributes/properties")
    at = _time(attributes.get("time"), now, where)
    unique = attributes.get("unique_id") or str(int(at.timestamp()))
    return Given(person, name, str(unique), at, properties, not past)


def _time(value: Any, now: datetime, where: str) -> datetime:
    try:
        at = now if value is None else parse_date(str(value)).replace(microsecond=0)
    except ValueError:
        raise Invalid("Not a date.", f"{where}/attributes/time") from None
    if at.year <= 1990 or at > now + timedelta(days=366):
        raise Invalid("The time is too far away.", f"{where}/attributes/time")
    return at


def _asked(account: Account, events: Sequence[Given]) -> Callable[[], None]:
    for event in events:
        account.effects.ask(SINK, event_key(str(event.profile["attributes"]["email"]), event.metric, event.unique_id))
    return lambda: _record(account, events)


def _record(account: Account, events: Sequence[Given]) -> None:
    for event in events:
        row, _ = account.upsert(event.profile)
        account.record(row, event.metric, event.unique_id, event.at, event.properties, flows=event.flows)
