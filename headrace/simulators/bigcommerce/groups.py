"""Customer groups v2 and store information: bare JSON, 204 for an empty list.

No webhook tells of groups.
"""

from dataclasses import replace

from headrace.simulators.bigcommerce import shapes
from headrace.simulators.call import DEFAULT_LIMIT, MAX_LIMIT, Answer, Call, Routes, ok, v2_error
from headrace.simulators.people import Refused
from headrace.simulators.world import World


def routes(world: World) -> Routes:
    """The handlers of these resources."""
    api = _Groups(world)
    return {
        ("GET", "/v2/customer_groups"): api.many,
        ("POST", "/v2/customer_groups"): api.create,
        ("GET", "/v2/customer_groups/count"): api.count,
        ("GET", "/v2/customer_groups/{id}"): api.one,
        ("PUT", "/v2/customer_groups/{id}"): api.update,
        ("DELETE", "/v2/customer_groups/{id}"): api.delete,
        ("GET", "/v2/store"): api.store,
        ("GET", "/v2/time"): api.time,
        ("GET", "/v2/currencies"): api.currencies,
    }


class _Groups:
    def __init__(self, world: World) -> None:
        self._world = world
        self._people = world.people

    def many(self, call: Call) -> Answer:
        name = call.query.get("name")
        rows = [row for row in self._people.groups if name is None or row.name == name]
        limit, number = call.number("limit", DEFAULT_LIMIT, highest=MAX_LIMIT), call.number("page", 1)
        part = rows[(number - 1) * limit : number * limit]
        return ok([shapes.group(row) for row in part]) if part else Answer(204)

    def count(self, call: Call) -> Answer:
        return ok({"count": len(self._people.groups)})

    def one(self, call: Call) -> Answer:
        row = self._people.groups.now(call.ids[0])
        return _missing() if row is None else ok(shapes.group(row))

    def create(self, call: Call) -> Answer:
        fields = call.json()
        if not isinstance(fields, dict):
            return v2_error(400, "Invalid JSON request body.")
        try:
            rules = tuple(fields.get("discount_rules") or ())
            row = self._people.create_group(
                str(fields.get("name") or ""), is_default=bool(fields.get("is_default")), discount_rules=rules
            )
        except Refused as refusal:
            return v2_error(400, str(refusal))
        return ok(shapes.group(row))

    def update(self, call: Call) -> Answer:
        row = self._people.groups.now(call.ids[0])
        fields = call.json()
        if row is None:
            return _missing()
        if not isinstance(fields, dict):
            return v2_error(400, "Invalid JSON request body.")
        name, rules = str(fields.get("name", row.name)), fields.get("discount_rules", row.discount_rules)
        after = replace(row, name=name, discount_rules=tuple(rules), modified=self._world.now())
        self._people.groups.put(after)
        return ok(shapes.group(after))

    def delete(self, call: Call) -> Answer:
        return Answer(204) if self._people.delete_group(call.ids[0]) else _missing()

    def store(self, call: Call) -> Answer:
        return ok(
            {
                "id": self._world.store,
                "name": "Simulated store",
                "domain": "store.example",
                "secure_url": "https://store.example",
                "status": "live",
                "country": "United Kingdom",
                "country_code": "GB",
                "timezone": {"name": "Europe/London", "raw_offset": 0, "dst_offset": 3600, "dst_correction": False},
                "language": "en",
                "currency": "GBP",
                "currency_symbol": "£",
                "decimal_places": 2,
                "plan_name": "Simulated",
                "plan_level": "Simulated",
                "store_id": 1,
                "default_channel_id": 1,
                "is_price_entered_with_tax": True,
                "active_comparison_modules": [],
            }
        )

    def currencies(self, call: Call) -> Answer:
        """Rates are of the US dollar."""
        if call.number("page", 1) > 1:
            return Answer(204)
        rates = {"GBP": "0.8000000000", "EUR": "1.0000000000"}
        rows = [
            {
                "id": number,
                "is_default": code == "GBP",
                "currency_code": code,
                "currency_exchange_rate": rate,
                "name": code,
                "decimal_places": 2,
                "enabled": True,
                "is_transactional": True,
            }
            for number, (code, rate) in enumerate(rates.items(), start=1)
        ]
        return ok(rows)

    def time(self, call: Call) -> Answer:
        return ok({"time": int(self._world.now().timestamp())})


def _missing() -> Answer:
    # Documented as 400 on GET and DELETE, not 404.
    return v2_error(400, "The requested customer group was not found.")
