"""The process: its first line, its end."""

import json
import os
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from headrace.simulators.__main__ import options_from

ROOT = Path(__file__).parents[3]


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def _start(*arguments: str, parent_pid: int | None = None) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if parent_pid is not None:
        environment["HEADRACE_PARENT_PID"] = str(parent_pid)
    command = [sys.executable, "-m", "headrace.simulators", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)


def test_process__started__prints_its_addresses_and_stops_on_sigterm() -> None:
    with _start("--speed", "60", "--start-time", "2009-12-01T07:45:00Z") as process:
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())
        with urlopen(f"{addresses['mailchimp']}/_sim/clock") as reply:  # noqa: S310 - our own address
            clock = json.load(reply)
        assert clock["now"].startswith("2009-12-01T")
        assert clock["speed"] == 60
        assert addresses["bigcommerce"].startswith("http://127.0.0.1:")
        assert addresses["receiver"].startswith("http://127.0.0.1:")
        host, _, port = addresses["smtp"].removeprefix("smtp://").partition(":")
        with smtplib.SMTP(host, int(port)) as mail:
            mail.sendmail("shop@x.example", ["a@x.example"], "Message-ID: <1@x.example>\n\nHello")
        with urlopen(f"{addresses['receiver']}/_sim/truth") as reply:  # noqa: S310
            assert [row["to"] for row in json.load(reply)["effects"]] == ["a@x.example"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_process__parent_gone__ends(parent: subprocess.Popen[bytes]) -> None:
    with _start(parent_pid=parent.pid) as process:
        assert process.stdout is not None
        process.stdout.readline()
        parent.kill()
        parent.wait()
        assert process.wait(10) == 0


def test_options__every_one__is_read() -> None:
    options = options_from(["--store", "abc", "--webhook-header", "X-A: b", "--quota", "150", "--smtp-user", "u"])
    assert options.smtp_user == "u"
    assert (options.store, options.webhook_header, options.quota) == ("abc", ("X-A", "b"), 150)


def test_options__bad_one__is_usage() -> None:
    with pytest.raises(SystemExit) as caught:
        options_from(["--webhook-header", "nothing"])
    assert caught.value.code == 2
