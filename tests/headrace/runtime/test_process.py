"""The frame of a service, with real processes: how it starts, stops, and says why."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx
import pytest

from headrace.runtime.ports import free_ports

SERVICE = """
import asyncio, os, sys, time
from headrace.runtime.process import FatalError, Running, run_service
from headrace.runtime.settings import ServiceSettings

async def main(settings: ServiceSettings, running: Running) -> None:
    running.health.clear("starting")
    what = sys.argv[1]
    if what == "fatal":
        raise FatalError("broken", "for a test")
    if what == "crash":
        raise ValueError("jo@shop.example")
    if what == "fail":
        running.fail(FatalError("noticed_elsewhere"))
    if what == "again" and not os.environ.get("SECOND"):
        os.environ["SECOND"] = "1"
        running.begin_anew()
    if what == "deaf":
        await asyncio.Event().wait()
    if what == "held":
        asyncio.get_running_loop().run_in_executor(None, time.sleep, 60)
    await running.stopping.wait()

class Heavy:
    def __del__(self):
        time.sleep(60)

heavy = Heavy()
import headrace.runtime.process as process
process.STOP_WITHIN_S = 0.3
run_service("example", ServiceSettings, main)
"""
PARENT = """
import os, subprocess, sys
environment = {**os.environ, "HEADRACE_PARENT_PID": str(os.getpid())}
child = subprocess.Popen([sys.executable, "-c", sys.argv[1], "wait"], env=environment)
print(child.pid, flush=True)
child.wait()
"""
ROOT = Path(__file__).parents[3]


def environment(**extra: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "HEADRACE_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "HEADRACE_STORE": "abc",
        **extra,
    }


@contextmanager
def service(what: str, **extra: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVICE, what], env=environment(**extra), stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(stream: IO[str] | None, event: str) -> dict[str, Any]:
    """Reads log lines up to this event."""
    assert stream is not None
    for line in stream:
        found: dict[str, Any] = json.loads(line)
        if found["event"] == event:
            return found
    raise AssertionError(f"the log ended without {event}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_service__asked_to_stop__exits_0(number: signal.Signals) -> None:
    with service("wait") as process:
        wait_for(process.stderr, "health.changed")
        process.send_signal(number)

        assert wait_for(process.stderr, "process.stopped")["reason"] == "asked"
        assert process.wait(10) == 0


@pytest.mark.parametrize(("what", "reason"), [("fatal", "broken"), ("crash", "crashed"), ("fail", "noticed_elsewhere")])
def test_run_service__fatal_cause__exits_3_and_names_it(what: str, reason: str) -> None:
    with service(what) as process:
        if what == "fail":
            wait_for(process.stderr, "health.changed")
            assert wait_for(process.stderr, "health.changed")["reasons"] == [reason], "it may take a while to end"
        line = wait_for(process.stderr, "process.stopped")

        assert (line["reason"], line["level"], line["service"]) == (reason, "error", "example")
        assert "jo@shop" not in json.dumps(line)
        assert process.wait(10) == 3


def test_run_service__begins_anew__is_the_same_process_and_stops_when_asked() -> None:
    with service("again") as process:
        first = wait_for(process.stderr, "process.started")
        assert wait_for(process.stderr, "process.stopped")["reason"] == "begins_anew"
        second = wait_for(process.stderr, "process.started")
        assert second["pid"] == first["pid"] == process.pid
        wait_for(process.stderr, "health.changed")
        process.terminate()

        assert wait_for(process.stderr, "process.stopped")["reason"] == "asked"
        assert process.wait(10) == 0


def test_run_service__a_thread_waits_for_someone_who_is_gone__ends_in_time() -> None:
    with service("held") as process:
        wait_for(process.stderr, "process.started")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_run_service__main_does_not_stop__ended_all_the_same() -> None:
    with service("deaf") as process:
        wait_for(process.stderr, "health.changed")
        process.terminate()

        assert wait_for(process.stderr, "process.stopped")["reason"] == "stop_timed_out"
        assert process.wait(10) == 3


def test_run_service__settings_missing__exits_2_naming_all() -> None:
    with service("wait", HEADRACE_STORE="", HEADRACE_HEALTH_PORT="x") as process:
        line = wait_for(process.stderr, "process.stopped")

        assert line["reason"] == "settings"
        assert set(line["problems"]) == {"HEADRACE_STORE", "HEADRACE_HEALTH_PORT"}
        assert process.wait(10) == 2


def test_run_service__health_port__answers_ready() -> None:
    (port,) = free_ports(1)
    with service("wait", HEADRACE_HEALTH_PORT=str(port)) as process:
        wait_for(process.stderr, "health.changed")

        assert httpx.get(f"http://127.0.0.1:{port}/ready").json() == {"status": "ok", "reasons": []}


def test_run_service__parent_killed__ends_and_says_so() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, SERVICE],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    wait_for(parent.stderr, "health.changed")  # the child's log: it shares the stream

    parent.kill()

    assert wait_for(parent.stderr, "process.stopped")["reason"] == "parent_died"
    parent.communicate()
    assert wait_until_gone(child)


def wait_until_gone(pid: int, within_s: float = 10) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False
