"""The switches that take a cure out or stop a worker: what they take, and that nothing but a test run may use them."""

import json
import os
import subprocess
import sys
from typing import get_args

import pytest

from services.evaluator.engine import cures, phases
from services.evaluator.engine.cures import DISABLE, NAMES, TEST_RUN, Cure
from services.evaluator.engine.phases import STOP

ME = str(os.getpid())
PARENT = str(os.getppid())


@pytest.mark.parametrize("run", [ME, PARENT], ids=["itself", "parent"])
def test_refusal__test_run_names_this_process_or_its_parent__may(run: str) -> None:
    assert cures.refusal({DISABLE: "era, contiguity", TEST_RUN: run}) is None
    assert phases.refusal({STOP: "flushed:kill:3", TEST_RUN: run}) is None


@pytest.mark.parametrize("run", ["", "1", "0", "-1", "true", f"{2**31 - 7}"])
def test_refusal__not_a_test_run__must_not_start(run: str) -> None:
    """A plain 1 that some file carries is not enough: process 1 is a container's own entry point."""
    assert "tests only" in (cures.refusal({DISABLE: "era", TEST_RUN: run}) or "")
    assert "tests only" in (phases.refusal({STOP: "flushed", TEST_RUN: run}) or "")


def test_refusal__nothing_switched__may() -> None:
    assert cures.refusal({}) is None
    assert cures.refusal({DISABLE: ""}) is None
    assert phases.refusal({STOP: ""}) is None


def test_refusal__unknown_cure__named() -> None:
    assert cures.refusal({DISABLE: "era,prayer", TEST_RUN: ME}) == f"{DISABLE}: no cure is called prayer"


@pytest.mark.parametrize("asked", ["flushing", "flushed:hang", "flushed:kill:0", "flushed:kill:x", ":kill"])
def test_refusal__unknown_stop__named(asked: str) -> None:
    assert asked in (phases.refusal({STOP: asked, TEST_RUN: ME}) or "")


def test_off__refused__no_cure_is_out() -> None:
    """A verb that does not look at `refusal` (replay) is safe too."""
    try:
        cures.read_switch({DISABLE: "era"})
        assert not any(cures.off(cure) for cure in get_args(Cure))
        cures.read_switch({DISABLE: "era", TEST_RUN: ME})
        assert cures.off("era")
        assert not cures.off("contiguity")
    finally:
        cures.read_switch()


def test_names__each_once() -> None:
    assert len(NAMES) == len(get_args(Cure))


@pytest.mark.parametrize("switch", [{DISABLE: "era"}, {STOP: "flushed:kill"}])
@pytest.mark.parametrize("run", ["", "1"])
def test_worker__switch_set_outside_a_test_run__refuses_to_start(switch: dict[str, str], run: str) -> None:
    environment = {
        **os.environ,
        "HEADRACE_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",  # it does not come so far
        "HEADRACE_STORE": "teststore",
        **switch,
        TEST_RUN: run,
    }
    command = [sys.executable, "-m", "tests.services.evaluator.engine.counting", '{"partitions": 1}']
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 3
    lines = (ended.stdout + ended.stderr).splitlines()
    (line,) = [json.loads(line) for line in lines if "process.stopped" in line]
    assert line["reason"] == "test_switch"
    assert "for tests only" in line["detail"]
