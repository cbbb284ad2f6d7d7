"""A full disk of Kafka's: the broker ends and says so; the worker waits, not ready, and goes on when there is room.

The worker itself keeps nothing on a disk.
"""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from headrace.runtime.embedded_kafka import EmbeddedKafka
from headrace.runtime.kafka import confluent_config, topic
from headrace.runtime.settings import ServiceSettings
from tests.conftest import own_kafka, settings_at
from tests.services.evaluator.engine.counting import SOURCE
from tests.services.evaluator.engine.harness import Workers, create_topics, judge, lag, load, wait_for


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 80 MB; only root may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", folder], check=False).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def broker(small_disk: Path) -> Iterator[EmbeddedKafka]:
    with own_kafka(small_disk / "kafka") as broker:
        yield broker


@pytest.fixture
def settings(broker: EmbeddedKafka) -> ServiceSettings:
    settings = settings_at(broker)
    create_topics(settings)
    return settings


def fill(path: Path) -> None:
    file = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        while True:
            os.write(file, bytes(4096))
    except OSError:
        return
    finally:
        os.close(file)


def broker_error(broker: EmbeddedKafka) -> str:
    error = broker.failed()
    return error.code if error else ""


@pytest.mark.slow
def test_worker__disk_of_the_broker_full__broker_says_so_and_the_worker_goes_on_after(
    broker: EmbeddedKafka, settings: ServiceSettings, workers: Workers, small_disk: Path
) -> None:
    load(settings, 1_000)
    worker = workers.start()
    wait_for("all committed", lambda: lag(settings) == 0)
    fill(small_disk / "filler")
    producer = Producer({**confluent_config(settings), "message.timeout.ms": 2_000, "log_level": 0})
    for number in range(20_000):
        producer.produce(topic(settings, SOURCE), b"1", f"c{number % 300}", number % 4)
    producer.flush(5)
    wait_for("the broker's last words", lambda: broker_error(broker) == "disk_full")
    wait_for("not ready", lambda: "kafka" in worker.events("health.changed")[-1]["reasons"])
    (small_disk / "filler").unlink()
    broker.stop()
    broker.start()
    load(settings, 1_000, seed=2)
    wait_for("all committed", lambda: lag(settings) == 0)
    assert worker.popen.poll() is None
    verdict = asyncio.run(judge(settings))
    assert verdict.exact, verdict
