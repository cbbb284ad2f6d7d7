"""How long the parts of a piece of work take, in wall seconds by name.

What the parts are is said by whoever does the work.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class Stopwatch:
    """Parts may come again: their times add up."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @property
    def seconds(self) -> dict[str, float]:
        """By part, to the millisecond."""
        return rounded(self._seconds)

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """What happens inside belongs to the part."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[part] = self._seconds.get(part, 0.0) + time.perf_counter() - began

    def waiting(self, part: str, given: Iterable[T]) -> Iterator[T]:
        """What is given, with the time until each comes."""
        waited = iter(given)
        while True:
            with self.of(part):
                try:
                    found = next(waited)
                except StopIteration:
                    return
            yield found


def rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    """To the millisecond."""
    return {part: round(taken, 3) for part, taken in seconds.items()}
