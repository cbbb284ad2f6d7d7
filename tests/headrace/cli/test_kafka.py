"""`headrace kafka` and `headrace topics` as a user runs them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headrace.runtime.parent import wait_for_end_within

ROOT = Path(__file__).parents[3]


class Headrace:
    """Runs the command as a child process, without the settings of this one."""

    def __init__(self, **extra: str) -> None:
        kept = {name: value for name, value in os.environ.items() if name in {"HOME", "PATH", "HEADRACE_CACHE_DIR"}}
        self.environment = {**kept, "PYTHONPATH": str(ROOT), **extra}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "headrace.cli.main", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __call__(self, *arguments: str) -> tuple[int, Any]:
        process = self.start(*arguments, "--json")
        out, _ = process.communicate(timeout=90)
        (line,) = out.splitlines()
        return process.returncode, json.loads(line)


@pytest.mark.usefixtures("kafka")
def test_kafka__up_detached_status_down__as_the_interface_says(tmp_path: Path) -> None:
    headrace, data = Headrace(), ("--data", str(tmp_path / "data"))
    code, up = headrace("kafka", "up", "--detach", *data)
    try:
        assert code == 0
        assert set(up) == {"bootstrap_servers", "pid", "version", "data_dir", "cluster_id"}
        assert headrace("kafka", "up", "--detach", *data) == (0, up)
        running = {"running": True, "bootstrap_servers": up["bootstrap_servers"], "pid": up["pid"]}
        assert headrace("kafka", "status", *data) == (0, running)
    finally:
        code, down = headrace("kafka", "down", *data)

    assert (code, down) == (0, {**running, "running": False})
    assert wait_for_end_within(up["pid"], 1)
    nothing = {"running": False, "bootstrap_servers": None, "pid": None}
    assert headrace("kafka", "down", *data) == (0, nothing)
    assert headrace("kafka", "status", *data) == (0, nothing)


@pytest.mark.usefixtures("kafka")
def test_kafka_up__foreground__runs_until_asked(tmp_path: Path) -> None:
    process = Headrace().start("kafka", "up", "--data", str(tmp_path / "data"), "--json")
    assert process.stdout is not None
    up = json.loads(process.stdout.readline())

    process.send_signal(signal.SIGINT)
    process.communicate(timeout=15)

    assert process.returncode == 0
    assert wait_for_end_within(up["pid"], 1)


def test_kafka_up__kafka_in_the_environment__wins(kafka: str, tmp_path: Path) -> None:
    headrace = Headrace(HEADRACE_KAFKA_BOOTSTRAP_SERVERS=kafka)

    code, up = headrace("kafka", "up", "--data", str(tmp_path / "data"))

    assert code == 0
    assert (up["bootstrap_servers"], up["pid"]) == (kafka, None)
    assert not (tmp_path / "data").exists()
    assert headrace("kafka", "status")[1]["running"] is True


def test_topics__create_then_check__exit_codes(kafka: str) -> None:
    headrace = Headrace(HEADRACE_KAFKA_BOOTSTRAP_SERVERS=kafka, HEADRACE_TOPIC_PREFIX=f"cli{os.getpid()}.")

    code, before = headrace("topics", "check")
    assert code == 1
    assert {tuple(found["problems"]) for found in before["topics"]} == {("missing",)}

    assert headrace("topics", "create", "--partitions", "2")[0] == 0
    assert headrace("topics", "check", "--partitions", "2")[0] == 0
    code, after = headrace("topics", "check", "--partitions", "3")
    assert code == 1
    assert set(after["topics"][0]) == {"name", "partitions", "cleanup", "ok", "problems"}


def test_topics_check__kafka_away__exit_3() -> None:
    code, error = Headrace(HEADRACE_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")("topics", "check")

    assert code == 3
    assert error["error"]["code"] == "kafka_unavailable"


@pytest.mark.usefixtures("kafka")
def test_kafka_up__data_folder_that_is_a_file__exit_3_and_another_place(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    code, found = Headrace()("kafka", "up", "--data", str(tmp_path / "data"))
    assert code == 3
    assert found["error"]["code"] == "folder_unwritable"
    assert "--data" in found["error"]["hint"]
