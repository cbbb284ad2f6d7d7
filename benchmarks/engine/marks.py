"""What a worker says while it is measured: one JSON line on stdout at its first event, half way and after the last.

Only the standard library: the peers' own environments import it too.
"""

import json
import sys
import time
from typing import TextIO


class Marks:
    """Counts folded events. `at_s` is the machine's monotonic clock, `cpu_s` what the whole process has used."""

    def __init__(self, events: int, output: TextIO = sys.stdout) -> None:
        self.seen = 0
        self._events = events
        self._half = events // 2
        self._output = output

    def folding(self, events: int = 1) -> None:
        """Before events are folded. Says "first" and "half"."""
        before = self.seen
        if before == 0:
            self.say("first")
        self.seen = before + events
        if before < self._half <= self.seen:
            self.say("half")

    @property
    def complete(self) -> bool:
        """Whether all events were counted."""
        return self.seen >= self._events

    def completing(self, events: int = 1) -> bool:
        """Whether the last event was among those just counted."""
        return self.seen - events < self._events <= self.seen

    def say(self, mark: str, events: int | None = None) -> None:
        """Writes one line."""
        seen = self.seen if events is None else events
        line = {"mark": mark, "events": seen, "at_s": time.monotonic(), "cpu_s": time.process_time()}
        self._output.write(json.dumps(line) + "\n")
        self._output.flush()
