"""Replay on real Kafka: the log folded again comes to the very bytes of the live state, and tells nobody anything."""

from pathlib import Path

import pytest

from headrace.runtime.settings import ServiceSettings
from tests.services.evaluator.replay.scene import (
    CUSTOMERS,
    caught_up,
    changelog_of,
    headrace,
    ladder,
    outputs,
    people,
    traffic,
)
from tests.services.evaluator.service import activation, evaluator, publish, publish_rules

pytestmark = pytest.mark.kafka


async def live_log(settings: ServiceSettings, folder: Path) -> None:
    """A log with clocks, bad records and two activations midway, folded live by a worker that was restarted once."""
    await publish_rules(settings, ladder(20_000), 1)
    await publish_rules(settings, ladder(5_000), 2)
    await publish(settings, [*people(), *traffic(1, 100), *activation(ladder(20_000), 1), *traffic(2, 150)])
    async with evaluator(settings, folder) as first:
        await caught_up(settings)
        await publish(settings, traffic(3, 200))
        first.process.kill()
    await publish(settings, [*activation(ladder(5_000), 2), *traffic(4, 60)])
    async with evaluator(settings, folder):
        await caught_up(settings)


async def test_replay__of_a_recorded_live_log__gives_the_same_bytes_and_no_output(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    settings = topics_created
    await live_log(settings, tmp_path)
    before = await outputs(settings)
    said = await headrace(settings, "replay")

    assert said.code == 0, said.json
    assert said.json["generation"] == 2
    assert said.json["equal"]
    assert said.json["digest"] == said.json["live_digest"]
    assert said.json["differences"] == {"groups": 0, "attributes": 0, "tags": 0}
    assert (said.json["promoted"], said.json["effects_released"]) == (False, 0)
    assert said.json["customers"] == CUSTOMERS
    assert await outputs(settings) == before
    assert await changelog_of(settings, 2) == await changelog_of(settings, 1)
