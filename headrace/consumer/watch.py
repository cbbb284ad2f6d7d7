"""The guard at work in one consumer: what it admits is counted, a pause is on disk before anything more is done.

What counts as too much is `guard`'s.
"""

import time
from typing import Final

from sqlalchemy import Connection

from headrace.consumer import guard
from headrace.consumer.guard import LIVE, Bounds, Guard, Pause
from headrace.consumer.kind import Applied, Arrival, Target
from headrace.consumer.patience import Store
from headrace.contracts.actions import Cause
from headrace.runtime.logs import log
from headrace.runtime.metrics import gauge
from headrace.runtime.process import Running

_LOOK_EVERY_S: Final = 2.0


class Watch:
    """One kind's, of one store. Without bounds it never pauses."""

    def __init__(self, kind: str, store_name: str, bounds: Bounds | None, *, store: Store, running: Running) -> None:
        self._kind = kind
        self._of = store_name
        self._guard = Guard(bounds) if bounds is not None and bounds.share else None
        self._store = store
        self._health = running.health
        self._look_at = 0.0
        self._pause: Pause | None = None

    @property
    def paused(self) -> bool:
        """True while a person has to say go."""
        return self._pause is not None

    @property
    def suspects(self) -> bool:
        """True when it is worth asking how many customers there are."""
        return self._guard is not None and not self.paused and self._guard.tripped(0) is not None

    def admitted(self, arrival: Arrival, target: Target, applied: Applied) -> None:
        """Counts a customer who is to be moved by a rule."""
        if self._guard is None or target.skip is not None:
            return
        cause = getattr(arrival.desired, "cause", None)
        held = target.observed if applied.value is None else applied.value
        if isinstance(cause, Cause) and cause.origin in LIVE and held != target.value:
            self._guard.moved(cause.rules, arrival.customer, arrival.source.timestamp)

    async def look(self, *, now: bool = False) -> None:
        """Pauses when it must, and sees whether a person (or another worker) has changed that; seldom, unless `now`."""
        if self._guard is None or (time.monotonic() < self._look_at and not now):
            return
        self._look_at = time.monotonic() + _LOOK_EVERY_S
        found = await self._store.write(self._decide)
        if found is not None and self._pause is None:
            log.error("sink.paused", kind=self._kind, entry=found.entry, moved=found.moved, customers=found.customers)
            self._health.block(found.told)
        if found is None and self._pause is not None:
            self._health.clear(self._pause.told)
            self._guard.begin_anew()
            log.info("sink.resumed", kind=self._kind)
        gauge("headrace_sink_paused", kind=self._kind).set(int(found is not None))
        self._pause = found

    def _decide(self, connection: Connection) -> Pause | None:
        assert self._guard is not None
        stands = guard.paused(connection, self._kind, self._of)
        if stands or self._pause is not None or self._guard.tripped(0) is None:
            return stands[0] if stands else None
        customers = guard.known_customers(connection, self._kind, self._of)
        tripped = self._guard.tripped(customers)
        if tripped is None:
            return None
        guard.pause(connection, self._kind, self._of, *tripped, customers)
        return guard.paused(connection, self._kind, self._of)[0]
