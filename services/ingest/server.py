"""uvicorn as one task of a service: our signals, our port, no access log.

The application it serves is made elsewhere.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from headrace.runtime.process import FatalError

_GRACE_S = 5


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process frame handles signals."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises FatalError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
    except OSError as error:
        opened.close()
        raise FatalError("port_taken", f"{host}:{port}: {error.strerror}") from error
    return opened


async def serve(app: FastAPI, opened: socket.socket, stopping: asyncio.Event) -> None:
    """Serves until `stopping`; requests under way are finished first."""
    config = uvicorn.Config(
        app, access_log=False, log_config=None, lifespan="off", timeout_graceful_shutdown=_GRACE_S, server_header=False
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[opened]))
    stop = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await task
    finally:
        stop.cancel()
        opened.close()
