"""Child processes of one command: start in order, one readable log stream, restart what dies, stop in order.

Knows processes, health addresses and log lines; which services make up a stack is said by who composes it.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

READY_DEADLINE_S: Final = 60.0
_KEPT_LINES: Final = 30
_FORGIVEN_AFTER_S: Final = 60.0
"""A child that ran so long has failed once, not once more."""
_RESTART_DELAYS_S: Final = (0.0, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class Child:
    """One process to run: `stage` orders the stop (lower first); `health` is its base address, if it has one."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    health: str | None = None
    stage: int = 0
    reads_first_line: bool = False


class ChildFailed(Exception):
    """A child ended, or was not ready in time; `lines` are the last ones it wrote."""

    def __init__(self, name: str, what: str, lines: list[str]) -> None:
        super().__init__(f"{name} {what}")
        self.name, self.lines = name, lines


@dataclass
class _Running:
    child: Child
    process: Process
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    first_line: asyncio.Future[str] | None = None
    failures: int = 0
    started_at: float = field(default_factory=time.monotonic)


class Supervisor:
    """Runs children until stopped; one that dies is started again, at once, then with growing pauses.

    `show` gets each readable log line; None keeps the stream silent (the last lines are kept for errors).
    """

    def __init__(self, *, show: Callable[[str], None] | None = None) -> None:
        self._show = show
        self._running: dict[str, _Running] = {}
        self._stopping = False
        self.restarts: dict[str, int] = {}
        self.fatal: asyncio.Event = asyncio.Event()
        self.fatal_reason = ""

    @property
    def pids(self) -> dict[str, int]:
        """Process id of each child that runs."""
        return {name: running.process.pid for name, running in self._running.items()}

    async def start(self, child: Child) -> str:
        """Starts a child; returns its first line on stdout if it has one to say, else ""."""
        running = await self._spawn(child)
        if running.first_line is None:
            return ""
        try:
            return await asyncio.wait_for(running.first_line, READY_DEADLINE_S)
        except TimeoutError:
            raise ChildFailed(child.name, "said nothing in time", list(running.lines)) from None

    async def wait_ready(self, deadline_s: float = READY_DEADLINE_S) -> None:
        """Every child with a health address answers /ready with 200. Raises ChildFailed naming who does not."""
        async with asyncio.timeout(deadline_s + 5):
            await asyncio.gather(*(self._ready(name, deadline_s) for name in list(self._running)))

    def kill(self, name: str) -> None:
        """SIGKILL: for chaos. It is started again as any child that dies."""
        self._running[name].process.kill()

    async def is_ready(self, name: str) -> bool:
        """Whether the child answers /ready with 200 now."""
        health = self._running[name].child.health
        return health is not None and (await asyncio.to_thread(ask_ready, health))[0]

    async def stop(self, deadline_s: float = 10.0) -> None:
        """SIGTERM stage by stage, lowest first; SIGKILL for who uses up the deadline but for a second a later stage."""
        self._stopping = True
        clock = asyncio.get_running_loop().time
        end = clock() + deadline_s
        stages = sorted({running.child.stage for running in self._running.values()})
        for done, stage in enumerate(stages, 1):
            members = [r for r in self._running.values() if r.child.stage == stage]
            left = end - clock() - (len(stages) - done)
            await asyncio.gather(*(self._end(member, left) for member in members))
        for running in self._running.values():
            for task in running.tasks:
                task.cancel()
            await asyncio.gather(*running.tasks, return_exceptions=True)
        self._running.clear()

    async def _spawn(self, child: Child) -> _Running:
        process = await asyncio.create_subprocess_exec(
            *child.argv,
            env={**os.environ, **child.env, "HEADRACE_PARENT_PID": str(os.getpid())},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops the rest in order
            limit=1 << 20,
        )
        before = self._running.get(child.name)
        running = _Running(child, process, failures=before.failures if before else 0)
        if child.reads_first_line:
            running.first_line = asyncio.get_running_loop().create_future()
        assert process.stdout is not None
        assert process.stderr is not None
        self._running[child.name] = running
        running.tasks = [
            asyncio.create_task(self._read(running, process.stdout)),
            asyncio.create_task(self._read(running, process.stderr)),
            asyncio.create_task(self._watch(running)),
        ]
        return running

    async def _read(self, running: _Running, stream: asyncio.StreamReader) -> None:
        while raw := await stream.readline():
            line = raw.decode(errors="replace").rstrip()
            first = running.first_line
            if first is not None and not first.done() and stream is running.process.stdout:
                first.set_result(line)
                continue
            readable = readable_line(running.child.name, line)
            running.lines.append(readable)
            if self._show is not None:
                self._show(readable)

    async def _watch(self, running: _Running) -> None:
        code = await running.process.wait()
        if self._stopping or self._running.get(running.child.name) is not running:
            return
        name = running.child.name
        killed = code == -signal.SIGKILL
        if time.monotonic() - running.started_at > _FORGIVEN_AFTER_S:
            running.failures = 0
        if code == 2 or (not killed and running.failures >= len(_RESTART_DELAYS_S)):
            self.fatal_reason = f"{name} ended with exit code {code}:\n" + "\n".join(running.lines)
            self.fatal.set()
            return
        running.failures += 0 if killed else 1
        delay = 0.0 if killed else _RESTART_DELAYS_S[running.failures - 1]
        self._say(name, "killed" if killed else f"ended with exit code {code}", f"starting again in {delay:g} s")
        self.restarts[name] = self.restarts.get(name, 0) + 1
        await asyncio.sleep(delay)
        if not self._stopping:
            await self._spawn(running.child)

    def _say(self, name: str, *words: str) -> None:
        if self._show is not None:
            now = datetime.now(UTC).strftime("%H:%M:%S")
            self._show(f"{now} {name:<12} " + "; ".join(words))

    async def _ready(self, name: str, deadline_s: float) -> None:
        health = self._running[name].child.health
        if health is None:
            return
        loop = asyncio.get_running_loop()
        end = loop.time() + deadline_s
        reason = "no answer"
        while loop.time() < end:
            if self.fatal.is_set():
                raise ChildFailed(name, self.fatal_reason, [])
            ready, reason = await asyncio.to_thread(ask_ready, health)
            if ready:
                return
            await asyncio.sleep(0.05)
        raise ChildFailed(name, f"was not ready in {deadline_s:g} s: {reason}", list(self._running[name].lines))

    async def _end(self, running: _Running, deadline_s: float) -> None:
        process = running.process
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), max(deadline_s, 1.0))
        except TimeoutError:
            self._say(running.child.name, "did not stop in time", "killed")
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def ask_ready(health: str) -> tuple[bool, str]:
    """One GET /ready: (True, "") or (False, why not)."""
    try:
        with urllib.request.urlopen(f"{health}/ready", timeout=2) as reply:  # noqa: S310  # our own child
            return reply.status == 200, ""
    except urllib.error.HTTPError as error:
        return False, error.read(2000).decode(errors="replace")
    except OSError as error:
        return False, str(error)


def readable_line(name: str, line: str) -> str:
    """A JSON log line as a person reads it: `12:01:02 evaluator    epoch.committed events=12`."""
    try:
        record = json.loads(line)
        event = record.pop("event")
    except (ValueError, KeyError, AttributeError, TypeError):
        return f"{'':8} {name:<12} {line}"
    when = str(record.pop("timestamp", record.pop("time", "")))[11:19]
    level = record.pop("level", "info")
    for known in ("service", "logger"):
        record.pop(known, None)
    details = " ".join(f"{key}={value}" for key, value in record.items())
    mark = "" if level in ("info", "debug") else f"{level.upper()}: "
    return f"{when:8} {name:<12} {mark}{event} {details}".rstrip()


def python_argv(*arguments: str) -> tuple[str, ...]:
    """The argument list of a Python child with this interpreter."""
    return (sys.executable, *arguments)
