"""Promotion on real Kafka, under live traffic: one generation ends where the next begins, and every sink converges."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from headrace.contracts.topics import ACTIONS_CONTACT, ACTIONS_GROUP, DESIRED_STATE_TOPICS
from headrace.runtime.settings import ServiceSettings
from tests.conftest import settings_for, with_topics
from tests.services.evaluator.replay.promoting import (
    actions,
    addresses_of_the_log,
    begin,
    caught_up_in,
    changing_addresses,
    lines,
    tell_wrongly,
)
from tests.services.evaluator.replay.scene import Said, headrace
from tests.services.evaluator.service import (
    PARTITIONS,
    evaluator,
)

pytestmark = pytest.mark.kafka
PAUSE_S = 10.0


async def promoted_under_traffic(settings: ServiceSettings, folder: Path) -> Said:
    """A worker that goes over from generation 1 to 2 in the midst of live events."""
    await begin(settings)
    async with evaluator(settings, folder) as worker:
        await caught_up_in(settings, 1)
        await tell_wrongly(settings, 1, "Gold")
        async with changing_addresses(settings):
            await asyncio.sleep(1.0)
            said = await headrace(settings, "replay", "--promote")
            await asyncio.sleep(1.0)
        await caught_up_in(settings, 2)
        assert worker.process.poll() is None
    return said


@pytest.fixture(scope="module")
def promoted(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[ServiceSettings, Said]:
    """One promotion for all tests, and what the verb said."""
    settings = with_topics(settings_for(kafka))
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(asyncio.run, promoted_under_traffic(settings, tmp_path_factory.mktemp("promoted")))
    return settings, run.result()


async def test_promote__under_live_traffic__hands_over_at_one_offset_and_all_converge(
    promoted: tuple[ServiceSettings, Said],
) -> None:
    settings, said = promoted
    assert said.code == 0, said.json
    assert (said.json["generation"], said.json["promoted"], said.json["effects_released"]) == (2, True, 0)
    drawn = await lines(settings)
    assert drawn.keys() == set(range(PARTITIONS))
    for name in DESIRED_STATE_TOPICS:
        newest: dict[str, tuple[int, ...]] = {}
        for partition, _, action in await actions(settings, name):
            generation, offset, _ = version = tuple(action["version"])
            if action["cause"]["event"] == "wrong":
                continue
            # The older one is silent behind its line, the newer one before it.
            assert (offset < drawn[partition]) if generation == 1 else (offset >= drawn[partition])
            assert version > newest.get(action["customer"], (0,)), "no update is lost to an older one"
            newest[action["customer"]] = version
    groups = {action["customer"]: action["value"] for _, _, action in await actions(settings, ACTIONS_GROUP)}
    assert groups["teststore:1"] == "Silver"
    contacts = await actions(settings, ACTIONS_CONTACT)
    addresses = {action["customer"]: action["personal"]["email"] for _, _, action in contacts}
    assert addresses == await addresses_of_the_log(settings)
    again = await headrace(settings, "replay")
    assert (again.code, again.json["generation"], again.json["equal"]) == (0, 3, True), again.json


async def test_promote__pause__is_short(promoted: tuple[ServiceSettings, Said]) -> None:
    settings, said = promoted
    assert said.code == 0, said.json
    times: dict[int, list[float]] = {}
    for partition, at, action in await actions(settings, ACTIONS_CONTACT):
        if action["version"][1] > 100:
            times.setdefault(partition, []).append(at)
    pauses = [b - a for at in times.values() for a, b in pairwise(at)]
    assert max(pauses) < PAUSE_S
