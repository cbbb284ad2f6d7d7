"""The frame of every service process: settings, logs, loop, signals, health port, and an end with a stated reason.

What the service does between is its `main`; composing its parts is its `bootstrap.py`.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn, TypeVar

import uvloop

from headrace import __version__
from headrace.runtime.health import Health, HealthServer
from headrace.runtime.logs import configure_logs, log
from headrace.runtime.metrics import gauge, label_by_store
from headrace.runtime.parent import watch_parent
from headrace.runtime.settings import ServiceSettings, SettingsError, load_settings, settings_of, variable
from headrace.runtime.stores import StoreEntry, read_stores

EXIT_SETTINGS: Final = 2
EXIT_FATAL: Final = 3
STOP_WITHIN_S: Final = 8.0
"""How long `main` may take after it was told to stop; then it is cancelled, so that the process ends within 10 s."""
_CANCEL_WITHIN_S: Final = 1.0
_AGAIN: Final = -1
"""Instead of an exit code: the process is to begin anew."""

S = TypeVar("S", bound=ServiceSettings)


class FatalError(Exception):
    """The process cannot go on. `reason` is one word or a short phrase for logs and alerts, e.g. `port_taken`."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


@dataclass
class Running:
    """What a service's `main` gets: when to stop, and where to say what blocks it."""

    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    health: Health = field(default_factory=Health)
    again: bool = False
    """Whether the process begins anew, from its settings on, when `main` has returned."""
    _cause: FatalError | None = None

    def begin_anew(self) -> None:
        """Ends `main` cleanly and runs the same command again in the same process (its id stays)."""
        self.again = True
        self.stopping.set()

    def fail(self, error: FatalError) -> None:
        """Stops the process for this cause, from anywhere in the loop, not ready until then; the first cause counts."""
        self._cause = self._cause or error
        self.health.block(error.reason)
        self.stopping.set()

    @property
    def cause(self) -> FatalError | None:
        """Why the process must end in error, if it must."""
        return self._cause


def run_service(name: str, settings_cls: type[S], main: Callable[[S, Running], Awaitable[None]]) -> NoReturn:
    """Runs a service to its end and exits: 0 after SIGTERM or SIGINT or when `main` returns, 2 for bad settings,
    3 for a fatal cause, with one log line `process.stopped` that names it."""

    async def of_one(stores: Sequence[S], running: Running) -> None:
        await main(stores[0], running)

    _serve(name, lambda: [load_settings(settings_cls)], of_one)


def run_service_of_stores(
    name: str,
    choose: Callable[[StoreEntry], type[S] | None],
    main: Callable[[Sequence[S], Running], Awaitable[None]],
    *,
    left_out_for: str = "lack the credentials it needs",
) -> NoReturn:
    """The same for a service of several stores: `choose` gives the settings class a store needs, None to leave it out.

    `main` gets one settings object a store; what is not a store's own is the same in all of them. `left_out_for`: what
    the stores that are left out do, said when there is no other.
    """
    _serve(name, lambda: _settings_of_stores(choose, left_out_for), main)


def _settings_of_stores(choose: Callable[[StoreEntry], type[S] | None], left_out_for: str) -> list[S]:
    found, left_out = [], []
    for entry in read_stores():
        if (settings_cls := choose(entry)) is None:
            left_out.append(entry.name)
        else:
            found.append(settings_of(entry, settings_cls))
    if not found:
        problem = f"has nothing for this service: {', '.join(left_out)} {left_out_for}"
        raise SettingsError({variable("stores"): problem})
    if found[0].among:
        label_by_store()
    if left_out:
        log.info("store.left_out", stores=left_out)
    return found


def _serve(name: str, load: Callable[[], list[S]], main: Callable[[Sequence[S], Running], Awaitable[None]]) -> NoReturn:
    configure_logs(name)
    try:
        stores = load()
    except SettingsError as error:
        log.error("process.stopped", reason="settings", problems=error.problems)
        _leave(EXIT_SETTINGS)
    configure_logs(name, stores[0].log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            code = runner.run(_run(name, stores, main))
        except Exception:  # even the last line could not be logged: whoever read it is gone
            code = EXIT_FATAL
        if code == _AGAIN:
            _begin_anew()
        # Without closing the loop: its threads and tasks may wait for a Kafka or a vendor that is gone.
        _leave(code)


def _leave(code: int) -> NoReturn:
    """Ends at once: all is closed, and taking a thousand modules down costs seconds on a loaded machine."""
    _flush()
    os._exit(code)


def _begin_anew() -> NoReturn:
    """The same command in the same process: who watches over it sees no end, and takes no time to start another."""
    _flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  # our own command line


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()


async def _run(name: str, stores: Sequence[S], main: Callable[[Sequence[S], Running], Awaitable[None]]) -> int:
    running, settings = Running(), stores[0]
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, running, number)
    if settings.parent_pid is not None:
        _follow_parent(settings.parent_pid, running, loop)
    gauge("headrace_info", version=__version__, service=name).set(1)
    server = HealthServer(running.health, settings.health_port, host=settings.health_host)
    log.info("process.started", pid=os.getpid(), version=__version__)
    try:
        await _start_server(server, settings.health_port)
        await _until_done(stores, running, main)
        if running.cause is not None:
            raise running.cause
    except FatalError as error:
        log.error("process.stopped", reason=error.reason, detail=error.detail)
        return EXIT_FATAL
    except Exception:
        log.exception("process.stopped", reason="crashed")
        return EXIT_FATAL
    finally:
        await server.stop()
    if running.again:
        log.info("process.stopped", reason="begins_anew")
        return _AGAIN
    log.info("process.stopped", reason="asked" if running.stopping.is_set() else "done")
    return 0


async def _start_server(server: HealthServer, port: int) -> None:
    if not port:
        return
    try:
        await server.start()
    except OSError as error:
        raise FatalError("health_port_taken", f"port {port}: {error.strerror}") from error


async def _until_done(
    stores: Sequence[S], running: Running, main: Callable[[Sequence[S], Running], Awaitable[None]]
) -> None:
    """Waits for `main`; once it was told to stop, only so long."""
    work = asyncio.ensure_future(main(stores, running))
    stopping = asyncio.ensure_future(running.stopping.wait())
    try:
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            await asyncio.wait({work}, timeout=STOP_WITHIN_S)
        if not work.done():
            work.cancel()
            await asyncio.wait({work}, timeout=_CANCEL_WITHIN_S)
            raise FatalError("stop_timed_out", f"main did not return within {STOP_WITHIN_S:g} s")
        await work
    finally:
        stopping.cancel()


def _stop(running: Running, number: signal.Signals) -> None:
    log.info("process.stopping", signal=number.name)
    running.again = False
    running.stopping.set()


def _follow_parent(pid: int, running: Running, loop: asyncio.AbstractEventLoop) -> None:
    def died() -> None:
        try:
            loop.call_soon_threadsafe(running.fail, FatalError("parent_died", f"process {pid} has ended"))
        except RuntimeError:  # the loop is closed: this process is ending anyway
            return
        time.sleep(STOP_WITHIN_S + _CANCEL_WITHIN_S + 1)
        # Only a loop that does not turn comes here: it must not leave an orphan. Whoever read our logs may be the one
        # that died, so that writing them fails.
        try:
            log.error("process.stopped", reason="parent_died", detail="the loop did not end in time")
        finally:
            os._exit(EXIT_FATAL)

    watch_parent(pid, died)
