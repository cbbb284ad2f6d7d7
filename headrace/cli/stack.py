"""The whole of Headrace on one machine: which processes `dev` and `demo` start, and with which settings.

Composition only: how processes are kept is `headrace.runtime.supervisor`'s, what they do is theirs.
"""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import tempfile
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from headrace.cli.output import CliError
from headrace.runtime.broker_state import running_broker
from headrace.runtime.coordinator import wake_coordinator
from headrace.runtime.dependency import DependencyError
from headrace.runtime.embedded_kafka import EmbeddedKafka
from headrace.runtime.ports import free_ports
from headrace.runtime.settings import ServiceSettings, load_settings
from headrace.runtime.supervisor import Child, Supervisor, python_argv
from headrace.runtime.topics import create_topics

STORE: Final = "demo"
"""The simulated store's hash, unless HEADRACE_STORE or --store names it."""
KAFKA_STOPS_WITHIN_S: Final = 3.0
SERVICES_STOP_WITHIN_S: Final = 6.5
"""With Kafka's time less than the 10 s in which Ctrl-C ends all."""
REPOSITORY: Final = Path(__file__).resolve().parents[2]
CONFIG_FILE: Final = "headrace.env"
BROKER_AWAY_S: Final = 3.0
"""Besides the seconds that a start takes."""
_SECRETS: Final = (
    "access_token",
    "client_secret",
    "webhook_secret",
    "mailchimp_key",
    "klaviyo_key",
    "api_key",
    "hash_key",
)


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What may differ from one run to the next. `speed`: seconds of the simulated store per real second."""

    store: str = field(default_factory=lambda: os.environ.get("HEADRACE_STORE") or STORE)
    speed: float = 60.0
    seed: int = 1
    partitions: int = 12
    start_time: str = "2009-12-01T00:00:00Z"
    quota: int = 450
    quota_share: float = 0.6
    other_app_share: float = 0.4
    duplicates: float = 0.05
    reorders: float = 0.05
    max_delay_s: float = 30.0
    backfill: bool = False


@dataclass
class Stack:
    """A running stack: where everything answers, and the supervisor that keeps it."""

    supervisor: Supervisor
    settings: ServiceSettings
    folder: Path
    addresses: dict[str, str]
    simulators: dict[str, str]
    environment: dict[str, str]
    broker: EmbeddedKafka | None
    kafka_pid: int | None
    secrets: dict[str, str]
    options: StackOptions
    health: dict[str, str] = field(default_factory=dict)

    def write_addresses(self, path: Path) -> None:
        """Writes `--ports-file`, whole at once: who waits for it never reads a part."""
        part = path.with_name(f".{path.name}.{os.getpid()}")
        part.write_text(json.dumps(self.describe(), indent=2) + "\n", encoding="utf-8")
        part.replace(path)

    def describe(self) -> dict[str, Any]:
        """The content of `--ports-file`."""
        return {
            "bootstrap_servers": self.settings.kafka_bootstrap_servers,
            "receive": self.addresses["receive"],
            "attributes": self.addresses["attributes"],
            "console": None,
            "simulators": self.simulators,
            "health": self.health,
            "config": str(self.folder / CONFIG_FILE),
            "pids": self.supervisor.pids | self._kafka_pid(),
        }

    def write_config(self) -> None:
        """Writes the file that lets other verbs reach this stack (`--config`); it holds secrets."""
        ours = {name: value for name, value in self.environment.items() if name.startswith("HEADRACE_")}
        path = self.folder / CONFIG_FILE
        path.touch(mode=0o600)
        path.write_text("".join(f"{name}='{value}'\n" for name, value in ours.items()), encoding="utf-8")

    def _kafka_pid(self) -> dict[str, int]:
        pid = self.kafka_pid
        return {} if pid is None else {"kafka": pid}


class Broker:
    """The broker of a run: the one the environment names, or an embedded one in the run's folder.

    Started outside the event loop, by the main thread, so that it dies with this process and not before.
    """

    def __init__(self, folder: Path) -> None:
        self.embedded: EmbeddedKafka | None = None
        self.bootstrap_servers = os.environ.get("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", "")
        if not self.bootstrap_servers:
            self.embedded = EmbeddedKafka(folder / "kafka")
            self.bootstrap_servers = self.embedded.start().bootstrap_servers

    @property
    def pid(self) -> int | None:
        """The process id of what was started here, as long as it runs."""
        info = self.embedded.info if self.embedded is not None else None
        return info.pid if info is not None else None

    def failed(self) -> DependencyError | None:
        """What to say when the broker started here has ended by itself, else None."""
        return self.embedded.failed() if self.embedded is not None else None

    def stop(self) -> None:
        """Stops what was started here, nothing else; killed when that takes long, as its data goes with the run."""
        if self.embedded is None:
            return
        info = running_broker(self.embedded.data_dir)
        timer = threading.Timer(KAFKA_STOPS_WITHIN_S, _kill, [info.pid if info is not None else None])
        timer.start()
        try:
            self.embedded.stop()
        finally:
            timer.cancel()


def _kill(pid: int | None) -> None:
    if pid is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def prepare_ports_file(path: Path | None) -> None:
    """Takes an earlier run's file away, so that nobody reads it as this one's. Raises CliError before all the work."""
    if path is None:
        return
    if path.is_dir() or not os.access(path.absolute().parent, os.W_OK):
        message = f"--ports-file {path}: no file can be written there"
        raise CliError("usage", message, hint="name a file in a folder that exists")
    path.unlink(missing_ok=True)


class BrokerCrashes:
    """Kills the local broker of a run, which comes back by itself: same port, same data, a while later."""

    def __init__(self, broker: EmbeddedKafka) -> None:
        self._broker = broker
        self._returning: asyncio.Task[None] | None = None

    async def crash(self) -> None:
        """SIGKILL, once it is back from the last one. Raises DependencyError when it did not come back."""
        if self._returning is not None:
            await self._returning
        await asyncio.to_thread(self._broker.kill)
        self._returning = asyncio.create_task(self._come_back())

    async def _come_back(self) -> None:
        await asyncio.sleep(BROKER_AWAY_S)
        await asyncio.to_thread(self._broker.start)


def make_folder() -> Path:
    """A new folder for one run's data."""
    return Path(tempfile.mkdtemp(prefix="headrace-"))


