"""An epoch: what was folded since the last one was closed, and its closing into the records of one transaction.

When an epoch is due and what happens when its transaction fails is `core.py`'s; how it is written `transaction.py`'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from headrace.contracts.topics import PARTITION_WIDE_KEY
from services.evaluator.engine import cures
from services.evaluator.engine.fold import Folded, Output, PartitionFold
from services.evaluator.engine.membership import Member
from services.evaluator.engine.state import Partition, encode_record


@dataclass(slots=True)
class Live:
    """A partition that is ours and restored.

    `committed`: the next source offset to be committed. `suspect`: where a chunk began that left a hole, until it is
    explained. `ended`: the fold wants no more of it.
    """

    partition: Partition
    fold: PartitionFold
    committed: int = 0
    suspect: int | None = None
    ended: bool = False

    def end(self, offset: int) -> None:
        """The fold has said that `offset` was the last one it wants."""
        self.ended = True
        self.partition.applied = min(self.partition.applied, offset)


@dataclass(slots=True)
class Epoch:
    """`touched`: partition -> whether source records were applied (else it was only swept)."""

    touched: dict[int, bool] = field(default_factory=dict)
    records: int = 0
    visits: int = 0

    @property
    def size(self) -> int:
        """What it holds, in records and swept keys."""
        return self.records + self.visits

    def applied(self, number: int, records: int) -> None:
        """Records of a partition were folded."""
        self.touched[number] = True
        self.records += records

    def swept(self, number: int, visits: int) -> None:
        """Keys of a partition were visited."""
        self.touched.setdefault(number, False)
        self.visits += visits


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction writes. `positions`: partition -> next source offset, never empty (it is the fence).

    A None in the changelog is a removed page. `notes`: what stands beside a position.
    """

    member: Member
    changelog: Mapping[int, Mapping[bytes, bytes | None]]
    outputs: tuple[Output, ...]
    positions: Mapping[int, int]
    records: int
    notes: Mapping[int, str] = field(default_factory=dict)


def close(epoch: Epoch, live: Mapping[int, Live], member: Member) -> Batch:
    """Takes what the folds changed into the partitions' state, and gives what is to be written."""
    changelog: dict[int, dict[bytes, bytes | None]] = {}
    outputs: list[Output] = []
    notes: dict[int, str] = {}
    for number, advanced in epoch.touched.items():
        folded = live[number].fold.close()
        if folded.ended_at is not None:
            live[number].end(folded.ended_at)
        if values := _take_in(live[number].partition, folded, advanced=advanced):
            changelog[number] = values
        outputs.extend(folded.outputs)
        notes[number] = folded.note
    positions = {
        number: live[number].partition.applied + 1
        for number, advanced in epoch.touched.items()
        if advanced or not cures.off("fence_every_epoch")
    }
    return Batch(member, changelog, tuple(outputs), positions, epoch.records, notes)


def _take_in(partition: Partition, folded: Folded, *, advanced: bool) -> dict[bytes, bytes | None]:
    values = {key: None if kept is None else encode_record(*kept) for key, kept in folded.changes.items()}
    highest = max((kept.mark for kept in folded.changes.values() if kept is not None), default=-1)
    # The marker tells what was applied when the last record left no live state record with its offset.
    unmarked = advanced and highest < partition.applied and not cures.off("partition_marker")
    if folded.marker is not None or unmarked:
        body = partition.marker if folded.marker is None else folded.marker
        values[PARTITION_WIDE_KEY] = encode_record(partition.applied, body)
    partition.update(values)
    return values
