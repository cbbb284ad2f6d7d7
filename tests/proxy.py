"""A TCP proxy between a client and a server of a test, which can take the line down or let it fall silent.

In toxiproxy's words: `down` refuses and cuts, `timeout` takes connections and passes nothing on.
"""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Literal, Self

from headrace.runtime.ports import HOST

Line = Literal["up", "down", "timeout"]


class Proxy:
    """Listens on `port` of this machine and passes on to `target`, from a thread of its own.

    A connection that was open when the line fell silent stays silent for ever, as if a router had forgotten it: only
    a client that gives up by itself gets out of it.
    """

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self._target = target
        self._line: Line = "up"
        self._silences = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def set(self, line: Line) -> None:
        """From any thread; returns when it is so."""
        self._do(self._set(line))

    def _do(self, coroutine: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _set(self, line: Line) -> None:
        self._line = line
        self._silences += line == "timeout"
        if line == "down":
            await self._close()
        elif self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self.port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in tuple(self._open):
            writer.transport.abort()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open.add(writer)
        try:
            await self._pass_on(reader, writer)
        except (OSError, asyncio.CancelledError):
            return  # one of the two has gone, or the line
        finally:
            self._tasks.discard(task)
            self._open.discard(writer)
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._line == "timeout":
            await asyncio.Event().wait()
        server_reader, server_writer = await asyncio.open_connection(HOST, self._target)
        self._open.add(server_writer)
        both = [
            asyncio.ensure_future(self._copy(reader, server_writer)),
            asyncio.ensure_future(self._copy(server_reader, writer)),
        ]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            self._open.discard(server_writer)
            server_writer.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        silences = self._silences
        while data := await reader.read(65_536):
            if self._silences != silences:
                await asyncio.Event().wait()
            writer.write(data)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
