"""The whole simulated world behind both vendors' ports: one store, one audience, one clock.

A pure store: no sockets, no tasks. Who wants its events (the webhook queue) sets `listener`.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from headrace.simulators.audience import Audience
from headrace.simulators.carts import Carts
from headrace.simulators.clock import StoreClock
from headrace.simulators.coupons import Coupons
from headrace.simulators.effects import Effects
from headrace.simulators.klaviyo.account import Account
from headrace.simulators.metafields import Metafields
from headrace.simulators.people import People
from headrace.simulators.price_lists import PriceLists
from headrace.simulators.segments import Segments
from headrace.simulators.trade import Trade


class World:
    """Everything that exists. Dates of rows are whole seconds, as the vendors state them."""

    def __init__(self, store: str, clock: StoreClock, *, read_lag_s: float = 0.0) -> None:
        self.store = store
        self.clock = clock
        self.listener: Callable[[str, dict[str, Any]], None] = _nobody
        self.people = People(self.now, clock.elapsed, self._emit, lag_s=read_lag_s)
        self.price_lists = PriceLists(self.now)
        self.segments = Segments(self.now, self.people)
        self.metafields = Metafields(self.now, clock.elapsed, self.people)
        self.trade = Trade(self.now, clock.elapsed, self._emit, lag_s=read_lag_s)
        self.carts = Carts(self.now, self._emit, self.trade)
        self.audience = Audience(self.now)
        self.effects = Effects()
        self.coupons = Coupons(self.now, self.effects)
        self.klaviyo = Account(self.now, self.effects)
        self.suppressed: set[str] = set()
        """Addresses that SendGrid mails nothing, in small letters."""
        self.mail_templates: dict[str, str] = {}
        """SendGrid's, id -> name."""

    def now(self) -> datetime:
        """The store's date in whole seconds."""
        return self.clock.date().replace(microsecond=0)

    def _emit(self, scope: str, data: dict[str, Any]) -> None:
        if scope == "store/customer/deleted":
            self.metafields.forget(data["id"])
        self.listener(scope, data)


def _nobody(scope: str, data: dict[str, Any]) -> None:
    """Nobody listens."""
