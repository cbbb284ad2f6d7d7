"""Replay on real Kafka: the log folded again comes to the very bytes of the live state, and tells nobody anything."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from headrace.contracts.topics import EVENTS
from headrace.runtime.kafka import confluent_config, topic
from headrace.runtime.settings import ServiceSettings
from headrace.segmentation.codec import decode_state
from services.evaluator.engine.state import PAGE_SIGN
from services.evaluator.replay import lock
from services.evaluator.replay.generations import Generations
from services.evaluator.replay.groups import positions
from services.evaluator.replay.lock import ReplayLock
from services.evaluator.replay.refused import Refused
from tests.conftest import settings_for, with_topics
from tests.processes import descendants, is_gone
from tests.services.evaluator.replay.scene import (
    CUSTOMERS,
    caught_up,
    changelog_of,
    command,
    environment_of,
    headrace,
    ladder,
    outputs,
    people,
    traffic,
)
from tests.services.evaluator.service import BEGIN, activation, evaluator, publish, publish_rules, until

pytestmark = pytest.mark.kafka
RULES = """
store: {timezone: Europe/London, currency: GBP}
groups: [{name: Gold}, {name: Silver}]
group_order: [Gold, Silver]
ladders:
  - id: loyalty
    by: customer.spend
    rungs: [{group: Silver}, {group: Gold, from: 9999}]
"""


async def live_log(settings: ServiceSettings, folder: Path) -> None:
    """A log with clocks, bad records and an activation, folded live."""
    await publish_rules(settings, ladder(20_000), 1)
    await publish(settings, [*people(), *traffic(1, 100), *activation(ladder(20_000), 1), *traffic(2, 150)])
    await publish(settings, [*traffic(3, 200), *traffic(4, 60)])
    async with evaluator(settings, folder):
        await caught_up(settings)


async def longer_live_log(settings: ServiceSettings, folder: Path) -> None:
    """The same with two activations midway, and a worker that was killed and started again once."""
    await publish_rules(settings, ladder(20_000), 1)
    await publish_rules(settings, ladder(5_000), 2)
    await publish(settings, [*people(), *traffic(1, 100), *activation(ladder(20_000), 1), *traffic(2, 150)])
    async with evaluator(settings, folder, variables={"HEADRACE_SESSION_TIMEOUT_MS": "6000"}) as first:
        await caught_up(settings)
        await publish(settings, traffic(3, 200))
        first.process.kill()
    await publish(settings, [*activation(ladder(5_000), 2), *traffic(4, 60)])
    async with evaluator(settings, folder, variables={"HEADRACE_SESSION_TIMEOUT_MS": "6000"}):
        await caught_up(settings)
        await until("every customer to be on the second rule set", lambda: all_on(settings, 2))


@pytest.fixture(scope="module")
def recorded(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> ServiceSettings:
    """`longer_live_log`, for tests that leave it and its generation 1 as they are."""
    settings = with_topics(settings_for(kafka))
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, longer_live_log(settings, tmp_path_factory.mktemp("recorded"))).result()
    return settings


async def all_on(settings: ServiceSettings, version: int) -> bool:
    """Whether the live generation's sweep has shown everybody this version: a restart may come before that."""
    states = await changelog_of(settings, 1)
    return all(decode_state(body).rules_version == version for key, (_, body) in states.items() if PAGE_SIGN not in key)


async def test_replay__of_a_recorded_live_log__gives_the_same_bytes_and_no_output(recorded: ServiceSettings) -> None:
    settings = recorded
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


async def test_replay__killed_in_the_middle_and_run_again__gives_the_same_digest(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    settings = topics_created
    await live_log(settings, tmp_path)
    expected = await headrace(settings, "state", "digest")
    await killed_midway(settings, tmp_path)
    unfinished = await changelog_of(settings, 2)
    said = await headrace(settings, "replay")

    assert await asyncio.to_thread(positions, settings, 1), "the live generation is as it was"
    assert len(unfinished) < CUSTOMERS, "it was killed before it was done"
    assert said.code == 0, said.json
    assert (said.json["generation"], said.json["digest"]) == (2, expected.json["digest"])
    assert await changelog_of(settings, 2) == await changelog_of(settings, 1)


async def killed_midway(settings: ServiceSettings, folder: Path) -> None:
    """A replay that is killed when the first partition is written and others are not; its processes end with it."""
    with (folder / "killed.log").open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            *command("replay", "--processes", "1"),
            env=environment_of(settings),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=sink,
        )

        async def begun() -> bool:
            return b"replay.written" in (folder / "killed.log").read_bytes()

        await until("the first partition to be written", begun)
        started = list(descendants(process.pid))
        process.kill()
        await process.wait()

        async def all_gone() -> bool:
            return all(map(is_gone, started))

        await until("its processes to end too", all_gone, 5)
    assert await asyncio.to_thread(positions, settings, 2) == {}


