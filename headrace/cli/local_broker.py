"""The broker of a run on this machine: started with it, killed on purpose where a run asks for that, ended with it.

Which processes use it is said in `stack.py`.
"""

import asyncio
import contextlib
import os
import signal
import threading
from pathlib import Path
from typing import Final

from headrace.runtime.broker_state import running_broker
from headrace.runtime.dependency import DependencyError
from headrace.runtime.embedded_kafka import EmbeddedKafka

KAFKA_STOPS_WITHIN_S: Final = 3.0
BROKER_AWAY_S: Final = 3.0
"""Besides the seconds that a start takes."""


class Broker:
    """The broker of a run: the one the environment names, or an embedded one in the run's folder.

    Started outside the event loop, by the main thread, so that it dies with this process and not before.
    """

    def __init__(self, folder: Path) -> None:
        self.embedded: EmbeddedKafka | None = None
        self.bootstrap_servers = os.environ.get("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", "")
        if not self.bootstrap_servers:
            self.embedded = EmbeddedKafka(folder / "kafka")
            self.bootstrap_servers = self.embedded.start().bootstrap_servers

    @property
    def pid(self) -> int | None:
        """The process id of what was started here, as long as it runs."""
        info = self.embedded.info if self.embedded is not None else None
        return info.pid if info is not None else None

    def failed(self) -> DependencyError | None:
        """What to say when the broker started here has ended by itself, else None."""
        return self.embedded.failed() if self.embedded is not None else None

    def stop(self) -> None:
        """Stops what was started here, nothing else; killed when that takes long, as its data goes with the run."""
        if self.embedded is None:
            return
        info = running_broker(self.embedded.data_dir)
        timer = threading.Timer(KAFKA_STOPS_WITHIN_S, _kill, [info.pid if info is not None else None])
        timer.start()
        try:
            self.embedded.stop()
        finally:
            timer.cancel()


def _kill(pid: int | None) -> None:
    if pid is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class BrokerCrashes:
    """Kills the local broker of a run, which comes back by itself: same port, same data, a while later."""

    def __init__(self, broker: EmbeddedKafka) -> None:
        self._broker = broker
        self._returning: asyncio.Task[None] | None = None

    async def crash(self) -> None:
        """SIGKILL, once it is back from the last one. Raises DependencyError when it did not come back."""
        if self._returning is not None:
            await self._returning
        await asyncio.to_thread(self._broker.kill)
        self._returning = asyncio.create_task(self._come_back())

    async def _come_back(self) -> None:
        await asyncio.sleep(BROKER_AWAY_S)
        await asyncio.to_thread(self._broker.start)
