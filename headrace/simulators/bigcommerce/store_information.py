"""What the store says of itself (v2): its profile, the time, its currencies. Nothing of it can be written."""

from headrace.simulators.call import Answer, Call, Routes, ok
from headrace.simulators.world import World


def routes(world: World) -> Routes:
    """The handlers of these resources."""
    api = _Store(world)
    return {("GET", "/v2/store"): api.profile, ("GET", "/v2/time"): api.time, ("GET", "/v2/currencies"): api.currencies}


class _Store:
    def __init__(self, world: World) -> None:
        self._world = world

    def profile(self, call: Call) -> Answer:
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
