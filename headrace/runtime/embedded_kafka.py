"""A real single-node Apache Kafka as a child process, from pip alone: prepared once, started in seconds.

It ends with the process that started it, however that one ends, unless it was started detached. What it is told
stands in `broker_config`, what must be on the disk in `broker_files`.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from headrace.runtime import broker_guard
from headrace.runtime.broker_config import server_properties
from headrace.runtime.broker_errors import LOG_FILE, explain_end, explain_os_error, port_taken, start_failed
from headrace.runtime.broker_files import Broker, cluster_id_of, prepare
from headrace.runtime.broker_state import BrokerInfo, forget, locked, running_broker, stop_broker, write_state
from headrace.runtime.dependency import DependencyError
from headrace.runtime.logs import log
from headrace.runtime.ports import HOST, free_ports, is_free, is_listening
from headrace.runtime.settings import default_cache_dir, variable

START_WITHIN_S: Final = 120.0
"""Generous: two cores that also run a test suite."""
STOP_WITHIN_S: Final = 10.0
DEFAULT_HEAP_MB: Final = 384
_POLL_S: Final = 0.05
_PORT_TRIES: Final = 3


def cache_dir_from_environment() -> Path:
    """HEADRACE_CACHE_DIR, else the user's cache folder."""
    return Path(os.environ.get(variable("cache_dir")) or default_cache_dir()).expanduser()


