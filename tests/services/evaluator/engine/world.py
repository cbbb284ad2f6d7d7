"""An engine in a world of memory: a log of records, a consumer over it, a changelog, and a group that fences.

It stands where Kafka has no part in what is shown; what it says about Kafka is shown on the real one in test_worker.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from headrace.runtime.health import Health
from headrace.runtime.process import FatalError
from services.evaluator.engine.batches import Chunk
from services.evaluator.engine.core import Engine, Options
from services.evaluator.engine.epoch import Batch
from services.evaluator.engine.fold import Fold, SourceRecord
from services.evaluator.engine.membership import Member
from services.evaluator.engine.producer import Aborted, Written
from services.evaluator.engine.state import MARK_BYTES, Partition
from tests.services.evaluator.engine.counting import Counting, output_of
from tests.services.evaluator.engine.stand_ins import KEY, Log, Record

WELL = "all is well"

_TURNS = 20


class Consumer:
    """Fetches partition 0 in chunks; a rewind moves it and begins a new era."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self.records: list[SourceRecord] = [Record(offset, key) for offset, key in enumerate(keys)]
        self.at = 0
        self._eras = 0

    def rewind(self, partition: int, offset: int) -> None:
        if partition == 0:
            self.at = offset
            self._eras += 1

    def era(self, partition: int) -> int:
        return self._eras if partition == 0 else 0

    def log_end(self, partition: int) -> int | None:
        return len(self.records)

    def fetch(self, size: int = 1) -> Chunk | None:
        """The next records; None at the end of the log."""
        records = self.records[self.at : self.at + size]
        self.at += len(records)
        return Chunk(records, self._eras) if records else None


@dataclass
class Kafka(Log):
    """A log whose group fences members of other generations than `generation`; the first restore waits for `gate`."""

    generation: int = 1
    gate: asyncio.Event | None = None

    async def write(self, batch: Batch) -> Written | Aborted:
        if batch.positions and batch.member.generation != self.generation:
            await asyncio.sleep(0)
            return Aborted("ILLEGAL_GENERATION", fenced=True)
        return await super().write(batch)

    async def restore(self, numbers: Iterable[int], wanted: Callable[[], bool]) -> dict[int, Partition] | None:
        if gate := self.gate:
            self.gate = None
            await gate.wait()
        return await super().restore(numbers, wanted)


def aborts_first() -> Kafka:
    """One whose first commit fails, and can be tried again."""
    return Kafka(answers=[Aborted("a time-out", fenced=False)])


class World:
    """`keys`: the key of each record of the log. `epoch_s`: how long the engine gathers."""

    def __init__(
        self, *keys: bytes, kafka: Kafka | None = None, fold: Fold | None = None, epoch_s: float = 0.0
    ) -> None:
        self.consumer = Consumer(keys or [KEY] * 6)
        self.kafka = kafka or Kafka()
        self.member = Member(1, "me")
        self.failures: list[FatalError] = []
        self.health = Health()
        self._fold = fold or Counting("outputs")
        self._epoch_s = epoch_s
        self.engine = self.worker()

    def worker(self) -> Engine:
        """An engine without memory, as after a restart."""
        return Engine(
            fold=self._fold,
            writer=self.kafka,
            reader=self.kafka,
            positions=lambda: self.consumer,
            member=lambda: self.member,
            health=self.health,
            fail=self.failures.append,
            options=Options(epoch_s=self._epoch_s),
        )

    async def take(self, chunk: Chunk | None) -> None:
        if chunk is not None:
            await self.engine.take(0, chunk)

    async def take_all(self, size: int = 1) -> None:
        """Until the end of the log, the end of the process, or a hundred chunks that do not bring it further."""
        for _ in range(100):
            chunk = self.consumer.fetch(size)
            if chunk is None or self.failures:
                return
            await self.engine.take(0, chunk)

    async def settle(self, condition: Callable[[], bool]) -> None:
        """Commits epochs as they are due until something holds, and still does after a few turns; within 5 s.

        Between the answer of a commit and what is done about it lie some turns of the loop.
        """
        running = asyncio.ensure_future(self.engine.run())
        held = 0
        try:
            async with asyncio.timeout(5):
                while held < _TURNS:
                    held = held + 1 if condition() else 0
                    await asyncio.sleep(0 if held else 0.001)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def verdict(self) -> str:
        """What a separate fold of the log says of what was committed."""
        value = self.kafka.read([0])[0].records.get(KEY)
        counted = json.loads(value[MARK_BYTES:])["n"] if value else 0
        offsets = [record.offset for record in self.consumer.records if record.key == KEY]
        states = [(offset, {"n": n, "sum": n}) for n, offset in enumerate(offsets, 1)]
        expected = [output for offset, state in states if (output := output_of(0, offset, KEY, state))]
        written = [output.value for output in self.kafka.outputs]
        if counted > len(states):
            return "counted twice"
        if len(written) > len(set(written)):
            return "outputs repeated"
        if counted < len(states):
            return "records lost"
        return WELL if sorted(filter(None, written)) == sorted(expected) else "outputs lost"
