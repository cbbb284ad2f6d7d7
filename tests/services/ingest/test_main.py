"""The processes themselves: they start, say what is missing, and stop when told."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from time import monotonic

import pytest

from headrace.runtime.settings import ServiceSettings
from tests.services.ingest.shop import free_port


def _start(process: str, **variables: str) -> subprocess.Popen[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    command = [sys.executable, "-m", "services.ingest", process]
    return subprocess.Popen(command, env=env | variables, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("process", ["receive", "hydrate", "feed"])
def test_main__settings_missing__all_named_and_exit_2(process: str) -> None:
    started = _start(process)
    _, errors = started.communicate(timeout=30)
    assert started.returncode == 2
    assert all(name in errors for name in ("KAFKA_BOOTSTRAP_SERVERS", "STORE", "HASH_KEY"))


def test_main__receive_told_to_stop__exit_0(topics_created: ServiceSettings) -> None:
    health = free_port()
    started = _start(
        "receive",
        HEADRACE_KAFKA_BOOTSTRAP_SERVERS=topics_created.kafka_bootstrap_servers,
        HEADRACE_TOPIC_PREFIX=topics_created.topic_prefix,
        HEADRACE_STORE="teststore",
        HEADRACE_HASH_KEY="hk",
        HEADRACE_BIGCOMMERCE_CLIENT_SECRET="secret",
        HEADRACE_PORT=str(free_port()),
        HEADRACE_HEALTH_PORT=str(health),
    )
    _until_ready(f"http://127.0.0.1:{health}/ready", started)
    started.send_signal(signal.SIGTERM)
    _, errors = started.communicate(timeout=10)
    assert started.returncode == 0, errors


def _until_ready(url: str, started: subprocess.Popen[str]) -> None:
    deadline = monotonic() + 30
    while monotonic() < deadline and started.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1) as reply:  # noqa: S310  # our own loopback address
                if reply.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            continue
    started.kill()
    pytest.fail(f"not ready: {started.communicate()[1]}")
