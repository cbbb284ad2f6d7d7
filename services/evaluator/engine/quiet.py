"""The libraries' own logs kept short: warnings and worse, and the same one only every so often.

aiokafka writes some thirty lines a second while a broker is away; ours say it once (`kafka.unavailable`).
"""

import logging
import time
from collections.abc import Callable
from typing import Final

_WARN: Final = ("faust", "mode", "aiokafka")
_REPEATING: Final = (
    "aiokafka",
    "aiokafka.conn",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "services.evaluator.engine.table",
)
EVERY_S: Final = 10.0


class Seldom(logging.Filter):
    """Lets a message of one template through, then no more of it for `EVERY_S` seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """False drops the record."""
        template, now = str(record.msg), self._clock()
        if now - self._last.get(template, -EVERY_S) < EVERY_S:
            return False
        self._last[template] = now
        return True


def quieten() -> None:
    """For this process; the root logger is left as it is."""
    for name in _WARN:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _REPEATING:
        logging.getLogger(name).addFilter(Seldom())
