"""The supervisor with real child processes: readiness, restarts, order of stopping, readable lines."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from headrace.runtime.supervisor import Child, ChildFailed, Supervisor, readable_line

READY = """
import http.server, signal, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'{}')
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server.serve_forever()
"""
WAITER = """
import pathlib, signal, sys, time
def end(*_):
    with open(sys.argv[1], "a") as file: file.write(sys.argv[2] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
while True: signal.pause()
"""


def child(name: str, code: str, *arguments: str, stage: int = 0, first_line: bool = True) -> Child:
    return Child(name, (sys.executable, "-c", code, *arguments), {}, stage=stage, reads_first_line=first_line)


@pytest.fixture
async def supervised() -> AsyncIterator[tuple[Supervisor, list[str]]]:
    lines: list[str] = []
    supervisor = Supervisor(show=lines.append)
    yield supervisor, lines
    await supervisor.stop()


async def until(holds: Callable[[], bool], deadline_s: float = 10.0) -> None:
    async with asyncio.timeout(deadline_s):
        while not holds():
            await asyncio.sleep(0.01)


async def test_start__child_with_a_first_line__gives_it(supervised: tuple[Supervisor, list[str]]) -> None:
    supervisor, _ = supervised
    address = await supervisor.start(child("server", READY))
    assert address.startswith("http://127.0.0.1:")
    assert list(supervisor.pids) == ["server"]


async def test_kill__child_dies__is_started_again_at_once(
    supervised: tuple[Supervisor, list[str]], tmp_path: Path
) -> None:
    supervisor, lines = supervised
    await supervisor.start(child("waiter", WAITER, str(tmp_path / "ends"), "waiter"))
    before = supervisor.pids["waiter"]
    supervisor.kill("waiter")
    await until(lambda: supervisor.pids["waiter"] != before)
    assert supervisor.restarts == {"waiter": 1}
    assert any("killed; starting again in 0 s" in line for line in lines)
    assert not supervisor.fatal.is_set()


async def test_watch__bad_settings__end_the_run_with_the_last_lines(supervised: tuple[Supervisor, list[str]]) -> None:
    supervisor, _ = supervised
    code = "import sys; print('HEADRACE_STORE is missing', file=sys.stderr, flush=True); sys.exit(2)"
    await supervisor.start(child("bad", code, first_line=False))
    await asyncio.wait_for(supervisor.fatal.wait(), 10)
    assert "bad ended with exit code 2" in supervisor.fatal_reason


async def test_stop__stages__end_in_order(tmp_path: Path) -> None:
    supervisor, ends = Supervisor(), tmp_path / "ends"
    for name, stage in (("last", 2), ("first", 0), ("middle", 1)):
        await supervisor.start(child(name, WAITER, str(ends), name, stage=stage))
    await supervisor.stop()
    assert ends.read_text().split() == ["first", "middle", "last"]
    assert supervisor.pids == {}


async def test_wait_ready__child_that_never_is__is_named(tmp_path: Path) -> None:
    supervisor = Supervisor()
    unready = Child(
        "slow", (sys.executable, "-c", WAITER, str(tmp_path / "x"), "slow"), {}, health="http://127.0.0.1:9"
    )
    await supervisor.start(unready)
    with pytest.raises(ChildFailed, match="slow was not ready in 0.2 s"):
        await supervisor.wait_ready(0.2)
    await supervisor.stop()


def test_readable_line__json__is_told_in_words() -> None:
    line = '{"event":"epoch.committed","level":"warning","timestamp":"2026-01-01T10:11:12.5Z","records":3}'
    assert readable_line("evaluator", line) == "10:11:12 evaluator    WARNING: epoch.committed records=3"


def test_readable_line__anything_else__stays_as_it_is() -> None:
    assert readable_line("kafka", "[plain] text").endswith("kafka        [plain] text")
