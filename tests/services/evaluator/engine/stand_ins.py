"""What stands where Kafka would be in the engine's tests in memory: records, where a consumer is, what was committed.

What a log or a group does beyond that is `world.py`'s.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from services.evaluator.engine.epoch import Batch
from services.evaluator.engine.fold import Output
from services.evaluator.engine.producer import Aborted, Written
from services.evaluator.engine.state import Partition

KEY = b"a"


@dataclass(frozen=True)
class Record:
    offset: int
    key: bytes = KEY
    value: bytes = b"1"
    timestamp: int = 0


@dataclass
class Positions:
    """Remembers rewinds; an era for each."""

    rewinds: list[tuple[int, int]] = field(default_factory=list)

    def rewind(self, partition: int, offset: int) -> None:
        self.rewinds.append((partition, offset))

    def era(self, partition: int) -> int:
        return len([one for one in self.rewinds if one[0] == partition])


@dataclass
class Log:
    """Stands for the changelog: what was committed; `answers` are given before commits succeed again.

    Commits wait for `hold`. `restored`: which partitions were read back, at each restore.
    """

    committed: list[Batch] = field(default_factory=list)
    answers: list[Aborted] = field(default_factory=list)
    log_start: int = 0
    restored: list[set[int]] = field(default_factory=list)
    hold: asyncio.Event | None = None
    begun: int = 0

    async def start(self, kept: Collection[int] = ()) -> None:
        return None

    async def write(self, batch: Batch) -> Written | Aborted:
        self.begun += 1
        await (self.hold.wait() if self.hold else asyncio.sleep(0))
        if self.answers:
            return self.answers.pop(0)
        self.committed.append(batch)
        return Written(0.0)

    async def restore(self, numbers: Iterable[int], wanted: Callable[[], bool]) -> dict[int, Partition] | None:
        partitions = self.read(numbers)
        self.restored.append(set(partitions))
        return partitions

    def read(self, numbers: Iterable[int]) -> dict[int, Partition]:
        """The partitions as the committed batches left them."""
        partitions = {number: Partition(number, log_start=self.log_start) for number in numbers}
        for batch in self.committed:
            for number in batch.changelog.keys() & partitions.keys():
                for key, value in batch.changelog[number].items():
                    partitions[number].restore(key, value)
        for partition in partitions.values():
            partition.restored()
        return partitions

    @property
    def outputs(self) -> list[Output]:
        return [output for batch in self.committed for output in batch.outputs]
