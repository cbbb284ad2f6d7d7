"""A line to a simulated vendor that breaks off answers: the call is carried out, its answer comes wrong or never.

Each behaviour is used up by one call of its method; every other call passes through.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal
from urllib.parse import urlsplit

Oddity = Literal["hang", "drip", "half_close", "reset", "giant", "garbage", "short"]
_GIANT: Final = 9 * 1024 * 1024


class OddLine:
    """`order` breaks the answers to the next calls; `broken` counts those that were."""

    def __init__(self, method: str, target: str) -> None:
        self._method = method
        self._target = urlsplit(target)
        self._ordered: deque[Oddity] = deque()
        self.broken = 0
        self.tasks: set[asyncio.Task[None]] = set()

    def order(self, *oddities: Oddity) -> None:
        """One after the other."""
        self._ordered.extend(oddities)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while not writer.is_closing():
                    await self._exchange(reader, writer)
        finally:
            self.tasks.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body = await _message(reader)
        answer = await self._ask(head + body)
        if not (head.startswith(self._method.encode()) and self._ordered):
            writer.write(answer)
            await writer.drain()
            return
        self.broken += 1
        await _break(self._ordered.popleft(), answer, writer)

    async def _ask(self, request: bytes) -> bytes:
        up_reader, up_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        try:
            up_writer.write(request)
            head, body = await _message(up_reader)
        finally:
            up_writer.close()
        return head + body


async def _break(oddity: Oddity, answer: bytes, writer: asyncio.StreamWriter) -> None:
    half = len(answer) - len(answer) // 3
    match oddity:
        case "hang":
            await asyncio.sleep(3600)
        case "drip":
            for at in range(len(answer)):
                writer.write(answer[at : at + 1])
                await writer.drain()
                await asyncio.sleep(0.02)
        case "half_close":
            writer.write(answer[:half])
            writer.write_eof()
            await asyncio.sleep(0.2)
            writer.close()
        case "reset":
            writer.transport.abort()
        case "giant":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % _GIANT + b" " * _GIANT)
            await writer.drain()
        case "garbage":
            writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc not http at all\r\n\r\n")
            writer.close()
        case "short":
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"data": [{"id": 1}]')
            await writer.drain()


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return head, await reader.readexactly(length)


@asynccontextmanager
async def odd_line(method: str, target: str) -> AsyncIterator[tuple[OddLine, str]]:
    """The line, and its address in place of `target`."""
    line = OddLine(method, target)
    server = await asyncio.start_server(line.serve, "127.0.0.1", 0)
    try:
        yield line, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        tasks = list(line.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
