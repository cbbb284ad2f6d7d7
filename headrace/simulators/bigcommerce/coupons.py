"""Coupons v2: bare JSON, 204 for an empty list, amounts as texts, dates as RFC 2822.

Its traps: names are unique as codes are, and either's repeat is the same 409; there is no GET of one coupon; a PUT
without `applies_to` clears it; a DELETE without a filter deletes every coupon.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any, Final

from headrace.simulators.bigcommerce import shapes
from headrace.simulators.bigcommerce.dates import rfc2822
from headrace.simulators.call import DEFAULT_LIMIT, MAX_LIMIT, Answer, Call, CallRefused, Routes, ok, v2_error
from headrace.simulators.coupons import SINK, Coupon, Taken
from headrace.simulators.trade import UNIT
from headrace.simulators.world import World

TYPES: Final = frozenset(
    {"per_item_discount", "per_total_discount", "shipping_discount", "free_shipping", "percentage_discount"}
)
"""Those that can be made; `promotion` can only be read."""
DUPLICATE: Final = 409
"""Of a name by the vendor's word; of a code that is our reading: `[seen]` by nobody."""
_REQUIRED: Final = ("name", "code", "type", "amount", "applies_to")
_READ_ONLY: Final = ("id", "num_uses", "date_created")
_CODE: Final = re.compile(r"[a-zA-Z0-9_\ -]{1,50}")
_NAME_LENGTH: Final = 100


def routes(world: World) -> Routes:
    """The handlers of these resources."""
    api = _Coupons(world)
    return {
        ("GET", "/v2/coupons"): api.many,
        ("POST", "/v2/coupons"): api.create,
        ("DELETE", "/v2/coupons"): api.delete_many,
        ("GET", "/v2/coupons/count"): api.count,
        ("PUT", "/v2/coupons/{id}"): api.update,
        ("DELETE", "/v2/coupons/{id}"): api.delete,
    }


class _Coupons:
    def __init__(self, world: World) -> None:
        self._coupons = world.coupons
        self._effects = world.effects

    def many(self, call: Call) -> Answer:
        texts = {name: call.query[name] for name in ("id", "code", "name", "type") if call.query.get(name)}
        low, high = call.number("min_id", 1), call.number("max_id", 2**31)
        rows = [
            row
            for number, row in sorted(self._coupons.rows.items())
            if low <= number <= high
            and row.type != call.query.get("exclude_type")
            and all(str(getattr(row, name)) == text for name, text in texts.items())
        ]
        limit, page = call.number("limit", DEFAULT_LIMIT, highest=MAX_LIMIT), call.number("page", 1)
        part = rows[(page - 1) * limit : page * limit]
        return ok([_shape(row) for row in part]) if part else Answer(204)

    def count(self, call: Call) -> Answer:
        return ok({"count": len(self._coupons.rows)})

    def create(self, call: Call) -> Answer:
        given = _body(call)
        if isinstance(given.get("code"), str):
            self._effects.ask(SINK, given["code"])
        missing = next((name for name in _REQUIRED if name not in given), None)
        if missing is not None:
            return v2_error(400, f"The required field '{missing}' was not supplied.")
        return self._saved(lambda: self._coupons.create(_fields(given)), 201)

    def update(self, call: Call) -> Answer:
        row, given = self._coupons.rows.get(call.ids[0]), _body(call)
        if row is None:
            return _missing()
        cleared = {} if "applies_to" in given else {"entity": "", "ids": ()}
        return self._saved(lambda: self._coupons.change(row, {**_fields(given), **cleared}), 200)

    def delete(self, call: Call) -> Answer:
        return Answer(204) if self._coupons.delete(call.ids[0]) else _missing()

    def delete_many(self, call: Call) -> Answer:
        ids = call.id_list("id:in")
        for number in [*self._coupons.rows] if ids is None else ids:
            self._coupons.delete(number)
        return Answer(204)

    def _saved(self, save: Callable[[], Coupon], status: int) -> Answer:
        try:
            return ok(_shape(save()), status)
        except Taken as refusal:
            return v2_error(DUPLICATE, f"The field '{refusal.what}' must be unique: it is in use by another coupon.")


