"""`headrace kafka up | status | down`: a local Kafka for trying, developing and testing."""

import os
import signal
import threading
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from headrace.cli.output import EXIT_UNAVAILABLE, CliError, JsonOption, emit
from headrace.runtime.broker_state import running_broker, stop_broker
from headrace.runtime.broker_version import kafka_unavailable
from headrace.runtime.embedded_kafka import DEFAULT_HEAP_MB, EmbeddedKafka, cache_dir_from_environment, round_trip
from headrace.runtime.kafka import confluent_config
from headrace.runtime.settings import KafkaSettings, load_settings, variable

POLL_S: Final = 0.5
_ROUND_TRIP_S: Final = 5.0

DataOption = Annotated[
    Path | None, typer.Option("--data", help="The broker's data folder (default: one in the cache folder).")
]


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    group = typer.Typer(help="A local Kafka: start it, ask for it, stop it.", no_args_is_help=True)
    group.command("up")(up)
    group.command("status")(status)
    group.command("down")(down)
    app.add_typer(group, name="kafka")


def up(
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Default: a free one.")] = None,
    data: DataOption = None,
    detach: Annotated[bool, typer.Option("--detach", help="Leave it running and return.")] = False,
    heap_mb: Annotated[int, typer.Option(min=128, help="The broker's heap.")] = DEFAULT_HEAP_MB,
    json: JsonOption = False,
) -> None:
    """Start a local Kafka (HEADRACE_KAFKA_BOOTSTRAP_SERVERS, if set, is used instead). Runs until Ctrl-C."""
    if servers := _external():
        emit(_external_info(servers), json, _up_text)
        return
    folder = _folder(data)
    if detach and (running := running_broker(folder)) is not None:
        emit(running, json, lambda info: f"Kafka runs already at {info.bootstrap_servers}")
        return
    # From before the start: a signal must never leave a broker behind.
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    kafka = EmbeddedKafka(folder, port, heap_mb=heap_mb, detached=detach)
    info = kafka.start()
    emit(info, json, lambda found: f"Kafka {found.version} at {found.bootstrap_servers}")
    if not detach:
        _serve(kafka, stopping)


def status(data: DataOption = None, json: JsonOption = False) -> None:
    """Say whether a local Kafka runs (or whether the one of HEADRACE_KAFKA_BOOTSTRAP_SERVERS answers)."""
    servers = _external()
    info = None if servers else running_broker(_folder(data))
    address = servers or (info.bootstrap_servers if info else None)
    running = address is not None and _answers(address) is not None
    emit({"running": running, "bootstrap_servers": address, "pid": info.pid if info else None}, json, _status_text)


def down(data: DataOption = None, json: JsonOption = False) -> None:
    """Stop the local Kafka of this data folder; none running is fine. The data stays."""
    info = running_broker(_folder(data))
    if info is not None:
        stop_broker(info)
    found = {
        "running": False,
        "bootstrap_servers": info.bootstrap_servers if info else None,
        "pid": info.pid if info else None,
    }
    emit(found, json, lambda _: "Kafka is stopped" if info else "no Kafka ran")


def _serve(kafka: EmbeddedKafka, stopping: threading.Event) -> None:
    """Until a signal comes or the broker ends by itself."""
    try:
        while not stopping.wait(POLL_S):
            if (failure := kafka.failed()) is not None:
                raise CliError(failure.code, failure.message, hint=failure.hint, exit_code=EXIT_UNAVAILABLE)
    finally:
        kafka.stop()


def _external() -> str | None:
    return os.environ.get(variable("kafka_bootstrap_servers")) or None


def _external_info(servers: str) -> dict[str, Any]:
    cluster_id = _answers(servers)
    if cluster_id is None:
        raise kafka_unavailable(servers, "no metadata answer")
    return {"bootstrap_servers": servers, "pid": None, "version": None, "data_dir": None, "cluster_id": cluster_id}


def _answers(servers: str) -> str | None:
    """The cluster's id, asked with the security settings of the environment."""
    os.environ[variable("kafka_bootstrap_servers")] = servers
    return round_trip(confluent_config(load_settings(KafkaSettings)), timeout_s=_ROUND_TRIP_S)


def _folder(data: Path | None) -> Path:
    return (data or cache_dir_from_environment() / "kafka-data").absolute()


def _up_text(found: dict[str, Any]) -> str:
    return f"using the Kafka at {found['bootstrap_servers']} (HEADRACE_KAFKA_BOOTSTRAP_SERVERS)"


def _status_text(found: dict[str, Any]) -> str:
    if found["bootstrap_servers"] is None:
        return "no Kafka runs"
    return f"Kafka {'runs' if found['running'] else 'does not answer'} at {found['bootstrap_servers']}"
