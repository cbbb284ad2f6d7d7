"""The verb: what it starts, and that it says why there is nothing to start."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from headrace.cli import bench
from headrace.cli.main import execute


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        commands.append(command[1:])
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_engine__options__reach_the_harness_and_its_exit_code_is_ours(started: list[list[str]]) -> None:
    assert execute(["bench", "engine", "--rounds", "2", "--events", "9", "--systems", "a,b", "--json"]) == 1
    assert started == [
        ["-m", "benchmarks.engine.run", "--rounds", "2", "--events", "9", "--systems", "a,b", "--json"],
    ]


def test_decide__no_options__starts_its_benchmark(started: list[list[str]]) -> None:
    assert execute(["bench", "decide"]) == 1
    assert started == [["-m", "benchmarks.core.bench_decide"]]


def test_bench__outside_a_checkout__says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, started: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "_ROOT", tmp_path)
    assert execute(["bench", "engine"]) == 3
    assert "not part of the installed package" in capsys.readouterr().err
    assert started == []
