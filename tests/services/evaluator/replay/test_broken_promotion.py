"""A promotion that was killed at any of its steps: the same command once more brings everything to its end."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.contracts.topics import ACTIONS_CONTACT, ACTIONS_GROUP
from headrace.runtime.settings import ServiceSettings
from tests.services.evaluator.replay.dies import STEPS
from tests.services.evaluator.replay.promoting import (
    actions,
    addresses_of_the_log,
    begin,
    caught_up_in,
    changing_addresses,
    lines,
    tell_wrongly,
)
from tests.services.evaluator.replay.scene import environment_of, headrace
from tests.services.evaluator.service import PARTITIONS, evaluator

pytestmark = pytest.mark.kafka
BETWEEN_THE_LINES = (pytest.param("one line", marks=pytest.mark.slow), "two lines")
"""One of them in every run, all other steps in the long ones: half a minute each."""


async def promote_and_die(settings: ServiceSettings, step: str) -> None:
    """Returns when the process that promotes has killed itself at the step."""
    command = [sys.executable, "-m", "tests.services.evaluator.replay.dies", step]
    died = await asyncio.to_thread(
        subprocess.run, command, env=environment_of(settings), capture_output=True, timeout=120, check=False
    )
    assert died.returncode == -9, died.stderr[-4000:]


async def held(settings: ServiceSettings, name: str) -> dict[str, dict[str, object]]:
    """What a sink holds by customer when it has seen all of a topic: the largest version."""
    found: dict[str, dict[str, object]] = {}
    for _, _, action in await actions(settings, name):
        if action["version"] >= found.get(action["customer"], action)["version"]:
            found[action["customer"]] = action
    return found


async def check(settings: ServiceSettings, generation: int) -> None:
    """The generation has all partitions and is right, and the sinks know what it knows."""
    await caught_up_in(settings, generation)
    assert (await lines(settings)).keys() == set(range(PARTITIONS))
    groups = {name: action["value"] for name, action in (await held(settings, ACTIONS_GROUP)).items()}
    assert groups["teststore:1"] == "Silver"
    contacts = await held(settings, ACTIONS_CONTACT)
    addresses = {name: action["personal"]["email"] for name, action in contacts.items()}  # type: ignore[index]
    assert addresses == await addresses_of_the_log(settings)
    again = await headrace(settings, "replay")
    assert (again.code, again.json["generation"], again.json["equal"]) == (0, generation + 1, True), again.json


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
async def test_promote__killed_and_repeated_under_live_traffic__all_is_handed_over(
    topics_created: ServiceSettings, tmp_path: Path, step: str
) -> None:
    settings = topics_created
    await begin(settings)
    async with evaluator(settings, tmp_path) as worker:
        await caught_up_in(settings, 1)
        await tell_wrongly(settings, 1, "Gold")
        async with changing_addresses(settings):
            await promote_and_die(settings, step)
            await asyncio.sleep(1.0)
            said = await headrace(settings, "replay", "--promote")
            await asyncio.sleep(1.0)
        assert said.code == 0, (said.json, said.stderr[-4000:])
        await check(settings, said.json["generation"])
        assert worker.process.poll() is None


@pytest.mark.parametrize("step", BETWEEN_THE_LINES)
async def test_promote__killed_between_the_lines_and_workers_restarted__repeating_it_hands_over(
    topics_created: ServiceSettings, tmp_path: Path, step: str
) -> None:
    """A worker that starts then finds the new generation, which is silent where the line is missing."""
    settings = topics_created
    await begin(settings)
    async with evaluator(settings, tmp_path) as worker:
        await caught_up_in(settings, 1)
        await tell_wrongly(settings, 1, "Gold")
        async with changing_addresses(settings):
            await promote_and_die(settings, step)
            await asyncio.sleep(1.0)
        worker.process.terminate()
        assert await asyncio.to_thread(worker.process.wait, 20) == 0
    async with evaluator(settings, tmp_path):
        async with changing_addresses(settings, since=6_000):
            await caught_up_in(settings, 2)
        said = await headrace(settings, "replay", "--promote")
        assert said.code == 0, (said.json, said.stderr[-4000:])
        await check(settings, said.json["generation"])
