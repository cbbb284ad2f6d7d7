"""Which store's door a delivery stands at, and which stores an API key opens.

What a delivery is checked against there is in `receive` and `consent_routes`.
"""

import hmac
from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, TypeVar

import structlog

from headrace.runtime.metrics import for_store, is_by_store


class Door(Protocol):
    """Of one store."""

    @property
    def store(self) -> str: ...


D = TypeVar("D", bound=Door)


class Doors(Generic[D]):
    """The doors of one kind, by store."""

    def __init__(self, doors: Sequence[D]) -> None:
        self._by_store = {door.store: door for door in doors}

    def at(self, store: str) -> D | None:
        """The door of the store that an address names.

        A single one stands at every address: what is not genuine is refused there before what is another store's.
        """
        if len(self._by_store) == 1 and store not in self._by_store:
            return next(iter(self._by_store.values()))
        return self.enter(store) if store in self._by_store else None

    def of(self, store: str) -> D:
        """That of a store that is known."""
        return self._by_store[store]

    def enter(self, store: str) -> D:
        """The same; what this request logs and counts from now on is that store's."""
        if len(self._by_store) > 1 or is_by_store():
            for_store(store)
            structlog.contextvars.bind_contextvars(store=store)
        return self.of(store)


class ApiKeys:
    """Store by store the key that opens it; several stores may have the same."""

    def __init__(self, keys: Mapping[str, bytes | None]) -> None:
        self._opens: dict[bytes, list[str]] = {}
        for store, key in keys.items():
            if key is not None:
                self._opens.setdefault(key, []).append(store)

    def __bool__(self) -> bool:
        """Whether there is any key."""
        return bool(self._opens)

    def opened_by(self, given: str) -> Sequence[str]:
        """The stores; none for a key that is wrong. Every key is compared, each in constant time."""
        found = [stores for key, stores in self._opens.items() if hmac.compare_digest(given.encode(), key)]
        return found[0] if found else ()
