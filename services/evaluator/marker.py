"""The body of a partition's own state record: which rule sets took effect where, and the largest clock of each store.

Frozen; its bytes are one of schema, then msgpack by position. When it is written is the engine's business.
"""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from services.evaluator.dead_letter_limit import NONE, Failures

_SCHEMA: Final = bytes([1])


class Activation(Struct, frozen=True, array_like=True):
    """A rule set took effect at `offset` of this partition. `now`: the store's largest clock before it.

    `take_over`: customers in a group that is not ours are moved too. `send_effects`: entries whose effects it releases.
    """

    store: str
    version: int
    offset: int
    id: str
    now: datetime | None = None
    take_over: bool = False
    send_effects: tuple[str, ...] = ()


class Marker(Struct, frozen=True, array_like=True):
    """`activations` in offset order: those some customer has not seen yet, and each store's last.

    `failures`: the dead letters that count against the limit. `promoted`: the newest generation that took over in this
    partition, at `promoted_at`. `silent`: this generation was made by a replay and has not been promoted yet.
    """

    activations: tuple[Activation, ...] = ()
    clocks: dict[str, datetime] = {}
    failures: Failures = NONE
    promoted: int = 0
    promoted_at: int = -1
    silent: bool = False

    def with_clock(self, store: str, now: datetime) -> "Marker":
        """The larger clock wins; itself when nothing changed."""
        held = self.clocks.get(store)
        return self if held is not None and now <= held else replace(self, clocks={**self.clocks, store: now})

    def with_activation(self, activation: Activation) -> "Marker":
        """One more, at the end."""
        return replace(self, activations=(*self.activations, activation))

    def with_failures(self, failures: Failures) -> "Marker":
        """The count as it stands now; itself when nothing changed."""
        return self if failures == self.failures else replace(self, failures=failures)

    def with_promotion(self, generation: int, offset: int) -> "Marker":
        """That generation took over there."""
        return replace(self, promoted=generation, promoted_at=offset, silent=False)

    def last(self, store: str) -> Activation | None:
        """The activation in force."""
        return next((found for found in reversed(self.activations) if found.store == store), None)

    def pending(self, store: str, mark: int) -> tuple[Activation, ...]:
        """What a customer of the store whose state was changed last at `mark` has not seen, in order."""
        return tuple(found for found in self.activations if found.offset > mark and found.store == store)

    def swept(self, offset: int) -> "Marker":
        """After every customer has seen all up to `offset`: only each store's last is kept of those."""
        kept = tuple(a for a in self.activations if a.offset > offset or a == self.last(a.store))
        return self if kept == self.activations else replace(self, activations=kept)


_DECODER: Final = msgspec.msgpack.Decoder(Marker)


def encode_marker(marker: Marker) -> bytes:
    """The body of the record."""
    return _SCHEMA + msgspec.msgpack.encode(marker)


def decode_marker(body: bytes) -> Marker:
    """Empty bytes are an empty marker. Raises ValueError for what this release cannot read."""
    if not body:
        return Marker()
    if body[:1] != _SCHEMA:
        raise ValueError(f"marker of schema {body[0]}, this release reads {_SCHEMA[0]}")
    return _DECODER.decode(body[1:])
