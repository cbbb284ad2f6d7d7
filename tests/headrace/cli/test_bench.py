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


@pytest.mark.parametrize(
    ("verb", "module"),
    [
        ("latency", "benchmarks.engine.latency"),
        ("restore", "benchmarks.engine.restore"),
        ("scale", "benchmarks.engine.scale"),
        ("path", "benchmarks.path.run"),
        ("replay", "benchmarks.replay.run"),
        ("plan", "benchmarks.plan.run"),
        ("consumer", "benchmarks.consumer.run"),
        ("profile", "benchmarks.path.profile"),
        ("decide", "benchmarks.core.bench_decide"),
        ("page", "benchmarks.page.write"),
    ],
)
def test_verb__no_options__leaves_them_to_its_benchmark(verb: str, module: str, started: list[list[str]]) -> None:
    assert execute(["bench", verb]) == 1
    assert started == [["-m", module]]


def test_memory__no_options__is_the_engine_with_a_million_customers_once(started: list[list[str]]) -> None:
    assert execute(["bench", "memory", "--keep"]) == 1
    assert started == [["-m", "benchmarks.engine.run", "--rounds", "1", "--workload", "million", "--keep"]]


def test_large__rounds__is_the_engine_with_more_of_it(started: list[list[str]]) -> None:
    assert execute(["bench", "large", "--rounds", "2"]) == 1
    assert started == [["-m", "benchmarks.engine.run", "--rounds", "2", "--workload", "large"]]


def test_decide__options__reach_it(started: list[list[str]]) -> None:
    assert execute(["bench", "decide", "--rounds", "1", "--sizes", "5,50", "--json"]) == 1
    assert started == [["-m", "benchmarks.core.bench_decide", "--rounds", "1", "--sizes", "5,50", "--json"]]


def test_bench__outside_a_checkout__says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, started: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "_ROOT", tmp_path)
    assert execute(["bench", "engine"]) == 3
    assert "not part of the installed package" in capsys.readouterr().err
    assert started == []
