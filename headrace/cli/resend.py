"""Sending dead letters again: each record once, where it came from, and never over a newer one.

The order of the steps makes it so, whatever ends the command: `resending` is written and read back (of two operators
the first goes on), the record is sent with the letter's id, `resent` is written. A letter that stands at `resending`
is looked for by that id first.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from headrace.cli.letter_parcels import LETTER_HEADER, Parcel, in_order, parcel_of, with_copies
from headrace.cli.letter_topic import (
    all_letters,
    append_marks,
    newest_of,
    place_of,
    records_since,
    since_time,
)
from headrace.cli.letters import Letter, Place, is_claimed, not_sendable
from headrace.contracts.actions import DeadLetterMark
from headrace.contracts.topics import table
from headrace.runtime.kafka import make_consumer, make_producer
from headrace.runtime.settings import KafkaSettings

_CLOCKS_DIFFER: Final = timedelta(minutes=1)
_COMPACTED: Final = frozenset(row.name for row in table() if row.cleanup == "compact")


@dataclass(slots=True)
class Report:
    """What became of the letters asked for. `superseded`: where the newer record stands."""

    resent: list[tuple[Letter, Place]] = field(default_factory=list)
    superseded: list[tuple[Letter, Place]] = field(default_factory=list)
    refused: list[tuple[Letter, str]] = field(default_factory=list)


async def resend(settings: KafkaSettings, chosen: Sequence[Letter], *, now: datetime) -> Report:
    """Sends them. Raises `KafkaError`, `DependencyError`: then the same command goes on where this one stopped."""
    producer, consumer = make_producer(settings), make_consumer(settings)
    await producer.start()
    try:
        await consumer.start()
        return await _Resend(settings, producer, consumer, now).run(chosen)
    finally:
        await producer.stop()
        await consumer.stop()


class _Resend:
    def __init__(
        self, settings: KafkaSettings, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer, now: datetime
    ) -> None:
        self._settings = settings
        self._producer = producer
        self._consumer = consumer
        self._now = now
        self._report = Report()

    async def run(self, chosen: Sequence[Letter]) -> Report:
        everything = await all_letters(self._settings)
        asked = {one.id for one in chosen}
        letters = self._sendable([one for one in everything if one.id in asked])
        letters = await self._without_known(letters, everything)
        waiting = await self._without_sent(await self._parcels(with_copies(letters, everything)))
        waiting, ends = await self._without_superseded(waiting)
        waiting = await self._claim(sorted(waiting, key=in_order))
        await self._send(waiting, ends)
        return self._report

    # -- which --------------------------------------------------------------------------------------------------------
    def _sendable(self, letters: Iterable[Letter]) -> list[Letter]:
        found = []
        for letter in letters:
            if why := not_sendable(letter, prefix=self._settings.topic_prefix, now=self._now):
                self._report.refused.append((letter, why))
            else:
                found.append(letter)
        return found

    async def _without_known(self, letters: Sequence[Letter], everything: Iterable[Letter]) -> list[Letter]:
        """Not those whose record was sent again for another letter about it: every service has read that."""
        sent = {
            one.source: (one.mark.topic, one.mark.partition, one.mark.offset)
            for one in everything
            if one.state == "resent" and one.mark is not None
        }
        await self._supersede([(one, sent[one.source]) for one in letters if one.source in sent])
        return [one for one in letters if one.source not in sent]

    async def _parcels(self, groups: Iterable[tuple[Letter, ...]]) -> list[Parcel]:
        found = []
        for letters in groups:
            if is_claimed(letters[0], self._now):
                self._refuse(letters, f"is being sent again for {letters[0].id}")
            elif isinstance(parcel := await parcel_of(letters, self._producer, self._consumer), str):
                self._refuse(letters, parcel)
            else:
                found.append(parcel)
        return found

    def _refuse(self, letters: Iterable[Letter], why: str) -> None:
        self._report.refused += [(one, why) for one in letters]

    async def _without_sent(self, parcels: Sequence[Parcel]) -> list[Parcel]:
        """Not those that a command sent which ended before it could say so."""
        begun: dict[TopicPartition, int] = {}
        for parcel in parcels:
            for letter in parcel.letters:
                if letter.state == "resending" and letter.state_at is not None:
                    moment = int((letter.state_at - _CLOCKS_DIFFER).timestamp() * 1000)
                    begun[parcel.at] = min(moment, begun.get(parcel.at, moment))
        found: dict[str, Place] = {}
        for record in await records_since(self._consumer, await since_time(self._consumer, begun)):
            for name, value in record.headers:
                if name == LETTER_HEADER:
                    found[value.decode(errors="replace")] = (record.topic, record.partition, record.offset)
        waiting = []
        for parcel in parcels:
            place = next(
                (found[one.id] for one in parcel.letters if one.state == "resending" and one.id in found), None
            )
            if place is None:
                waiting.append(parcel)
            else:
                await self._resent(parcel, place)
        return waiting

    async def _without_superseded(self, parcels: Sequence[Parcel]) -> tuple[list[Parcel], Mapping[TopicPartition, int]]:
        """Of a compacted topic only the newest of a key may be appended: an older one would make the cleaner drop it.

        Also how far these topics have been looked at.
        """
        starts: dict[TopicPartition, int] = {}
        for parcel in parcels:
            if self._compacted(parcel):
                starts[parcel.at] = min(parcel.offset + 1, starts.get(parcel.at, parcel.offset + 1))
        ends = await self._consumer.end_offsets(list(starts)) if starts else {}
        newest = newest_of(await records_since(self._consumer, starts, ends))
        waiting = []
        for parcel in parcels:
            newer = newest.get((parcel.at, parcel.key))
            if newer is not None and newer.offset > parcel.offset:
                place = (newer.topic, newer.partition, newer.offset)
                await self._supersede([(one, place) for one in parcel.letters])
            elif self._compacted(parcel) and not parcel.there:
                self._refuse(parcel.letters, "a newer record of its key made it needless, and was removed since")
            else:
                waiting.append(parcel)
        return waiting, ends

    def _compacted(self, parcel: Parcel) -> bool:
        return parcel.at.topic.removeprefix(self._settings.topic_prefix) in _COMPACTED

    # -- how ----------------------------------------------------------------------------------------------------------
    async def _claim(self, parcels: Sequence[Parcel]) -> list[Parcel]:
        """Says that they are being sent; keeps those where nobody said so before."""
        if not parcels:
            return []
        marks = [
            (one.first, DeadLetterMark(letter=one.first.offset, became="resending", attempt=one.first.claims + 1))
            for one in parcels
        ]
        offsets = await append_marks(self._producer, self._settings, marks)
        counted = {one.id: one.claim for one in await all_letters(self._settings)}
        waiting = []
        for parcel, offset in zip(parcels, offsets, strict=True):
            if counted.get(parcel.first.id) == offset:
                waiting.append(parcel)
            else:
                self._refuse(parcel.letters, "somebody else sends it again at this moment")
        return waiting

    async def _send(self, parcels: Sequence[Parcel], ends: Mapping[TopicPartition, int]) -> None:
        sent = [
            await self._producer.send(one.at.topic, one.value, one.key, one.at.partition, headers=one.headers)
            for one in parcels
        ]
        offsets = [metadata.offset for metadata in await asyncio.gather(*sent)]
        last = {(one.at, one.key): offset for one, offset in zip(parcels, offsets, strict=True) if self._compacted(one)}
        await self._keep_newest(last, {at: ends[at] for at, _ in last})
        for parcel, offset in zip(parcels, offsets, strict=True):
            await self._resent(parcel, (parcel.at.topic, parcel.at.partition, offset))

    async def _keep_newest(
        self, sent: Mapping[tuple[TopicPartition, bytes | None], int], starts: Mapping[TopicPartition, int]
    ) -> None:
        """What came in while we looked and stands before ours now is newer: it goes to the end, where it counts."""
        while sent:
            ends = {at: max(offset for (place, _), offset in sent.items() if place == at) + 1 for at, _ in sent}
            records = await records_since(self._consumer, {at: starts[at] for at in ends}, ends)
            others = [one for one in records if place_of(one) in sent and sent[place_of(one)] != one.offset]
            late = {where: one for where, one in newest_of(others).items() if one.offset < sent[where]}
            again = {
                where: await self._producer.send(
                    one.topic, one.value, one.key, one.partition, headers=list(one.headers)
                )
                for where, one in late.items()
            }
            sent, starts = {where: (await metadata).offset for where, metadata in again.items()}, ends

    async def _resent(self, parcel: Parcel, place: Place) -> None:
        await self._mark(parcel.letters, "resent", place)
        self._report.resent += [(one, place) for one in parcel.letters]

    async def _supersede(self, letters: Sequence[tuple[Letter, Place]]) -> None:
        for letter, place in letters:
            await self._mark([letter], "superseded", place)
        self._report.superseded += letters

    async def _mark(self, letters: Iterable[Letter], became: Literal["resent", "superseded"], place: Place) -> None:
        name, partition, offset = place
        marks = [
            (one, DeadLetterMark(letter=one.offset, became=became, topic=name, partition=partition, offset=offset))
            for one in letters
        ]
        await append_marks(self._producer, self._settings, marks)
