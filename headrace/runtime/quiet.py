"""The Kafka library's own log lines kept short: the same one only every so often.

aiokafka writes some thirty lines a second while a broker is away; ours say it once (`kafka.unavailable`).
"""

import logging
import time
from collections.abc import Callable
from typing import Final

EVERY_S: Final = 10.0
_REPEATING: Final = "aiokafka"


class Seldom(logging.Filter):
    """Lets a message of one template through, then no more of it for `EVERY_S` seconds.

    Only for loggers below `name`: all others pass.
    """

    def __init__(self, name: str = _REPEATING, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(name)
        self._clock = clock
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """False drops the record."""
        if not super().filter(record):
            return True
        template, now = str(record.msg), self._clock()
        if now - self._last.get(template, -EVERY_S) < EVERY_S:
            return False
        self._last[template] = now
        return True
