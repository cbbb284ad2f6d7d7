"""All that must be on the disk before a broker can start: Java, its jars, a formatted data folder."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headrace.runtime import broker_config as config
from headrace.runtime.broker_errors import disk_full, explain_end
from headrace.runtime.java import Java, find_java
from headrace.runtime.kafka_jars import ensure_jars, kafka_version, read_lock
from headrace.runtime.logs import log

NEEDED_BYTES: Final = 64 * 1024 * 1024
_FORMAT_WITHIN_S: Final = 60.0
_BOOTSTRAP: Final = "bootstrap.checkpoint"


@dataclass(frozen=True, slots=True)
class Broker:
    """What to run."""

    java: Java
    jars: tuple[Path, ...]
    version: str
    heap_mb: int

    def command(self, folder: Path, main: str, *arguments: str) -> list[str]:
        """The command line of one of the broker's classes; `folder` holds log4j2.properties."""
        return config.java_command(
            self.java, self.jars, main, *arguments, heap_mb=self.heap_mb, log4j=folder / "log4j2.properties"
        )


def prepare(data_dir: Path, cache_dir: Path, heap_mb: int) -> Broker:
    """Brings everything about that is missing. Raises `DependencyError`, and OSError of the disk."""
    version = kafka_version(read_lock())
    java = find_java()
    home = cache_dir / f"kafka-{version}"
    broker = Broker(java, ensure_jars(home / "jars"), version, heap_mb)
    log.info("kafka.prepared", version=version, java=java.major)
    data_dir.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(data_dir).free < NEEDED_BYTES:
        raise disk_full(data_dir)
    (data_dir / "log4j2.properties").write_text(config.LOG4J)
    if not (data_dir / "log" / "meta.properties").is_file():
        template = home / "formatted"
        if not (template / _BOOTSTRAP).is_file():
            _make_template(broker, template)
        _format(data_dir / "log", template)
    return broker


def _make_template(broker: Broker, template: Path) -> None:
    """Runs StorageTool (a JVM, a second) once per cache; every data folder is a copy of what it wrote."""
    with tempfile.TemporaryDirectory(prefix=".format-", dir=template.parent) as name:
        folder = Path(name)
        (folder / "log4j2.properties").write_text(config.LOG4J)
        properties = folder / "server.properties"
        properties.write_text(config.server_properties(folder, 1, 2))
        command = broker.command(
            folder, "kafka.tools.StorageTool", "format", "-t", config.new_id(), "-c", str(properties)
        )
        _run(command, folder)
        (folder / "log" / "meta.properties").unlink()
        try:
            (folder / "log").rename(template)
        except OSError:
            if not (template / _BOOTSTRAP).is_file():  # else another process was quicker
                raise


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_FORMAT_WITHIN_S)
    if done.returncode != 0:
        raise explain_end((done.stdout + done.stderr).splitlines(), folder, 0)


def _format(folder: Path, template: Path) -> None:
    """`meta.properties`, which makes a folder a formatted one, comes last and at once."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    fresh = folder / "meta.properties.new"
    fresh.write_text(config.meta_properties(config.new_id()))
    fresh.replace(folder / "meta.properties")


def cluster_id_of(data_dir: Path) -> str:
    """The id of the cluster whose data this is, as its `meta.properties` says."""
    lines = (data_dir / "log" / "meta.properties").read_text().splitlines()
    return next(line.removeprefix("cluster.id=") for line in lines if line.startswith("cluster.id="))
