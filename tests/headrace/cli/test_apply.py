"""`headrace apply --from` on a real Kafka: versions, markers in every partition, what is refused."""

import asyncio
import json
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata
from msgspec import Raw

from headrace.cli import activation
from headrace.cli.activation import Flags
from headrace.cli.apply import put_in_force
from headrace.cli.main import execute
from headrace.cli.output import CliError
from headrace.cli.submission import Applied
from headrace.contracts.actions import RuleSetRecord
from headrace.contracts.events import RulesetActivated, decode_event
from headrace.contracts.topics import EVENTS, PARTITION_WIDE_KEY, RULES
from headrace.rules.load import LoadResult, Source, load_texts, rule_set_hash
from headrace.rules.model import decode_rule_set, encode_rule_set
from headrace.runtime.dependency import DependencyError
from headrace.runtime.kafka import make_consumer, make_producer, read_to_end, topic
from headrace.runtime.settings import ServiceSettings

STORE = "store: {timezone: Europe/London, currency: GBP}\n"


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is a run of its own: stdout has no object yet."""
    monkeypatch.setattr("headrace.cli.output._Stdout.used", False)


def rules(*ids: str, above: int = 5) -> LoadResult:
    entries = [
        f"  - {{id: {name}, who: {{customer.orders: {{above: {above}}}}}, attributes: {{a: b}}}}" for name in ids
    ]
    return load_texts([Source("rules.yaml", STORE + "segments:\n" + "\n".join(entries) + "\n")])


async def apply(settings: ServiceSettings, loaded: LoadResult, *, prune: bool = False) -> Applied:
    return await put_in_force(settings, loaded, prune=prune)


async def markers(settings: ServiceSettings) -> list[tuple[int, RulesetActivated]]:
    found = []
    for record in await read_to_end(settings, topic(settings, EVENTS)):
        if record.key == PARTITION_WIDE_KEY and record.value is not None:
            data = decode_event(record.value).data
            if isinstance(data, RulesetActivated):
                found.append((record.partition, data))
    return found


async def half_written(settings: ServiceSettings, loaded: LoadResult, partitions: set[int]) -> None:
    """A version whose markers reached only these partitions, as after a crash."""
    assert loaded.rule_set is not None
    from_files = RuleSetRecord(
        store=settings.store,
        version=1,
        hash=rule_set_hash(loaded.rule_set),
        document=Raw(encode_rule_set(loaded.rule_set)),
    )
    version = await activation.write_version(settings, from_files)
    assert version is not None
    await activation.write_markers(settings, version, partitions)


async def test_apply__first__version_1_with_a_marker_in_every_partition(topics_created: ServiceSettings) -> None:
    loaded = rules("a")
    applied = await apply(topics_created, loaded)
    assert (applied.version, applied.activation, applied.changed) == (1, "teststore:1", True)
    (record,) = await read_to_end(topics_created, topic(topics_created, RULES))
    assert record.key == b"teststore:1"
    (version,) = await activation.versions(topics_created, "teststore")
    assert decode_rule_set(version.record.document) == loaded.rule_set
    assert version.record.source == loaded.sources[0].text
    found = await markers(topics_created)
    assert [partition for partition, _ in found] == [0, 1, 2]
    assert {(data.version, data.hash, data.activation) for _, data in found} == {
        (1, version.record.hash, "teststore:1")
    }


async def test_apply__the_same_again__writes_nothing(topics_created: ServiceSettings) -> None:
    first = await apply(topics_created, rules("a"))
    again = await apply(topics_created, rules("a"))
    assert (again.version, again.changed, again.markers) == (1, False, first.markers)
    assert len(await read_to_end(topics_created, topic(topics_created, RULES))) == 1
    assert len(await markers(topics_created)) == 3


async def test_apply__the_same_again_with_effects__says_that_it_is_too_late(topics_created: ServiceSettings) -> None:
    """They go with the moment a rule set takes effect: nothing would be sent, and nobody told."""
    flags = Flags(("segment:a",))
    first = await put_in_force(topics_created, rules("a"), prune=False, flags=flags)
    with pytest.raises(CliError) as refused:
        await put_in_force(topics_created, rules("a"), prune=False, flags=flags)
    assert refused.value.code == "already_in_force"
    assert {data.send_effects for _, data in await markers(topics_created)} == {("segment:a",)}
    assert first.changed


async def test_apply__another_one__next_version(topics_created: ServiceSettings) -> None:
    await apply(topics_created, rules("a"))
    second = await apply(topics_created, rules("a", above=6))
    assert (second.version, second.changed) == (2, True)
    assert len(await markers(topics_created)) == 6


async def test_apply__crashed_between_markers__the_same_completes_them(topics_created: ServiceSettings) -> None:
    await half_written(topics_created, rules("a"), {1})
    applied = await apply(topics_created, rules("a"))
    assert (applied.version, applied.changed) == (1, False)
    assert sorted(partition for partition, _ in await markers(topics_created)) == [0, 1, 2]


async def test_apply__crashed_between_markers__completes_them_with_what_it_began_with(
    topics_created: ServiceSettings,
) -> None:
    await half_written(topics_created, rules("a"), {1})
    await put_in_force(topics_created, rules("a"), prune=False, flags=Flags(("segment:a",)))
    assert {data.send_effects for _, data in await markers(topics_created)} == {()}


async def test_apply__crashed_between_markers__another_one_is_refused(topics_created: ServiceSettings) -> None:
    await half_written(topics_created, rules("a"), {1})
    with pytest.raises(CliError) as refused:
        await apply(topics_created, rules("a", "b"))
    assert (refused.value.code, refused.value.exit_code) == ("activation_incomplete", 1)
    assert "[0, 2]" in refused.value.message
    assert len(await read_to_end(topics_created, topic(topics_created, RULES))) == 1


async def test_apply__junk_among_the_versions__is_passed_over(topics_created: ServiceSettings) -> None:
    """The topic keeps everything for ever: one bad record must not end all applying."""
    producer = make_producer(topics_created)
    await producer.start()
    await producer.send_and_wait(topic(topics_created, RULES), b"junk", partition=0)
    await producer.stop()
    assert (await apply(topics_created, rules("a"))).version == 1
    assert (await apply(topics_created, rules("a", "b"))).version == 2


async def test_apply__entry_gone__needs_prune(topics_created: ServiceSettings) -> None:
    await apply(topics_created, rules("a", "b"))
    with pytest.raises(CliError) as refused:
        await apply(topics_created, rules("a"))
    assert (refused.value.code, refused.value.exit_code) == ("entries_dropped", 1)
    assert (await apply(topics_created, rules("a"), prune=True)).version == 2


async def test_apply__two_at_once__one_version_counts(topics_created: ServiceSettings) -> None:
    results = await asyncio.gather(
        apply(topics_created, rules("a")), apply(topics_created, rules("a", above=6)), return_exceptions=True
    )
    known = await activation.versions(topics_created, "teststore")
    done = [result for result in results if isinstance(result, Applied)]
    assert {result.version for result in done} == {version.record.version for version in known}
    assert all(isinstance(result, Applied | CliError) for result in results)


async def test_apply__records_before_and_between__markers_are_still_found(topics_created: ServiceSettings) -> None:
    async with make_producer(topics_created) as producer:
        for number in range(50):
            await producer.send_and_wait(topic(topics_created, EVENTS), b"not an event", key=str(number).encode())
        await producer.send_and_wait(topic(topics_created, EVENTS), b"nor this", key=PARTITION_WIDE_KEY, partition=0)
    first = await apply(topics_created, rules("a"))
    assert (await apply(topics_created, rules("a"))).markers == first.markers
    assert len(first.markers) == 3


async def test_apply__wait__returns_once_the_evaluator_committed_past_the_markers(
    topics_created: ServiceSettings,
) -> None:
    events = topic(topics_created, EVENTS)
    applied = await apply(topics_created, rules("a"))
    waiting = asyncio.create_task(activation.wait_until_passed(topics_created, applied.markers, 30))
    async with make_consumer(topics_created, group=topic(topics_created, "evaluator-1")) as consumer:
        consumer.assign([TopicPartition(events, partition) for partition in applied.markers])
        await consumer.commit(
            {TopicPartition(events, p): OffsetAndMetadata(offset, "") for p, offset in applied.markers.items()}
        )
        done, _ = await asyncio.wait({waiting}, timeout=0.5)
        assert not done, "committed at the markers is not past them"
        await consumer.commit(
            {TopicPartition(events, p): OffsetAndMetadata(offset + 1, "") for p, offset in applied.markers.items()}
        )
        await asyncio.wait_for(waiting, 30)


async def test_apply__wait_without_evaluator__gives_up_and_says_so(topics_created: ServiceSettings) -> None:
    with pytest.raises(DependencyError, match="did not pass"):
        await put_in_force(topics_created, rules("a"), prune=False, wait_s=0.2)


def test_apply__topics_missing__exit_3(
    kafka_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", kafka_settings.kafka_bootstrap_servers)
    monkeypatch.setenv("HEADRACE_TOPIC_PREFIX", kafka_settings.topic_prefix)
    monkeypatch.setenv("HEADRACE_STORE", "teststore")
    (tmp_path / "rules.yaml").write_text(STORE)
    assert execute(["apply", "--from", str(tmp_path), "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "topics_missing"


def test_apply__through_the_command__one_object(
    topics_created: ServiceSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", topics_created.kafka_bootstrap_servers)
    monkeypatch.setenv("HEADRACE_TOPIC_PREFIX", topics_created.topic_prefix)
    (tmp_path / "rules.yaml").write_text(STORE)
    assert execute(["apply", "--from", str(tmp_path), "--store", "teststore", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "version": 1,
        "activation": "teststore:1",
        "changed": True,
        "drifted": [],
    }


def test_apply__bad_file__refused_before_kafka_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    (tmp_path / "rules.yaml").write_text(STORE + "segmens: []\n")
    assert execute(["apply", "--from", str(tmp_path), "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert (shown["error"]["code"], shown["error"]["line"], shown["error"]["column"]) == ("unknown_key", 2, 1)
    assert [finding["code"] for finding in shown["findings"]] == ["unknown_key"]


@pytest.mark.parametrize("words", [[], ["plan.json", "--from", "."], ["missing.json"]])
def test_apply__neither_plan_nor_files_or_both__says_what_is_needed(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.json").write_text("{}")
    assert execute(["apply", *words, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"
