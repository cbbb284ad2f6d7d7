"""Runs side by side meet before any of them is verified; the first that fails ends the others."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from headrace.demo import together
from headrace.demo.flow import Result, Run
from headrace.demo.settle import NotSettled
from headrace.runtime.settings import ServiceSettings


def run_of(store: str) -> Run:
    settings = ServiceSettings(store=store, kafka_bootstrap_servers="127.0.0.1:1")
    return Run(settings, "http://sim.test", "token", cast("Any", None), partitions=1, book=Path("effects.db"))


async def test_run_side_by_side__several__results_in_order_and_all_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    async def run(run: Run) -> Result:
        name = run.settings.store
        told.append(f"{name} plays")
        if name == "a":
            await asyncio.sleep(0)
        assert run.meet is not None
        await run.meet()
        told.append(f"{name} is verified")
        return cast("Result", name)

    monkeypatch.setattr(together, "run_demo", run)
    results: list[Any] = list(await together.run_side_by_side([run_of(name) for name in "abc"]))
    assert results == ["a", "b", "c"]
    assert told[:3] == ["a plays", "b plays", "c plays"]
    assert len(told) == 6


async def test_run_side_by_side__one_fails__the_others_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    async def run(run: Run) -> Result:
        if run.settings.store == "b":
            raise NotSettled("after 1 s still waiting")
        assert run.meet is not None
        try:
            await run.meet()
        finally:
            ended.append(run.settings.store)
        raise AssertionError("b never came")

    monkeypatch.setattr(together, "run_demo", run)
    with pytest.raises(NotSettled, match="still waiting"):
        await together.run_side_by_side([run_of("a"), run_of("b")])
    assert ended == ["a"]


async def test_run_side_by_side__one_store__waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(run: Run) -> Result:
        return cast("Result", run.meet)

    monkeypatch.setattr(together, "run_demo", run)
    results: list[Any] = list(await together.run_side_by_side([run_of("a")]))
    assert results == [None]