def remove_folder(folder: Path) -> None:
    """Takes a run's data away."""
    shutil.rmtree(folder, ignore_errors=True)


async def start_stack(
    options: StackOptions,
    broker: Broker,
    folder: Path,
    *,
    show: Callable[[str], None] | None,
    before_services: Callable[[dict[str, str], dict[str, str]], Awaitable[None]] | None = None,
) -> Stack:
    """Topics, simulators, every service; returns when each of them is ready. Raises ChildFailed.

    `before_services` gets the simulators' addresses and the environment while nobody watches the store yet.
    """
    words = {name: secrets.token_hex(16) for name in _SECRETS}
    prefix = os.environ.get("HEADRACE_TOPIC_PREFIX", "headrace." if broker.embedded else f"{folder.name}.")
    base = {
        "HEADRACE_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "HEADRACE_TOPIC_PREFIX": prefix,
        "HEADRACE_STORE": options.store,
        "HEADRACE_HASH_KEY": words["hash_key"],
        "HEADRACE_API_KEY": os.environ.get("HEADRACE_API_KEY") or words["api_key"],  # a caller's own opens both APIs
        "PYTHONPATH": str(REPOSITORY),
    }
    settings = load_settings(
        ServiceSettings, kafka_bootstrap_servers=broker.bootstrap_servers, topic_prefix=prefix, store=options.store
    )
    await create_topics(settings, partitions=options.partitions)
    await wake_coordinator(settings)
    supervisor = Supervisor(show=show)
    try:
        simulators = json.loads(await supervisor.start(_simulators(options, words)))
        if before_services is not None:
            await before_services(simulators, base)
        ports = free_ports(9)
        children = _services(base, options, words, simulators, folder, ports)
        for child in children:
            await supervisor.start(child)
        await supervisor.wait_ready()
    except BaseException:
        await supervisor.stop(SERVICES_STOP_WITHIN_S)
        raise
    stack = Stack(
        supervisor=supervisor,
        settings=settings,
        folder=folder,
        addresses={
            "receive": f"http://127.0.0.1:{ports[0]}",
            "attributes": f"http://127.0.0.1:{ports[1]}",
        },
        simulators=simulators,
        environment=base
        | {"HEADRACE_ATTRIBUTES_URL": f"http://127.0.0.1:{ports[1]}"}
        | _webhook_secrets(words)
        | _store_api(words, simulators),
        broker=broker.embedded,
        kafka_pid=broker.pid,
        secrets=words,
        options=options,
        health={child.name: child.health for child in children if child.health},
    )
    stack.write_config()
    return stack


