"""A service of several stores, as a real process: who is served, who is left out, what health and metrics tell."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from headrace.runtime.ports import free_ports
from tests.headrace.runtime.test_process import environment, wait_for

SERVICE = """
import asyncio
from functools import partial
from headrace.runtime.lanes import run_lanes
from headrace.runtime.logs import log
from headrace.runtime.metrics import counter
from headrace.runtime.process import FatalError, Running, run_service_of_stores
from services.actions.settings import GroupSettings

async def lane(settings, running):
    counter("headrace_retries_total", target="kafka").inc()
    if settings.store == "bad":
        raise ValueError("jo@shop.example")
    if settings.store == "refused":
        raise FatalError("unauthorized")
    running.health.clear("starting")
    log.info("health.changed", given=settings.bigcommerce_token.get_secret_value(), among=settings.among)
    await running.stopping.wait()

async def main(stores, running):
    running.health.clear("starting")
    await run_lanes({one.store if one.among else "": partial(lane, one) for one in stores}, running)

run_service_of_stores("example", lambda entry: GroupSettings if entry.has("bigcommerce") else None, main)
"""


@contextmanager
def service(folder: Path, *stores: str, **extra: str) -> Iterator[subprocess.Popen[str]]:
    """These stores, each with a token "t-<name>"; one that begins with "no-" has none."""
    lines = ["stores:"]
    for store in stores:
        (folder / store).write_text(f"t-{store}")
        lines.append(f"  {store}: {{{'' if store.startswith('no-') else f'bigcommerce_token_file: {store}'}}}")
    (folder / "stores.yaml").write_text("\n".join(lines))
    given = {"HEADRACE_STORES": str(folder / "stores.yaml"), "HEADRACE_STORE": "", **extra}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVICE], env=environment(**given), stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(folder: Path, *stores: str, **extra: str) -> tuple[int, list[dict[str, Any]]]:
    with service(folder, *stores, **extra) as process:
        _, said = process.communicate(timeout=30)
    return process.returncode, [json.loads(line) for line in said.splitlines()]


def test_run_service_of_stores__some_in_trouble__the_others_are_served_and_it_is_told(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with service(tmp_path, "good", "bad", "no-shop", "refused", HEADRACE_HEALTH_PORT=str(port)) as process:
        assert wait_for(process.stderr, "store.left_out")["stores"] == ["no-shop"]
        stopped = [wait_for(process.stderr, "store.stopped") for _ in range(2)]
        ready = httpx.get(f"http://127.0.0.1:{port}/ready")
        lines = set(httpx.get(f"http://127.0.0.1:{port}/metrics").text.splitlines())
        process.send_signal(signal.SIGTERM)
        last = wait_for(process.stderr, "process.stopped")
        assert process.wait(10) == 0
    found = {line["store"]: (line["reason"], line["detail"], line["delay_s"]) for line in stopped}
    assert found == {"bad": ("crashed", "ValueError", 5.0), "refused": ("unauthorized", "", 5.0)}
    assert (ready.status_code, ready.json()["reasons"]) == (200, [])
    assert ready.json()["notes"] == ["bad: crashed", "refused: unauthorized"]
    assert {
        'headrace_ready{store=""} 1.0',
        'headrace_ready{store="good"} 1.0',
        'headrace_ready{store="bad"} 0.0',
        'headrace_retries_total{store="good",target="kafka"} 1.0',
    } <= lines
    assert any(re.match(r'headrace_info{.*store="".*} 1', line) for line in lines)
    assert "store" not in last


def test_run_service_of_stores__all_in_trouble__is_not_ready(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with service(tmp_path, "bad", "refused", HEADRACE_HEALTH_PORT=str(port)) as process:
        for _ in range(2):
            wait_for(process.stderr, "store.stopped")
        ready = httpx.get(f"http://127.0.0.1:{port}/ready")
        startup = httpx.get(f"http://127.0.0.1:{port}/startup")
    assert (ready.status_code, ready.json()["reasons"]) == (503, ["bad: crashed", "refused: unauthorized"])
    assert startup.status_code == 200


def test_run_service_of_stores__crash_of_a_lane__is_logged_without_its_words(tmp_path: Path) -> None:
    with service(tmp_path, "bad", "good") as process:
        line = wait_for(process.stderr, "task.failed")
    assert line["store"] == "bad"
    assert "jo@shop.example" not in json.dumps(line)
    assert "ValueError" in json.dumps(line)


def test_run_service_of_stores__named_by_the_variable__only_those(tmp_path: Path) -> None:
    with service(tmp_path, "bad", "good", HEADRACE_STORE="good") as process:
        line = wait_for(process.stderr, "health.changed")
        while "given" not in line:
            line = wait_for(process.stderr, "health.changed")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert (line["store"], line["given"], line["among"]) == ("good", "t-good", ["bad", "good"])


@pytest.mark.parametrize(
    ("stores", "extra", "problems"),
    [
        (
            ["no-a", "no-b"],
            {},
            {"HEADRACE_STORES": "has nothing for this service: no-a, no-b lack the credentials it needs"},
        ),
        (
            ["good"],
            {"HEADRACE_BIGCOMMERCE_QUOTA_SHARE": "7"},
            {"HEADRACE_BIGCOMMERCE_QUOTA_SHARE": "should be less than or equal to 1"},
        ),
    ],
)
def test_run_service_of_stores__nothing_to_serve_or_wrong__ends_with_2(
    stores: list[str], extra: dict[str, str], problems: dict[str, str], tmp_path: Path
) -> None:
    code, lines = ended(tmp_path, *stores, **extra)
    assert (code, lines[-1]["reason"], lines[-1]["problems"]) == (2, "settings", problems)


def test_run_service_of_stores__no_file__one_store_by_the_variables(tmp_path: Path) -> None:
    given = {"HEADRACE_STORES": "", "HEADRACE_STORE": "good", "HEADRACE_BIGCOMMERCE_TOKEN": "own"}
    (port,) = free_ports(1)
    with service(tmp_path, HEADRACE_HEALTH_PORT=str(port), **given) as process:
        line = wait_for(process.stderr, "health.changed")
        while "given" not in line:
            line = wait_for(process.stderr, "health.changed")
        lines = httpx.get(f"http://127.0.0.1:{port}/metrics").text.splitlines()
    assert (line["given"], line["among"], "store" in line) == ("own", [], False)
    assert "headrace_ready 1.0" in lines


def test_run_service_of_stores__no_file_and_the_lane_fails__the_process_ends(tmp_path: Path) -> None:
    given = {"HEADRACE_STORES": "", "HEADRACE_STORE": "refused", "HEADRACE_BIGCOMMERCE_TOKEN": "own"}
    code, lines = ended(tmp_path, **given)
    assert (code, lines[-1]["reason"]) == (3, "unauthorized")