def _body(call: Call) -> Mapping[str, Any]:
    given = call.json()
    if not isinstance(given, dict):
        raise CallRefused(v2_error(400, "Invalid JSON request body."))
    return given


def _fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """What of a coupon is given, checked. Refuses what the vendor would."""
    for name in given:
        if name in _READ_ONLY:
            raise _refused(f"The field '{name}' cannot be written to. Please remove it from your request.")
        if name not in _READERS:
            raise _refused(f"The field '{name}' is not supported by this resource.")
    found: dict[str, Any] = {}
    for name, value in given.items():
        read = _READERS[name](value)
        if read is None:
            raise _refused(f"The field '{name}' is invalid.")
        found.update(read if name == "applies_to" else {name: None if read == "" and name == "expires" else read})
    if found.get("type") == "percentage_discount" and found.get("amount", 0) > 100 * UNIT:
        raise _refused("The field 'amount' is invalid.")
    return found


def _refused(message: str) -> CallRefused:
    return CallRefused(v2_error(400, message))


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _NAME_LENGTH else None


def _code(value: object) -> str | None:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None


def _type(value: object) -> str | None:
    return value if isinstance(value, str) and value in TYPES else None


def _amount(value: object) -> int | None:
    """Ten-thousandths of a text; a JSON number is refused."""
    try:
        amount = Decimal(value) if isinstance(value, str) else Decimal(-1)
    except InvalidOperation:
        return None
    return int(amount * UNIT) if amount.is_finite() and amount >= 0 else None


def _date(value: object) -> datetime | str | None:
    """RFC 2822 only; "" for none."""
    if value == "":
        return ""
    try:
        moment = parsedate_to_datetime(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return None if moment is None else (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _uses(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _enabled(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _applies_to(value: object) -> dict[str, Any] | None:
    if not isinstance(value, dict) or value.get("entity") not in ("products", "categories"):
        return None
    ids = value.get("ids")
    if not isinstance(ids, list) or not ids or any(_uses(one) is None for one in ids):
        return None
    return {"entity": value["entity"], "ids": tuple(ids)}


def _restricted_to(value: object) -> Mapping[str, Any] | None:
    return value if isinstance(value, dict) else {} if value == [] else None


def _methods(value: object) -> tuple[str, ...] | None:
    fits = isinstance(value, list) and all(isinstance(one, str) for one in value)
    return tuple(value) if fits and isinstance(value, list) else None


_READERS: Final[Mapping[str, Callable[[object], Any]]] = {
    "name": _name,
    "code": _code,
    "type": _type,
    "amount": _amount,
    "min_purchase": _amount,
    "expires": _date,
    "enabled": _enabled,
    "applies_to": _applies_to,
    "max_uses": _uses,
    "max_uses_per_customer": _uses,
    "restricted_to": _restricted_to,
    "shipping_methods": _methods,
}


def _shape(row: Coupon) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "type": row.type,
        "amount": shapes.amount(row.amount),
        "min_purchase": shapes.amount(row.min_purchase),
        "expires": "" if row.expires is None else rfc2822(row.expires),
        "enabled": row.enabled,
        "code": row.code,
        "applies_to": {"entity": row.entity, "ids": list(row.ids)} if row.entity else {},
        "num_uses": len(row.uses),
        "max_uses": row.max_uses,
        "max_uses_per_customer": row.max_uses_per_customer,
        "restricted_to": dict(row.restricted_to),
        "shipping_methods": list(row.shipping_methods),
        "date_created": rfc2822(row.created),
    }


def _missing() -> Answer:
    return v2_error(404, "The requested resource was not found.")
