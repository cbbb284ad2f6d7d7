"""Health of several stores: one in trouble is a note, all of them block; and whose each metric is."""

import subprocess
import sys

import pytest

from headrace.runtime.health import Health, LaneHealth

READY, STARTING = (), ("starting",)


def process_of(**lanes: tuple[str, ...]) -> Health:
    """A process that has started, its lanes blocked by these reasons for the first time."""
    process = Health()
    process.clear("starting")
    for store, reasons in lanes.items():
        lane = LaneHealth(process, store)
        for reason in reasons:
            lane.block(reason)
        if "starting" not in reasons:
            lane.clear("starting")
    return process


@pytest.mark.parametrize(
    ("lanes", "started", "reasons", "notes"),
    [
        ({}, True, [], []),
        ({"a": READY, "b": READY}, True, [], []),
        ({"a": STARTING, "b": STARTING}, False, ["a: starting", "b: starting"], []),
        ({"a": STARTING, "b": READY}, False, ["a: starting"], []),
        ({"a": ("401",), "b": READY}, True, [], ["a: 401"]),
        ({"a": ("401", "kafka"), "b": READY}, True, [], ["a: 401", "a: kafka"]),
        ({"a": ("401",), "b": ("kafka",)}, True, ["a: 401", "b: kafka"], []),
        ({"a": ("starting", "kafka"), "b": READY}, True, [], ["a: starting", "a: kafka"]),
        ({"a": ("starting", "kafka"), "b": STARTING}, False, ["a: starting", "a: kafka", "b: starting"], []),
        ({"a": ("401",), "b": STARTING, "c": READY}, False, ["b: starting"], ["a: 401"]),
    ],
)
def test_health__lanes__one_in_trouble_blocks_nobody(
    lanes: dict[str, tuple[str, ...]], started: bool, reasons: list[str], notes: list[str]
) -> None:
    process = process_of(**lanes)
    assert (process.started, process.reasons, process.notes) == (started, reasons, notes)
    assert process.ready is (reasons == [])


def test_health__process_itself_blocked__is_not_ready_whatever_its_lanes_are() -> None:
    process = process_of(a=READY)
    process.block("parent_died")
    assert (process.ready, process.reasons) == (False, ["parent_died"])


def test_lane__begins_anew_after_it_failed__blocks_nobody() -> None:
    """The process was ready: it is not taken out of service each time a store in trouble tries again."""
    process = process_of(a=READY, b=READY)
    lane = LaneHealth(process, "c")
    lane.fail("unauthorized")
    assert (process.reasons, process.notes) == ([], ["c: unauthorized"])
    lane.begin()
    assert (process.ready, process.started, process.notes) == (True, True, ["c: starting"])
    lane.clear("starting")
    assert (process.reasons, process.notes) == ([], [])


def test_lane__begins_anew__its_old_reasons_and_notes_are_gone() -> None:
    process = process_of(b=READY)
    lane = LaneHealth(process, "a")
    lane.note("room", "no attribute left")
    lane.block("quota")
    assert process.notes == ["a: starting", "a: quota", "a: no attribute left"]
    lane.begin()
    lane.clear("starting")
    assert process.notes == []


def test_lane__only_one_and_in_trouble__blocks() -> None:
    process = process_of(a=("401",))
    assert (process.ready, process.reasons) == (False, ["a: 401"])


def test_lane__notes__are_told_by_its_name_beside_the_processs() -> None:
    process = process_of(a=READY, b=("401",))
    process.note("disk", "nearly full")
    next(lane for lane in process._lanes.values() if lane.ready).note("room", "no attribute left")
    assert process.notes == ["nearly full", "b: 401", "a: no attribute left"]


# -- metrics: by store in a process of its own, as the registry is one for all -----------------------------------------
SEVERAL = """
import asyncio
from headrace.runtime.health import Health, LaneHealth
from headrace.runtime.metrics import *

label_by_store()
process = Health()
process.clear("starting")
counter("headrace_retries_total", target="kafka").inc()

async def lane(store):
    for_store(store)
    health = LaneHealth(process, store)
    health.clear("starting")
    if store == "bad":
        health.fail("unauthorized")
    counter("headrace_retries_total", target="kafka").inc(2)
    gauge("headrace_evaluator_lag_records", partition="3").set(7)
    gauge("headrace_circuit_open", vendor="bigcommerce", store="named").set(1)
    if store == "bad":
        forget(partition="3")

async def main():
    await asyncio.gather(lane("good"), lane("bad"))

asyncio.run(main())
print(exposition().decode())
"""
ONE = """
from headrace.runtime.health import Health
from headrace.runtime.metrics import *

Health().clear("starting")
counter("headrace_retries_total", target="kafka").inc()
gauge("headrace_clock_seconds", store="said").set(5)
print(exposition().decode())
"""


def exposition_of(program: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines())


def test_metrics__several_stores__each_has_its_label_and_the_process_none() -> None:
    lines = exposition_of(SEVERAL)
    expected = {
        'headrace_retries_total{store="",target="kafka"} 1.0',
        'headrace_retries_total{store="good",target="kafka"} 2.0',
        'headrace_retries_total{store="bad",target="kafka"} 2.0',
        'headrace_evaluator_lag_records{partition="3",store="good"} 7.0',
        'headrace_circuit_open{store="named",vendor="bigcommerce"} 1.0',
        'headrace_ready{store=""} 1.0',
        'headrace_ready{store="good"} 1.0',
        'headrace_ready{store="bad"} 0.0',
    }
    assert expected - lines == set()
    assert 'headrace_evaluator_lag_records{partition="3",store="bad"} 7.0' not in lines


def test_metrics__one_store__no_label() -> None:
    expected = {'headrace_retries_total{target="kafka"} 1.0', "headrace_ready 1.0", "headrace_clock_seconds 5.0"}
    assert expected - exposition_of(ONE) == set()
