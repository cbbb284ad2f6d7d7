"""The local broker, for real: it starts, keeps its data, stops, and never stays behind alone."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.runtime import broker_files, embedded_kafka
from headrace.runtime.broker_state import BrokerInfo, running_broker, stop_broker, write_state
from headrace.runtime.dependency import DependencyError
from headrace.runtime.embedded_kafka import EmbeddedKafka, round_trip
from headrace.runtime.java import find_java
from headrace.runtime.kafka import make_producer, read_to_end
from headrace.runtime.parent import wait_for_end_within
from headrace.runtime.settings import ServiceSettings
from headrace.runtime.topics import create_topics

ROOT = Path(__file__).parents[3]
STARTER = """
import dataclasses, json, sys, time
from pathlib import Path
from headrace.runtime.embedded_kafka import EmbeddedKafka
kafka = EmbeddedKafka(Path(sys.argv[1]), heap_mb=256, detached=sys.argv[2] == "detached")
print(json.dumps(dataclasses.asdict(kafka.start())), flush=True)
if sys.argv[2] != "detached":
    time.sleep(600)
"""


@pytest.fixture
def local_kafka_only(monkeypatch: pytest.MonkeyPatch, kafka: str) -> None:
    """After the shared Kafka: what prepares a broker works here, or this test is skipped like all of Kafka."""
    monkeypatch.delenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", raising=False)


def started_by_another_process(data: Path, how: str) -> tuple["subprocess.Popen[str]", BrokerInfo]:
    process = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(data), how],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    return process, BrokerInfo(**json.loads(process.stdout.readline()))


@pytest.mark.usefixtures("local_kafka_only")
async def test_restart__after_a_stop_and_a_crash__keeps_records_port_and_cluster(tmp_path: Path) -> None:
    kafka = EmbeddedKafka(tmp_path / "data", heap_mb=256)
    try:
        first = kafka.start()
        settings = ServiceSettings(kafka_bootstrap_servers=first.bootstrap_servers, store="s")
        await create_topics(settings, partitions=1)
        producer = make_producer(settings)
        await producer.start()
        await producer.send_and_wait("headrace.events", b"kept", key=b"k")
        await producer.stop()
        assert running_broker(tmp_path / "data") == first

        kafka.stop()
        assert running_broker(tmp_path / "data") is None
        kafka.start()
        kafka.kill()
        assert running_broker(tmp_path / "data") is None
        second = kafka.start()

        assert (second.bootstrap_servers, second.cluster_id) == (first.bootstrap_servers, first.cluster_id)
        assert [record.value for record in await read_to_end(settings, "headrace.events")] == [b"kept"]
    finally:
        kafka.stop()


@pytest.mark.usefixtures("local_kafka_only")
def test_start__parent_killed__broker_ends_too(tmp_path: Path) -> None:
    parent, info = started_by_another_process(tmp_path / "data", "attached")
    assert round_trip({"bootstrap.servers": info.bootstrap_servers}, timeout_s=5) == info.cluster_id

    parent.kill()
    parent.communicate()

    assert wait_for_end_within(info.pid, 15)
    assert running_broker(tmp_path / "data") is None


@pytest.mark.usefixtures("local_kafka_only")
def test_start__detached__outlives_its_starter_and_can_be_stopped(tmp_path: Path) -> None:
    parent, info = started_by_another_process(tmp_path / "data", "detached")
    parent.communicate()
    try:
        assert round_trip({"bootstrap.servers": info.bootstrap_servers}, timeout_s=5) == info.cluster_id
        assert running_broker(tmp_path / "data") == info
        with pytest.raises(DependencyError) as caught:
            EmbeddedKafka(tmp_path / "data").start()
        assert caught.value.code == "kafka_already_running"
    finally:
        stop_broker(info)
    assert running_broker(tmp_path / "data") is None


@pytest.mark.usefixtures("local_kafka_only")
def test_start__two_at_once_on_one_folder__the_second_is_refused_and_the_first_stays_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmbeddedKafka(tmp_path / "data", heap_mb=256) as first:
        # As if the second one had looked a moment before the first was ready.
        monkeypatch.setattr(embedded_kafka, "running_broker", lambda _: None)
        with pytest.raises(DependencyError) as caught:
            EmbeddedKafka(tmp_path / "data", heap_mb=256).start()
        assert caught.value.code == "kafka_already_running"
        assert running_broker(tmp_path / "data") == first.info
    assert running_broker(tmp_path / "data") is None
    assert not (tmp_path / "data" / "broker.json").exists()


@pytest.mark.usefixtures("local_kafka_only")
def test_start__two_at_once_on_one_port__the_second_does_not_take_the_first_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmbeddedKafka(tmp_path / "one", heap_mb=256) as first:
        assert first.info is not None
        port = int(first.info.bootstrap_servers.rpartition(":")[2])
        # As if the second one had looked a moment before the first listened.
        monkeypatch.setattr(embedded_kafka, "is_free", lambda _: True)
        with pytest.raises(DependencyError) as caught:
            EmbeddedKafka(tmp_path / "two", port, heap_mb=256).start()
    assert caught.value.code == "port_taken"


@pytest.mark.usefixtures("local_kafka_only")
def test_failed__broker_killed__tells_and_stop_is_harmless(tmp_path: Path) -> None:
    kafka = EmbeddedKafka(tmp_path / "data", heap_mb=256)
    info = kafka.start()
    assert kafka.failed() is None

    os.kill(info.pid, signal.SIGKILL)
    assert wait_for_end_within(info.pid, 10)
    failure = None
    while failure is None:
        failure = kafka.failed()

    assert failure.code == "kafka_failed"
    kafka.stop()
    kafka.stop()


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.mark.usefixtures("local_kafka_only")
def test_start__port_taken__says_which(tmp_path: Path, taken_port: int) -> None:
    with pytest.raises(DependencyError) as caught:
        EmbeddedKafka(tmp_path / "data", taken_port).start()

    assert caught.value.code == "port_taken"
    assert str(taken_port) in caught.value.message


@pytest.mark.usefixtures("local_kafka_only")
def test_start__disk_nearly_full__says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")  # what shutil returns
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 9, 1))

    with pytest.raises(DependencyError) as caught:
        EmbeddedKafka(tmp_path / "data").start()

    assert caught.value.code == "disk_full"


@pytest.mark.usefixtures("local_kafka_only")
def test_start__broken_java_options__shows_the_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = find_java()
    monkeypatch.setattr(broker_files, "find_java", lambda: java)
    monkeypatch.setenv("JDK_JAVA_OPTIONS", "-XX:NoSuchOption")

    with pytest.raises(DependencyError) as caught:
        EmbeddedKafka(tmp_path / "data").start()

    assert caught.value.code == "kafka_failed"
    assert "NoSuchOption" in caught.value.message


def test_running_broker__pid_of_another_process__is_not_ours(tmp_path: Path) -> None:
    write_state(BrokerInfo("127.0.0.1:1", os.getpid(), "4.3.1", str(tmp_path), "c"))

    assert running_broker(tmp_path) is None


def test_running_broker__garbled_file__none(tmp_path: Path) -> None:
    (tmp_path / "broker.json").write_text("{")

    assert running_broker(tmp_path) is None
