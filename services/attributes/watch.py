"""What the mirror has to look after by itself: definitions that changed, store attributes that there was no room for.

In either case the records are read again from the compacted topic: what is the same costs no call.
"""

import asyncio
import time
from typing import Final

from headrace.consumer import Consumer, PauseConsumer, TryAgain
from headrace.consumer.patience import Store
from headrace.platforms.errors import VendorError
from headrace.runtime.logs import log
from headrace.runtime.process import Running
from services.attributes.definition_table import mark_laid_out, outdated, revision_of
from services.attributes.mirror import AttributeMirror

LOOK_EVERY_S: Final = 2.0
ROOM_EVERY_S: Final = 600.0


async def watch(
    consumer: Consumer, mirror: AttributeMirror, database: Store, running: Running, *, scope: str = ""
) -> None:
    """Until cancelled. `scope`: whose definitions (see `definition_table`). Raises Stopping."""
    room_at = time.monotonic() + ROOM_EVERY_S
    while not running.stopping.is_set():
        await _lay_out_anew(consumer, database, scope)
        if time.monotonic() >= room_at:
            room_at = time.monotonic() + ROOM_EVERY_S
            if await _room_found(mirror):
                await consumer.read_again(consumer.partitions)
        await _pause(running)


async def _lay_out_anew(consumer: Consumer, database: Store, scope: str) -> None:
    ours = consumer.partitions
    revision, behind = await database.write(
        lambda connection: (revision_of(connection, scope), outdated(connection, ours, scope))
    )
    if behind:
        done = await consumer.read_again(behind)
        log.info("attributes.laid_out_anew", revision=revision, partitions=len(done))
        await database.write(lambda connection: mark_laid_out(connection, done, revision, scope))


async def _room_found(mirror: AttributeMirror) -> bool:
    try:
        return await mirror.look_for_room()
    except (TryAgain, PauseConsumer, VendorError):
        return False


async def _pause(running: Running) -> None:
    try:
        async with asyncio.timeout(LOOK_EVERY_S):
            await running.stopping.wait()
    except TimeoutError:
        return
