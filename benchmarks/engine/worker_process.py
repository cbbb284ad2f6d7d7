"""A worker process under measurement: started on its core, waited for by its marks, brought to a clean end.

What the marks amount to is computed in `results.py`.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from benchmarks.engine.asked import Asked
from benchmarks.engine.cores import WORKER_CORE, on_cores
from benchmarks.engine.machine import cpu_seconds, peak_rss_mb
from benchmarks.engine.systems import ROOT

_STOP_WITHIN_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.05
_TAIL_LINES: Final = 5


class RunFailed(Exception):
    """A run that gave no figures, and why."""


class WorkerProcess:
    """A context manager: the worker runs inside it. Its marks and its log lie beside its state folder."""

    def __init__(
        self, command: Sequence[str], asked: Asked, environment: Mapping[str, str], *, core: int = WORKER_CORE
    ) -> None:
        self._command = list(command)
        self._environment = {**_common(asked), **environment}
        self._core = core
        state = Path(asked.state_dir)
        state.mkdir(parents=True, exist_ok=True)
        self._marks_path, self._log_path = (state.with_name(f"{state.name}.{name}") for name in ("marks", "log"))

    def __enter__(self) -> Self:
        with self._marks_path.open("wb") as marks, self._log_path.open("wb") as log, on_cores(self._core):
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=marks, stderr=log, env=self._environment
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """A clean end: what is pending is committed. One that hangs is killed, and its count will tell."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def cpu_s(self) -> float:
        """What it has used so far, all threads."""
        return cpu_seconds(self.pid)

    @property
    def peak_rss_mb(self) -> float | None:
        """The most memory it has had."""
        return peak_rss_mb(self.pid)

    def marks(self) -> list[dict[str, Any]]:
        """What it has said so far."""
        lines = self._marks_path.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith('{"mark"') and line.endswith("\n")]

    def wait_for(self, mark: str, within_s: float) -> None:
        """Until it says a mark. Raises `RunFailed` when it ends before, or in time does not."""
        wanted = f'"mark": "{mark}"'.encode()
        self.wait_until(lambda: wanted in self._marks_path.read_bytes(), within_s, f'"{mark}"')

    def wait_until(self, reached: Callable[[], bool], within_s: float, what: str) -> None:
        """Until something is so. Raises `RunFailed` as `wait_for`."""
        deadline = time.monotonic() + within_s
        while not reached():
            self.check()
            if time.monotonic() > deadline:
                raise RunFailed(f"no {what} within {within_s:g} s: {self._last_words()}")
            time.sleep(_LOOK_EVERY_S)

    def check(self) -> None:
        """Raises `RunFailed` when the process has ended."""
        if self._process.poll() is not None:
            raise RunFailed(f"ended with {self._process.returncode}: {self._last_words()}")

    def _last_words(self) -> str:
        return " | ".join(self._log_path.read_text(errors="replace").strip().splitlines()[-_TAIL_LINES:])


def _common(asked: Asked) -> dict[str, str]:
    return {
        **os.environ,
        **asked.environment(),
        "PYTHONPATH": str(ROOT),
        "HEADRACE_KAFKA_BOOTSTRAP_SERVERS": asked.bootstrap,
        "HEADRACE_STORE": "bench",
        "HEADRACE_LOG_LEVEL": "warning",
        "HEADRACE_PARENT_PID": str(os.getpid()),
    }