def _webhook_secrets(words: dict[str, str]) -> dict[str, str]:
    return {
        "HEADRACE_BIGCOMMERCE_CLIENT_SECRET": words["client_secret"],
        "HEADRACE_BIGCOMMERCE_WEBHOOK_HEADER": f"X-Headrace-Secret: {words['webhook_secret']}",
    }


def _store_api(words: dict[str, str], simulators: dict[str, str]) -> dict[str, str]:
    return {
        "HEADRACE_BIGCOMMERCE_URL": simulators["bigcommerce"],
        "HEADRACE_BIGCOMMERCE_TOKEN": words["access_token"],
    }


def _simulators(options: StackOptions, words: dict[str, str]) -> Child:
    arguments = {
        "--store": options.store,
        "--speed": options.speed,
        "--seed": options.seed,
        "--access-token": words["access_token"],
        "--client-secret": words["client_secret"],
        "--webhook-header": f"X-Headrace-Secret: {words['webhook_secret']}",
        "--mailchimp-key": words["mailchimp_key"],
        "--klaviyo-key": words["klaviyo_key"],
        "--list-id": "newsletter",
        "--quota": options.quota,
        "--other-app-share": options.other_app_share,
        "--duplicates": options.duplicates,
        "--reorders": options.reorders,
        "--max-delay-s": options.max_delay_s,
        "--start-time": options.start_time,
    }
    flat = [str(part) for pair in arguments.items() for part in pair]
    return Child(
        "simulators",
        python_argv("-m", "headrace.simulators", *flat),
        {"PYTHONPATH": str(REPOSITORY)},
        stage=4,
        reads_first_line=True,
    )


def _services(
    base: dict[str, str],
    options: StackOptions,
    words: dict[str, str],
    simulators: dict[str, str],
    folder: Path,
    ports: list[int],
) -> list[Child]:
    store = base | {
        **_store_api(words, simulators),
        **_webhook_secrets(words),
        "HEADRACE_BIGCOMMERCE_QUOTA_SHARE": str(options.quota_share),
    }
    hooks = {"HEADRACE_WEBHOOK_URL": f"http://127.0.0.1:{ports[0]}/webhooks/bigcommerce/{options.store}"}
    backfill = {"HEADRACE_BACKFILL": "1"} if options.backfill else {}
    mail = {
        "HEADRACE_MAILCHIMP_URL": simulators["mailchimp"],
        "HEADRACE_MAILCHIMP_KEY": words["mailchimp_key"],
        "HEADRACE_MAILCHIMP_LIST": "newsletter",
        "HEADRACE_KLAVIYO_URL": simulators["klaviyo"],
        "HEADRACE_KLAVIYO_KEY": words["klaviyo_key"],
        # Limits are so many calls in a minute of the store's, which passes faster here.
        "HEADRACE_KLAVIYO_QUOTA_SHARE": str(0.8 * max(1.0, options.speed)),
    }

    def child(name: str, stage: int, health: int, env: dict[str, str], *arguments: str) -> Child:
        return Child(
            name,
            python_argv("-m", *arguments),
            env | {"HEADRACE_HEALTH_PORT": str(health)},
            health=f"http://127.0.0.1:{health}",
            stage=stage,
        )

    def database(name: str) -> dict[str, str]:
        return {"HEADRACE_DATABASE_URL": f"sqlite:///{folder / name}.db"}

    return [
        child("receive", 0, ports[2], store | {"HEADRACE_PORT": str(ports[0])}, "services.ingest", "receive"),
        child("hydrate", 1, ports[3], store | hooks, "services.ingest", "hydrate"),
        child("feed", 1, ports[4], store | hooks | backfill, "services.ingest", "feed"),
        child("evaluator", 2, ports[5], base, "services.evaluator"),
        child("actions", 3, ports[6], store | database("actions"), "services.actions", "group"),
        child(
            "email-tags",
            3,
            ports[7],
            base | mail | database("email-tags"),
            "services.actions",
            "email-tags",
            "--platform",
            "mailchimp",
            "--platform",
            "klaviyo",
        ),
        child(
            "attributes",
            3,
            ports[8],
            store | database("attributes") | {"HEADRACE_PORT": str(ports[1])},
            "services.attributes",
        ),
    ]