async def test_replay__until_a_time_and_of_some_partitions__folds_only_those(recorded: ServiceSettings) -> None:
    settings = recorded
    existing = await asyncio.to_thread(Generations(settings).existing)
    whole = await headrace(settings, "replay", "--partitions", "0,1")
    early = await headrace(settings, "replay", "--until", (BEGIN + timedelta(days=25)).isoformat())
    late = await headrace(settings, "replay", "--until", (BEGIN + timedelta(days=999)).isoformat())

    assert (whole.code, early.code, late.code) == (0, 0, 0), (whole.json, early.json, late.json)
    assert (whole.json["equal"], whole.json["generation"]) == (True, None)
    assert whole.json["customers"] < CUSTOMERS
    assert not early.json["equal"]
    assert early.json["differences"]["groups"] > 0
    assert early.json["events"] < late.json["events"]
    assert late.json["equal"]
    assert await asyncio.to_thread(Generations(settings).existing) == existing, "a part makes no generation"


async def test_replay__other_rules__counts_who_would_move_and_cannot_be_promoted(
    recorded: ServiceSettings, tmp_path: Path
) -> None:
    settings = recorded
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES, encoding="utf-8")
    said = await headrace(settings, "replay", "--rules", str(rules))
    refused = await headrace(settings, "replay", "--rules", str(rules), "--promote")

    assert said.code == 0, said.json
    assert said.json["differences"]["groups"] > 0
    assert (refused.code, refused.json["error"]["code"]) == (1, "rules_not_applied")
    assert "headrace apply" in refused.json["error"]["hint"]


async def test_replay__beginning_of_the_log_gone__refuses_with_the_exact_range(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    settings = topics_created
    await live_log(settings, tmp_path)
    await asyncio.to_thread(delete_before, settings, 1, 40)
    refused = await headrace(settings, "replay")
    anyway = await headrace(settings, "replay", "--allow-missing")

    assert refused.code == 1
    assert refused.json["error"]["code"] == "log_incomplete"
    assert "partition 1: offsets 0 to 39" in refused.json["error"]["message"]
    assert "partition 0" not in refused.json["error"]["message"]
    assert anyway.code == 1, "poorer states are differences"
    assert not anyway.json["equal"]


def delete_before(settings: ServiceSettings, partition: int, offset: int) -> None:
    """Takes the beginning of a partition of the events away, as retention does."""
    admin = AdminClient(confluent_config(settings))
    place = TopicPartition(topic(settings, EVENTS), partition, offset)
    for done in admin.delete_records([place]).values():
        done.result(30)


async def test_replay__while_another_one_runs__is_refused(
    topics_created: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waited for no longer than a rebalance needs, of which the first one hears with its heartbeat, within 3 s."""
    settings = topics_created
    monkeypatch.setattr(lock, "_WAIT_S", 8.0)

    def two() -> None:
        with ReplayLock(settings) as first, pytest.raises(Refused, match="another replay"):
            ReplayLock(settings).__enter__()
        assert not first.held

    await asyncio.to_thread(two)


async def test_replay__while_live__is_equal_at_the_offsets_it_began_with(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    settings = topics_created
    await publish_rules(settings, ladder(20_000), 1)
    await publish(settings, [*activation(ladder(20_000), 1), *people(), *traffic(1, 100)])
    async with evaluator(settings, tmp_path):
        await caught_up(settings)
        replaying = asyncio.create_task(headrace(settings, "replay"))
        for seed in range(2, 40):
            await publish(settings, traffic(seed, 20))
            if replaying.done():
                break
        said = await replaying

    assert said.code == 0, said.json
    assert said.json["equal"]


async def test_state__show_and_digest__tell_of_the_live_generation(recorded: ServiceSettings) -> None:
    settings = recorded
    digest = await headrace(settings, "state", "digest")
    shown = await headrace(settings, "state", "show", "teststore:1")
    personal = await headrace(settings, "state", "show", "1", "--personal")
    unknown = await headrace(settings, "state", "show", "teststore:999")

    assert digest.json["generation"] == 1
    assert digest.json["customers"] == CUSTOMERS
    assert sorted(digest.json["offsets"]) == ["0", "1", "2"]
    assert shown.json["state"]["key"] == "teststore:1"
    assert "c1@post.example" not in str(shown.json)
    assert personal.json["state"]["profile"]["email"] == "c1@post.example"
    assert (unknown.code, unknown.json["error"]["code"]) == (1, "unknown_customer")