class EmbeddedKafka:
    """One broker on one data folder. Usable as a context manager; `start` and `stop` block (`asyncio.to_thread`)."""

    def __init__(
        self,
        data_dir: Path,
        port: int | None = None,
        cache_dir: Path | None = None,
        *,
        heap_mb: int = DEFAULT_HEAP_MB,
        detached: bool = False,
        properties: Mapping[str, str | int | float | None] | None = None,
    ) -> None:
        """`port` None: a free one, kept over restarts of this object. `detached`: the broker outlives this process.

        `properties`: the broker's, over ours; None for one leaves it to Kafka's own default.
        """
        self.data_dir = data_dir.absolute()
        self._port = port
        self._port_is_known = port is not None
        self._cache = cache_dir or cache_dir_from_environment()
        self._heap_mb = heap_mb
        self._detached = detached
        self._properties = properties
        self._process: subprocess.Popen[bytes] | None = None
        self._info: BrokerInfo | None = None
        self._lock = -1

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def info(self) -> BrokerInfo | None:
        """The broker that runs, None before `start` and after `stop`."""
        return self._info

    def start(self) -> BrokerInfo:
        """Returns after a metadata round trip.

        Raises `DependencyError`: "no_java", "no_network", "jar_mismatch", "folder_unwritable", "disk_full",
        "port_taken", "kafka_already_running", "kafka_failed" (with the broker's last words).
        """
        if (other := running_broker(self.data_dir)) is not None:
            raise DependencyError(
                "kafka_already_running",
                f"a Kafka runs on {self.data_dir} already, as process {other.pid} on {other.bootstrap_servers}",
                f"use it, stop it with `headrace kafka down --data {self.data_dir}`, or name another folder",
            )
        with _disk_errors(self.data_dir), locked(self.data_dir) as self._lock:
            broker = prepare(self.data_dir, self._cache, self._heap_mb)
            for _ in range(_PORT_TRIES - 1):
                try:
                    return self._start(broker)
                except DependencyError as error:
                    # A free port may be gone a second later; one that was asked for, or that clients know, must be it.
                    if error.code != "port_taken" or self._port_is_known:
                        raise
                    self._port = None
            return self._start(broker)

    def stop(self) -> None:
        """SIGTERM, then waits; harmless when nothing runs. The data stays."""
        process, info = self._process, self._info
        self._process = self._info = None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            if info is not None:
                stop_broker(info)
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        if info is not None:
            forget(info)
            log.info("kafka.stopped", pid=info.pid)

    def kill(self) -> None:
        """SIGKILL for the broker, as in a crash; `start` brings it back on the same port with what it had."""
        if self._info is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._info.pid, signal.SIGKILL)
        self.stop()

    def failed(self) -> DependencyError | None:
        """The error to show when the broker has ended by itself, else None."""
        if self._process is None or self._process.poll() is None:
            return None
        return explain_end(self._log_tail(), self.data_dir, self._port or 0)

    def _start(self, broker: Broker) -> BrokerInfo:
        began = time.monotonic()
        port, controller_port = self._ports()
        properties = self.data_dir / "server.properties"
        properties.write_text(server_properties(self.data_dir, port, controller_port, self._properties))
        path = self.data_dir / LOG_FILE
        if path.exists():
            path.replace(path.with_suffix(".log.old"))
        try:
            pid = self._spawn(broker.command(self.data_dir, "kafka.Kafka", str(properties)), path)
            cluster_id = self._wait_until_ready(port)
        except BaseException:
            self.stop()
            raise
        self._info = BrokerInfo(f"{HOST}:{port}", pid, broker.version, str(self.data_dir), cluster_id)
        self._port_is_known = True
        write_state(self._info)
        log.info("kafka.started", pid=pid, port=port, seconds=round(time.monotonic() - began, 2))
        return self._info

    def _ports(self) -> tuple[int, int]:
        if self._port is not None and not is_free(self._port):
            raise port_taken(self._port)
        first, controller_port = free_ports(2)
        self._port = self._port or first
        return self._port, controller_port

    def _spawn(self, command: list[str], path: Path) -> int:
        """The JVM's pid."""
        if self._detached:
            with path.open("ab") as output:
                self._process = _popen(command, stdout=output, stderr=output, keep=self._lock)
            return self._process.pid
        guard = [sys.executable, "-I", "-S", broker_guard.__file__, str(os.getpid()), str(path), *command]
        with path.open("ab") as output:
            self._process = _popen(guard, stdout=subprocess.PIPE, stderr=output, keep=self._lock)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.strip().isdigit():
            self._process.wait()
            raise explain_end(self._log_tail(), self.data_dir, self._port or 0)
        return int(line)

    def _wait_until_ready(self, port: int) -> str:
        """The cluster's id, once our broker answers, and not one that took the port before it."""
        own = cluster_id_of(self.data_dir)
        end = time.monotonic() + START_WITHIN_S
        while time.monotonic() < end:
            if (failure := self.failed()) is not None:
                raise failure
            if is_listening(port):
                cluster_id = round_trip({"bootstrap.servers": f"{HOST}:{port}"}, timeout_s=2.0)
                if cluster_id is not None and cluster_id == own:
                    return cluster_id
            time.sleep(_POLL_S)
        raise start_failed(
            f"the local Kafka did not answer within {START_WITHIN_S:g} s", self._log_tail(), self.data_dir
        )

    def _log_tail(self) -> list[str]:
        try:
            return (self.data_dir / LOG_FILE).read_text(errors="replace").splitlines()[-200:]
        except OSError:
            return []


def round_trip(config: Mapping[str, Any], *, timeout_s: float) -> str | None:
    """The cluster's id as a metadata answer tells it; None when there was no answer in time.

    `config` is librdkafka's (`headrace.runtime.kafka.confluent_config`).
    """
    admin = AdminClient({**config, "log_level": 0, "socket.timeout.ms": 2000})
    try:
        metadata = admin.list_topics(timeout=timeout_s)
    except KafkaException:
        return None
    return str(metadata.cluster_id) if metadata.brokers else None


def _popen(command: list[str], *, stdout: int | IO[bytes], stderr: IO[bytes], keep: int) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C in the terminal goes to us, and we stop the broker last. `keep`: the folder's lock.
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True, pass_fds=(keep,)
    )


@contextlib.contextmanager
def _disk_errors(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        explained = explain_os_error(error, data_dir)
        if explained is None:
            raise
        raise explained from error
