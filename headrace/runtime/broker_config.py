"""What the local broker is told: its properties, its logging, its command line.

Small and quick to start on a laptop; nothing here is advice for a production cluster.
"""

import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from headrace.runtime.java import Java
from headrace.runtime.ports import HOST

NODE_ID: Final = 1
_MEGABYTE: Final = 1024 * 1024
MAX_RECORD_BYTES: Final = 6 * _MEGABYTE

_FIXED: Final = {
    "process.roles": "broker,controller",
    "node.id": NODE_ID,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    # Topics are made by `headrace topics create`, never by a typo.
    "auto.create.topics.enable": "false",
    # One node: no replicas. Few partitions of the inner topics: a quick first use of a group and a transaction.
    "default.replication.factor": 1,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    # A position outlives a long holiday.
    "offsets.retention.minutes": 525_600,
    # Groups settle at once, and a killed member is missed soon.
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1000,
    "message.max.bytes": MAX_RECORD_BYTES,
    "replica.fetch.max.bytes": MAX_RECORD_BYTES,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "background.threads": 2,
    # The cleaner's map is taken from the heap at start (128 MB by default); the index files are sparse.
    "log.cleaner.dedupe.buffer.size": 16 * _MEGABYTE,
    "log.index.size.max.bytes": 2 * _MEGABYTE,
}

LOG4J: Final = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSS} %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""


def server_properties(
    data_dir: Path, port: int, controller_port: int, others: Mapping[str, str | int | float | None] | None = None
) -> str:
    """The text of server.properties. `others` win over ours; None leaves the name to Kafka's own default."""
    properties = {
        **_FIXED,
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "controller.quorum.voters": f"{NODE_ID}@{HOST}:{controller_port}",
        "log.dirs": _escaped(data_dir / "log"),
        **(others or {}),
    }
    return "".join(f"{name}={value}\n" for name, value in sorted(properties.items()) if value is not None)


def meta_properties(cluster_id: str) -> str:
    """The text of meta.properties, which StorageTool would write for a new folder."""
    return f"version=1\ncluster.id={cluster_id}\nnode.id={NODE_ID}\ndirectory.id={new_id()}\n"


def new_id() -> str:
    """A random id as Kafka writes them: 22 characters of URL-safe base64, never with a dash in front."""
    while (text := urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


def java_command(java: Java, jars: Sequence[Path], main: str, *arguments: str, heap_mb: int, log4j: Path) -> list[str]:
    """The command line of a class of the broker; `jars` are listed one by one, so that the path is always the same."""
    return [
        str(java.path),
        f"-Xmx{heap_mb}m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xshare:auto",
        "-Djava.awt.headless=true",
        "-Dlog4j2.disableJmx=true",
        f"-Dlog4j2.configurationFile={log4j}",
        "-cp",
        ":".join(str(jar) for jar in jars),
        main,
        *arguments,
    ]


def _escaped(path: Path) -> str:
    return str(path).replace("\\", "\\\\")
