"""Sends a scenario's operations to the simulator, in chunks, at a rate or as fast as the caller lets it.

What the operations say is in `scenario.py`; waiting until everything settled is the caller's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

import httpx
import msgspec

from headrace.demo.scenario import Operation

CHUNK: Final = 50
_BODY_SHOWN: Final = 500


class PlayError(Exception):
    """The simulator refused a chunk, or could not be reached; the text says what it answered."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What was sent so far; `seconds` since the start; `at` is the store's date of the last operation."""

    operations: int = 0
    orders: int = 0
    refunds: int = 0
    customers: int = 0
    seconds: float = 0.0
    at: str = ""

    @property
    def orders_per_second(self) -> float:
        """Real seconds."""
        return self.orders / self.seconds if self.seconds else 0.0


async def play(
    operations: Iterable[Operation],
    client: httpx.AsyncClient,
    *,
    chunk: int = CHUNK,
    orders_per_second: float | None = None,
    ready: Callable[[], Awaitable[None]] | None = None,
    show: Callable[[Progress], None] | None = None,
) -> Progress:
    """Post all operations in order through a client whose base URL is a simulator's.

    `ready` is awaited before each chunk (back-pressure); `orders_per_second` is a mean never exceeded.
    Raises PlayError.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    progress = Progress()
    for part in _chunks(operations, chunk):
        if ready is not None:
            await ready()
        if orders_per_second:
            await asyncio.sleep(began + progress.orders / orders_per_second - clock())
        await _post(client, part)
        progress = _counted(progress, part, clock() - began)
        if show is not None:
            show(progress)
    return progress


def _chunks(operations: Iterable[Operation], size: int) -> Iterator[list[Operation]]:
    rest = iter(operations)
    while part := list(islice(rest, size)):
        yield part


async def _post(client: httpx.AsyncClient, part: list[Operation]) -> None:
    body = msgspec.json.encode({"operations": part})
    try:
        reply = await client.post("/_sim/orders", content=body, headers={"Content-Type": "application/json"})
    except httpx.HTTPError as error:
        raise PlayError(f"the simulator did not take {len(part)} operations: {error!r}") from error
    if reply.is_error:
        raise PlayError(f"the simulator answered {reply.status_code}: {reply.text[:_BODY_SHOWN]}")


def _counted(progress: Progress, part: list[Operation], seconds: float) -> Progress:
    kinds = [operation["op"] for operation in part]
    return replace(
        progress,
        operations=progress.operations + len(part),
        orders=progress.orders + kinds.count("order.create"),
        refunds=progress.refunds + kinds.count("refund.create"),
        customers=progress.customers + kinds.count("customer.create"),
        seconds=seconds,
        at=part[-1]["at"],
    )
