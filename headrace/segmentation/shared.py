"""What is made of an object that many customers share, made once for it."""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")
M = TypeVar("M")
_KEPT: Final = 4096


class Shared(Generic[T, M]):
    """By the object itself, not by what it is equal to: objects that nobody else has are made anew each time."""

    def __init__(self, make: Callable[[T], M]) -> None:
        self._make = make
        self._known: dict[int, tuple[T, M]] = {}

    def of(self, one: T) -> M:
        """What is made of it."""
        known = self._known.get(id(one))
        if known is not None:  # it is kept, so that nothing else can have come to stand where it stands
            return known[1]
        if len(self._known) >= _KEPT:
            self._known.clear()
        made = self._make(one)
        self._known[id(one)] = one, made
        return made

    def clear(self) -> None:
        """Forgets all of it."""
        self._known.clear()
