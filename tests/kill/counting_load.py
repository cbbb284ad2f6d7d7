"""The records of a counting run: mostly plain counts, with pages, timers, graves and keys that leave no state.

What they do to a key is in `counting.py`.
"""

import random
from collections.abc import Iterator
from typing import Final

from tests.kill.cluster import PARTITIONS
from tests.kill.load import Event

_KEYS: Final = 4_000
_PAGES: Final = 6
_TICK: Final = 5
"""How far a clock record moves the clock."""


class CountingSource:
    """Records in every partition; one key in fifty is far busier than the others, one leaves no state."""

    wave = 30_000

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._clock = self._version = 0

    def events(self, count: int) -> Iterator[Event]:
        for _ in range(count):
            number = self._number()
            key = f"skip{number}" if number % 50 == 7 else f"c{number}"
            yield Event(number % PARTITIONS, key.encode(), self._value(number).encode())

    def clock(self) -> Iterator[Event]:
        self._clock += self._chance.randrange(_TICK * 2)
        return self._everywhere(f"clock {self._clock}")

    def activation(self) -> Iterator[Event]:
        self._version += 1
        return self._everywhere(f"activate {self._version}")

    def _number(self) -> int:
        number = self._chance.randrange(_KEYS)
        return number - number % 50 if self._chance.random() < 0.2 else number

    def _value(self, number: int) -> str:
        draw = self._chance.random()
        page = f"p{self._chance.randrange(_PAGES)}"
        if draw < 0.7:
            return f"+{self._chance.randrange(100)}"
        if draw < 0.85:
            return f"p{page} {self._chance.randrange(100)}"
        if draw < 0.92:
            return f"d{page}"
        # Few graves, and none among the busy keys: a grave ignores all that comes later.
        return "x" if draw > 0.999 and number % 50 else f"t{self._chance.randrange(1, 40)}"

    def _everywhere(self, value: str) -> Iterator[Event]:
        return (Event(number, b"~", value.encode()) for number in range(PARTITIONS))
