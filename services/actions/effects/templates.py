"""Templates of mails: `thank-you.html` and, if one likes, `thank-you.txt`, in a folder; filled by a worker process.

A file begins with `Subject: ...` and an empty line; the rest is the mail, in Jinja. A file without a subject is a
part that others include. What may be done in one, and how much, is `render_worker`'s.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from services.actions.effects.plain_text import plain_text

_WORKER: Final = Path(__file__).with_name("render_worker.py")
_START_DEADLINE_S: Final = 30.0
_DEADLINE_S: Final = 30.0
"""Of one template on a busy machine; what it may compute itself is much less."""
_LINE_LIMIT: Final = 8 * 1024 * 1024
_OURS: Final = frozenset({-signal.SIGKILL, -signal.SIGTERM})
SAMPLE: Final[Mapping[str, Any]] = {
    "customer": {"id": "42", "first_name": "Ann", "last_name": "Example", "email": "ann@example.com"},
    "coupon": {
        "code": "HR-ABCDEFGHJKLMNPQR",
        "percent": 10,
        "amount": "10.00 GBP",
        "expires": "31 January 2027",
        "expires_on": "2027-01-31",
    },
    "store": {"name": "Shop", "url": "https://shop.example", "unsubscribe_url": "https://shop.example/unsubscribe"},
}
"""What a template can be filled with, but for `with`, which is what its rule passes."""


class TemplateProblem(Exception):
    """What is wrong with a template, at its file and line: nothing will do until it is mended."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}")


class TemplatesAway(Exception):
    """The worker did not answer, through no fault of the template."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A mail's parts. `html` None: it is text alone."""

    subject: str
    text: str
    html: str | None


class Templates:
    """The templates of a folder. Files may be changed at any time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._worker: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def fill(self, name: str, values: Mapping[str, Any]) -> Filled:
        """Raises TemplateProblem, TemplatesAway."""
        line = json.dumps({"file": name, "values": values}).encode() + b"\n"
        async with self._turn:
            try:
                async with asyncio.timeout(_START_DEADLINE_S + _DEADLINE_S):
                    worker = await self._started()
                    answer = await _exchange(worker, line)
            except TimeoutError:
                await self._end()
                raise TemplatesAway("no answer in time") from None
            except BaseException:
                await self._end()
                raise
            if answer is None:
                raise _lost(name, await self._end())
        return _filled(answer)

    async def aclose(self) -> None:
        """Ends the worker."""
        async with self._turn:
            await self._end()

    async def _started(self) -> asyncio.subprocess.Process:
        if self._worker is None or self._worker.returncode is not None:
            self._worker = await asyncio.create_subprocess_exec(
                *_command(self._folder),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=_environment(),
                limit=_LINE_LIMIT,
            )
            assert self._worker.stdout is not None
            if not await self._worker.stdout.readline():
                await self._end()
                raise TemplatesAway("the worker does not start")
        return self._worker

    async def _end(self) -> int | None:
        worker, self._worker = self._worker, None
        if worker is None:
            return None
        try:
            async with asyncio.timeout(0.5 if worker.stdout is not None and worker.stdout.at_eof() else 0.0):
                return await worker.wait()
        except TimeoutError:
            worker.kill()
            return await worker.wait()
        finally:
            worker._transport.close()  # type: ignore[attr-defined]  # its pipes; asyncio leaves that to chance


def check_template(path: Path) -> list[str]:
    """What is wrong with a template, as `path:line: what`, tried with sample values; [] when nothing is."""
    line = json.dumps({"file": path.stem, "values": SAMPLE, "check": True}) + "\n"
    try:
        done = subprocess.run(
            _command(path.parent),
            input=line,
            capture_output=True,
            text=True,
            env=_environment(),
            timeout=60.0,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [f"{path}:1: it takes too long"]
    lines = done.stdout.splitlines()
    try:
        if len(lines) < 2:
            raise _lost(path.stem, done.returncode)
        answer = json.loads(lines[1])
        if "problem" in answer:
            file = path.with_name(answer["file"]) if answer["file"] else path
            return [f"{file}:{answer['line']}: {answer['problem']}"]
    except (TemplateProblem, TemplatesAway) as error:
        return [f"{path.parent / str(error)}"]
    return []


def _command(folder: Path) -> list[str]:
    return [sys.executable, "-I", "-X", "utf8", str(_WORKER), str(folder.resolve())]


def _environment() -> dict[str, str]:
    """What a process needs to start; no settings of ours."""
    return {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}


async def _exchange(worker: asyncio.subprocess.Process, line: bytes) -> dict[str, Any] | None:
    assert worker.stdin is not None
    assert worker.stdout is not None
    try:
        worker.stdin.write(line)
        await worker.stdin.drain()
        told = await worker.stdout.readline()
    except (ConnectionError, ValueError):
        return None
    return json.loads(told) if told.endswith(b"\n") else None


def _filled(answer: Mapping[str, Any]) -> Filled:
    if "problem" in answer:
        raise TemplateProblem(answer["file"], answer["line"], answer["problem"])
    html = answer.get("html")
    text = answer.get("text")
    return Filled(answer["subject"], text if text is not None else plain_text(html or ""), html)


def _lost(name: str, code: int | None) -> Exception:
    if code is None or code in _OURS:
        return TemplatesAway("the worker was ended")
    told = "it computes for too long" if code == -signal.SIGPROF else "it breaks the worker that fills it in"
    return TemplateProblem(f"{name}.html", 1, told)
