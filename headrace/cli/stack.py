"""The whole of Headrace on one machine, as `dev` and `demo` start it.

Composition only: which processes there are is said in `stack_services.py`, how they are kept is
`headrace.runtime.supervisor`'s, what they do is theirs.
"""

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from headrace.cli.local_broker import Broker
from headrace.cli.output import CliError
from headrace.cli.stack_options import REPOSITORY, StackOptions
from headrace.cli.stack_services import (
    PORTS,
    SimulatedStore,
    as_variables,
    book_url,
    services,
    webhook_url,
    write_stores,
)
from headrace.runtime.coordinator import wake_coordinator
from headrace.runtime.embedded_kafka import EmbeddedKafka
from headrace.runtime.ports import free_ports
from headrace.runtime.settings import ServiceSettings, settings_of, variable
from headrace.runtime.stores import StoreEntry
from headrace.runtime.supervisor import Supervisor
from headrace.runtime.topics import create_topics

SERVICES_STOP_WITHIN_S: Final = 6.5
"""With Kafka's time less than the 10 s in which Ctrl-C ends all."""
CONFIG_FILE: Final = "headrace.env"
BeforeServices = Callable[[Sequence[SimulatedStore], dict[str, str]], Awaitable[None]]


@dataclass
class Stack:
    """A running stack: where everything answers, and the supervisor that keeps it."""

    supervisor: Supervisor
    stores: tuple[SimulatedStore, ...]
    folder: Path
    addresses: dict[str, str]
    environment: dict[str, str]
    broker: EmbeddedKafka | None
    kafka_pid: int | None
    options: StackOptions
    health: dict[str, str] = field(default_factory=dict)

    def write_addresses(self, path: Path) -> None:
        """Writes `--ports-file`, whole at once: who waits for it never reads a part."""
        part = path.with_name(f".{path.name}.{os.getpid()}")
        part.write_text(json.dumps(self.describe(), indent=2) + "\n", encoding="utf-8")
        part.replace(path)

    def describe(self) -> dict[str, Any]:
        """The content of `--ports-file`; `simulators` are the first store's."""
        return {
            "bootstrap_servers": self.stores[0].settings.kafka_bootstrap_servers,
            "receive": self.addresses["receive"],
            "attributes": self.addresses["attributes"],
            "console": None,
            "simulators": self.stores[0].addresses,
            "stores": {store.name: {"simulators": store.addresses} for store in self.stores},
            "health": self.health,
            "config": str(self.folder / CONFIG_FILE),
            "pids": self.supervisor.pids | self._kafka_pid(),
        }

    def write_config(self) -> None:
        """Writes the file that lets other verbs reach this stack (`--config`); it holds secrets."""
        ours = {name: value for name, value in self.environment.items() if name.startswith("HEADRACE_") and value}
        path = self.folder / CONFIG_FILE
        path.touch(mode=0o600)
        path.write_text("".join(f"{name}='{value}'\n" for name, value in ours.items()), encoding="utf-8")

    def _kafka_pid(self) -> dict[str, int]:
        pid = self.kafka_pid
        return {} if pid is None else {"kafka": pid}


def prepare_ports_file(path: Path | None) -> None:
    """Takes an earlier run's file away, so that nobody reads it as this one's. Raises CliError before all the work."""
    if path is None:
        return
    if path.is_dir() or not os.access(path.absolute().parent, os.W_OK):
        message = f"--ports-file {path}: no file can be written there"
        raise CliError("usage", message, hint="name a file in a folder that exists")
    path.unlink(missing_ok=True)


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
    before_services: BeforeServices | None = None,
) -> Stack:
    """Topics, simulators, every service; returns when each of them is ready. Raises ChildFailed.

    `before_services` gets the simulated stores and the environment while nobody watches the stores yet.
    """
    prefix = os.environ.get("HEADRACE_TOPIC_PREFIX", "headrace." if broker.embedded else f"{folder.name}.")
    stores = _stores(options, broker.bootstrap_servers, prefix)
    base = {
        "HEADRACE_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "HEADRACE_TOPIC_PREFIX": prefix,
        # Empty says nothing, and lets nothing of the caller's environment through.
        "HEADRACE_STORE": stores[0].name if len(stores) == 1 else "",
        "HEADRACE_STORES": "",
        "HEADRACE_HASH_KEY": secrets.token_hex(16),
        "HEADRACE_API_KEY": os.environ.get("HEADRACE_API_KEY") or secrets.token_hex(16),  # a caller's opens both APIs
        # Behind it what the caller has there: packages with consumers of their own.
        "PYTHONPATH": os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH")))),
    }
    await create_topics(stores[0].settings, partitions=options.partitions)
    await wake_coordinator(stores[0].settings)
    supervisor = Supervisor(show=show)
    try:
        stores = tuple([await _open(store, options, supervisor) for store in stores])
        if len(stores) > 1:
            base[variable("stores")] = str(write_stores(stores, folder))
        if before_services is not None:
            await before_services(stores, base)
        ports = free_ports(PORTS + len(options.consumers))
        children = services(base, options, stores, folder, ports)
        for child in children:
            await supervisor.start(child)
        await supervisor.wait_ready()
    except BaseException:
        await supervisor.stop(SERVICES_STOP_WITHIN_S)
        raise
    addresses = {"receive": f"http://127.0.0.1:{ports[0]}", "attributes": f"http://127.0.0.1:{ports[1]}"}
    stack = Stack(
        supervisor=supervisor,
        stores=stores,
        folder=folder,
        addresses=addresses,
        environment={
            **base,
            "HEADRACE_ATTRIBUTES_URL": addresses["attributes"],
            "HEADRACE_WEBHOOK_URL": webhook_url(ports[0]),
            "HEADRACE_DATABASE_URL": book_url(folder),  # of `headrace effects`
            **(as_variables(stores[0].values) if len(stores) == 1 else {}),
        },
        broker=broker.embedded,
        kafka_pid=broker.pid,
        options=options,
        health={child.name: child.health for child in children if child.health},
    )
    stack.write_config()
    return stack


def _stores(options: StackOptions, bootstrap_servers: str, prefix: str) -> tuple[SimulatedStore, ...]:
    names = options.names
    kafka = {"kafka_bootstrap_servers": bootstrap_servers, "topic_prefix": prefix}
    return tuple(
        SimulatedStore(
            settings_of(StoreEntry(name, among=names if len(names) > 1 else ()), ServiceSettings, store=name, **kafka),
            seed=options.seed + place,
        )
        for place, name in enumerate(names)
    )


async def _open(store: SimulatedStore, options: StackOptions, supervisor: Supervisor) -> SimulatedStore:
    """Its simulators run."""
    return replace(store, addresses=json.loads(await supervisor.start(store.simulators(options))))
