"""The seam of the engine: what it asks of whoever gives the records their meaning, and what it gives in return.

Only protocols and plain carriers live here; the engine's own parts and every real fold live elsewhere.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


class SourceRecord(Protocol):
    """One record of the source topic, as aiokafka gives it (`timestamp` in ms)."""

    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def timestamp(self) -> int: ...


class Output(NamedTuple):
    """One record to be written in the epoch's transaction. `topic` is the full name."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class Stored(NamedTuple):
    """A state record: `mark` is the source offset that changed it last, `body` the fold's bytes."""

    mark: int
    body: bytes


@dataclass(slots=True)
class Folded:
    """What a partition's fold changed since it was asked last.

    A mark never goes back, and is at most the last offset applied. None removes a record, which only a page may be:
    whoever was once there keeps a mark. `marker` is the body of the partition's own record when it changed, else None.
    `note` (at most 200 bytes) is kept beside the partition's committed offset, for whoever reads the group's offsets.
    `ended_at`: the last offset this fold wants of the partition; what lies behind it is for others, and is dropped.
    """

    changes: Mapping[bytes, Stored | None] = field(default_factory=dict)
    outputs: Iterable[Output] = ()
    marker: bytes | None = None
    note: str = ""
    ended_at: int | None = None


class Swept(NamedTuple):
    """What a slice of a sweep did: keys changed, and whether there is more to visit."""

    changed: int
    more: bool


class PartitionView(Protocol):
    """The committed and pending state of one partition, to be read only."""

    @property
    def number(self) -> int: ...

    @property
    def applied(self) -> int:
        """The last source offset applied, -1 for none."""

    @property
    def marker(self) -> bytes:
        """The body of the partition's own record, empty when it has none."""

    def get(self, key: bytes) -> Stored | None: ...

    def keys(self) -> Iterable[bytes]:
        """All keys but pages and the partition's own; not to be held while records are folded."""

    def pages(self, key: bytes) -> Collection[bytes]:
        """The keys of its pages (`key#name`), in no order."""


class PartitionFold(Protocol):
    """The fold of one partition, from its restore to its revocation.

    None of it may raise but `FatalError`: then nothing of the open epoch is written, and the process ends with it.
    """

    async def prepare(self, records: Sequence[SourceRecord]) -> None:
        """Waits for whatever the records need that is not there yet. Changes no state."""

    def apply(self, records: Sequence[SourceRecord]) -> None:
        """Folds records, in offset order, each exactly once in the life of the partition's state."""

    def sweep(self, budget: int) -> Swept:
        """Works off what no record waits for, until about `budget` keys were changed."""

    def close(self) -> Folded:
        """What `apply` and `sweep` changed since the last call."""


class Fold(Protocol):
    """Gives each restored partition its fold."""

    def open(self, view: PartitionView) -> PartitionFold: ...
