"""The engine on a broker of its own that dies and comes back: exact, at work again soon, and never gone."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.runtime.embedded_kafka import EmbeddedKafka
from headrace.runtime.ports import HOST, free_ports
from headrace.runtime.settings import ServiceSettings
from tests.conftest import own_kafka, settings_at
from tests.proxy import Line, Proxy
from tests.services.evaluator.engine.harness import (
    Process,
    Workers,
    committed,
    create_topics,
    held,
    judge,
    lag,
    load,
    loading,
    wait_for,
)

BACK_WITHIN_S = 30.0
AWAY_S = 60.0


@pytest.fixture
def settings(broker: EmbeddedKafka) -> ServiceSettings:
    settings = settings_at(broker)
    create_topics(settings)
    return settings


def is_ready(worker: Process) -> bool:
    """Whether its partitions, if it has any, are restored and in hand."""
    changes = worker.events("health.changed")
    return bool(changes and changes[-1]["ready"])


@pytest.mark.slow
@pytest.mark.parametrize("away_s", [3.0, 15.0, 60.0])
def test_worker__broker_killed_under_load__exact_and_at_work_within_thirty_seconds(
    broker: EmbeddedKafka, settings: ServiceSettings, workers: Workers, away_s: float
) -> None:
    """Two workers; the pause is shorter, longer, much longer than their session and their transactions' time-out."""
    both = [workers.start(worker_id, epoch_s=0.02) for worker_id in ("0", "1")]
    with loading(settings):
        wait_for("both at work", lambda: all(map(is_ready, both)))
        wait_for("progress", lambda: committed(settings) > 2_000)
        broker.kill()
        threading.Event().wait(away_s)
        broker.start()
        deadline = time.monotonic() + BACK_WITHIN_S
        wait_for("progress after the outage", lambda: committed(settings) > 10_000, BACK_WITHIN_S)
    wait_for("both at work again", lambda: all(map(is_ready, both)), deadline - time.monotonic())
    wait_for("all committed", lambda: lag(settings) == 0, deadline - time.monotonic())
    assert [worker.popen.poll() for worker in both] == [None, None]
    verdict = asyncio.run(judge(settings))
    assert verdict.exact, verdict


def end_while_away(broker: EmbeddedKafka, worker: Process) -> None:
    broker.kill()
    wait_for("it was noticed", lambda: bool(worker.events("kafka.unavailable")))
    worker.popen.terminate()
    assert worker.popen.wait(10) == 0
    assert worker.events("process.stopped")[-1]["reason"] == "asked"


def test_worker__sigterm_while_the_broker_is_away_with_work_in_hand__gone_within_ten_seconds(
    broker: EmbeddedKafka, settings: ServiceSettings, workers: Workers
) -> None:
    worker = workers.start()
    with loading(settings):
        wait_for("progress", lambda: committed(settings) > 0)
        end_while_away(broker, worker)
        broker.start()  # for the loader


def test_worker__sigterm_while_the_broker_is_away_and_all_is_done__gone_within_ten_seconds(
    broker: EmbeddedKafka, settings: ServiceSettings, workers: Workers
) -> None:
    """Nothing it does needs Kafka then: the watch alone notices."""
    worker = workers.start()
    load(settings, 400)
    wait_for("all committed", lambda: lag(settings) == 0)
    end_while_away(broker, worker)
    assert [line["call"] for line in worker.events("kafka.unavailable")].count("watch") == 1


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[tuple[EmbeddedKafka, Proxy]]:
    """A broker with two ways to it: its own address, and one that it tells those who come by the proxy."""
    port, inner, outer, controller = free_ports(4)
    properties = {
        "listeners": f"PLAINTEXT://{HOST}:{port},PROXIED://{HOST}:{inner},CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port},PROXIED://{HOST}:{outer}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.quorum.voters": f"1@{HOST}:{controller}",
    }
    with own_kafka(tmp_path / "kafka", port, properties=properties) as broker, Proxy(outer, inner) as proxy:
        yield broker, proxy


@pytest.mark.slow
@pytest.mark.parametrize("line", ["down", "timeout"])
def test_worker__one_loses_kafka_for_a_minute__the_other_takes_over_and_it_comes_back_by_itself(
    proxied: tuple[EmbeddedKafka, Proxy], tmp_path: Path, line: Line
) -> None:
    """Refused and cut; or silent, with the open connections silent for ever."""
    broker, proxy = proxied
    settings = settings_at(broker)
    create_topics(settings)
    workers = Workers(settings, tmp_path)
    try:
        near = workers.start("0", epoch_s=0.02)
        far = workers.start("1", epoch_s=0.02, servers=f"{HOST}:{proxy.port}")
        with loading(settings):
            wait_for("both at work", lambda: len(held(near)) == len(held(far)) == 2)
            wait_for("progress", lambda: committed(settings) > 2_000)
            proxy.set(line)
            until = time.monotonic() + AWAY_S
            wait_for("the other has all", lambda: len(held(near)) == 4, AWAY_S)
            threading.Event().wait(until - time.monotonic())
            proxy.set("up")
            wait_for("both at work again", lambda: len(held(near)) == len(held(far)) == 2, BACK_WITHIN_S)
            done = committed(settings)
            wait_for("progress", lambda: committed(settings) > done + 2_000)
        wait_for("all committed", lambda: lag(settings) == 0)
        assert [worker.popen.poll() for worker in (near, far)] == [None, None]
        assert is_ready(far)
        verdict = asyncio.run(judge(settings))
        assert verdict.exact, verdict
    finally:
        workers.kill_all()
