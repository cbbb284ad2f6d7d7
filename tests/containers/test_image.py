"""The image by testcontainers: who it runs as, what it says without settings, and that it reaches a Kafka."""

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from headrace import __version__

pytestmark = [pytest.mark.containers, pytest.mark.timeout(300)]

IMAGE = os.environ.get("HEADRACE_IMAGE", "headrace:test")
KAFKA = os.environ.get("HEADRACE_KAFKA_IMAGE", "apache/kafka:4.3.1")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", "run", "--rm", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture(scope="module", autouse=True)
def engine() -> None:
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no Docker engine answers: use make test-containers")


def test_image__user__is_10001_and_owns_only_its_folder() -> None:
    done = run(
        "--entrypoint", "sh", IMAGE, "-c", "id -u; touch /var/lib/headrace/x && ! touch /app/x 2>/dev/null && echo kept"
    )
    assert done.stdout.split() == ["10001", "kept"], done.stderr


def test_image__default_command__tells_the_version() -> None:
    done = run(IMAGE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"headrace {__version__} ")


def test_image__headrace_command__is_there() -> None:
    done = run("--entrypoint", "headrace", IMAGE, "lint", "/app/examples/rules/demo")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("service", "of_a_store"),
    [
        (["services.ingest", "receive"], True),
        (["services.evaluator"], False),
        (["services.actions", "group"], True),
        (["services.actions", "effects"], True),
        (["services.attributes"], True),
    ],
)
def test_image__no_settings__names_all_that_are_missing_and_exits_2(service: list[str], *, of_a_store: bool) -> None:
    done = run(IMAGE, *service)
    assert done.returncode == 2, done.stderr
    assert "HEADRACE_KAFKA_BOOTSTRAP_SERVERS" in done.stderr
    assert ("HEADRACE_STORE" in done.stderr) is of_a_store


@pytest.fixture(scope="module")
def network() -> Iterator[Any]:
    from testcontainers.core.network import Network  # noqa: PLC0415 - asks for an engine when imported

    with Network() as made:
        yield made


@pytest.fixture(scope="module")
def kafka(network: Any) -> Iterator[str]:
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415

    environment = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT://kafka:9092",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@kafka:9093",
        "KAFKA_LOG_DIRS": "/var/lib/kafka/data",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    }
    container = DockerContainer(KAFKA).with_network(network).with_network_aliases("kafka")
    for name, value in environment.items():
        container = container.with_env(name, value)
    with container:
        yield "kafka:9092"


def test_image__topics_create__makes_them_on_a_real_broker(kafka: str, network: Any) -> None:
    verb = ["headrace.cli.main", "topics"]
    common = ["--network", network.name, "-e", f"HEADRACE_KAFKA_BOOTSTRAP_SERVERS={kafka}", IMAGE, *verb]
    for _ in range(15):  # the broker may still be starting
        done = run(*common, "create", "--json")
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)["topics"]
    assert {row["name"] for row in made} >= {"headrace.events", "headrace.actions.group"}
    assert all(row["ok"] for row in made)
    assert run(*common, "check", "--json").returncode == 0
