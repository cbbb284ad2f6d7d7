"""A real single-node Apache Kafka as a child process, from pip alone: prepared once, started in seconds.

It ends with the process that started it, however that one ends, unless it was started detached. What it is told
stands in `headrace.runtime.broker_config`.
"""

import errno
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Final, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from headrace.runtime import broker_config as config
from headrace.runtime import broker_guard
from headrace.runtime.broker_state import BrokerInfo, forget, running_broker, stop_broker, write_state
from headrace.runtime.dependency import DependencyError
from headrace.runtime.java import Java, find_java
from headrace.runtime.kafka_jars import disk_full, ensure_jars, kafka_version, read_lock
from headrace.runtime.logs import log
from headrace.runtime.settings import default_cache_dir

START_WITHIN_S: Final = 60.0
STOP_WITHIN_S: Final = 10.0
NEEDED_BYTES: Final = 64 * 1024 * 1024
DEFAULT_HEAP_MB: Final = 384
LOG_FILE: Final = "broker.log"
_POLL_S: Final = 0.05
_PORT_TRIES: Final = 3


def cache_dir_from_environment() -> Path:
    """HEADRACE_CACHE_DIR, else the user's cache folder."""
    return Path(os.environ.get("HEADRACE_CACHE_DIR") or default_cache_dir()).expanduser()


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
    ) -> None:
        """`port` None: a free one, kept over restarts of this object. `detached`: the broker outlives this process."""
        self.data_dir = data_dir.absolute()
        self._asked_port = port
        self._port = port
        self._cache = cache_dir or cache_dir_from_environment()
        self._heap_mb = heap_mb
        self._detached = detached
        self._process: subprocess.Popen[bytes] | None = None
        self._info: BrokerInfo | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> BrokerInfo:
        """Returns after a metadata round trip.

        Raises `DependencyError`: "no_java", "no_network", "jar_mismatch", "port_taken", "disk_full",
        "kafka_already_running", "kafka_start_failed" (with the broker's last words).
        """
        if (other := running_broker(self.data_dir)) is not None:
            raise DependencyError(
                "kafka_already_running",
                f"a Kafka runs on {self.data_dir} already, as process {other.pid} on {other.bootstrap_servers}",
                "use it, stop it with `headrace kafka down`, or choose another folder with --data",
            )
        with _disk_errors(self.data_dir):
            java, jars, version = self._prepare()
            return self._start(java, jars, version)

    def stop(self) -> None:
        """SIGTERM, then waits; harmless when nothing runs. The data stays."""
        process, info = self._process, self._info
        self._process = self._info = None
        if process is not None:
            process.terminate()
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
            forget(self.data_dir)
        elif info is not None:
            stop_broker(info)
        if info is not None:
            log.info("kafka.stopped", pid=info.pid)

    def failed(self) -> DependencyError | None:
        """The error to show when the broker has ended by itself, else None."""
        if self._process is None or self._process.poll() is None:
            return None
        return explain_end(self._log_tail(), self.data_dir, self._port or 0)

    # preparing

    def _prepare(self) -> tuple[Java, Sequence[Path], str]:
        version = kafka_version(read_lock())
        java = find_java()
        home = self._cache / f"kafka-{version}"
        jars = ensure_jars(home / "jars")
        log.info("kafka.prepared", version=version, java=java.major)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.data_dir).free
        if free < NEEDED_BYTES:
            raise disk_full(self.data_dir)
        (self.data_dir / "log4j2.properties").write_text(config.LOG4J)
        if not (self.data_dir / "log" / "meta.properties").is_file():
            template = home / "formatted"
            if not (template / "bootstrap.checkpoint").is_file():
                self._format_template(java, jars, template)
            self._format(template)
        return java, jars, version

    def _format_template(self, java: Java, jars: Sequence[Path], template: Path) -> None:
        """Runs StorageTool (a JVM, 1 s) once per cache; every data folder is a copy of what it wrote."""
        with tempfile.TemporaryDirectory(prefix=".format-", dir=template.parent) as name:
            folder = Path(name)
            properties = folder / "server.properties"
            properties.write_text(config.server_properties(folder, 1, 2))
            arguments = ("format", "-t", config.new_id(), "-c", str(properties))
            log4j = self.data_dir / "log4j2.properties"
            command = config.java_command(
                java, jars, "kafka.tools.StorageTool", *arguments, heap_mb=self._heap_mb, log4j=log4j
            )
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=START_WITHIN_S)
            if done.returncode != 0:
                raise explain_end((done.stdout + done.stderr).splitlines(), self.data_dir, 0)
            (folder / "log" / "meta.properties").unlink()
            if not template.exists():  # another process may have been quicker
                (folder / "log").rename(template)

    def _format(self, template: Path) -> None:
        folder = self.data_dir / "log"
        shutil.copytree(template, folder, dirs_exist_ok=True)
        fresh = folder / "meta.properties.new"
        fresh.write_text(config.meta_properties(config.new_id()))
        fresh.replace(folder / "meta.properties")

    # starting

    def _start(self, java: Java, jars: Sequence[Path], version: str) -> BrokerInfo:
        for tries_left in reversed(range(_PORT_TRIES)):
            port, controller_port = self._ports()
            properties = self.data_dir / "server.properties"
            properties.write_text(config.server_properties(self.data_dir, port, controller_port))
            command = config.java_command(
                java,
                jars,
                "kafka.Kafka",
                str(properties),
                heap_mb=self._heap_mb,
                log4j=self.data_dir / "log4j2.properties",
            )
            try:
                return self._launch(command, port, version)
            except DependencyError as error:
                # A free port may be gone a second later: only one that was asked for is an error at once.
                if error.code != "port_taken" or self._asked_port is not None or not tries_left:
                    raise
                self._port = None
        raise AssertionError("unreachable")

    def _ports(self) -> tuple[int, int]:
        if self._port is not None and not _is_free(self._port):
            raise port_taken(self._port)
        free = free_ports(2)
        return self._port or free[0], free[1]

    def _launch(self, command: list[str], port: int, version: str) -> BrokerInfo:
        began = time.monotonic()
        path = self.data_dir / LOG_FILE
        if path.exists():
            path.replace(path.with_suffix(".log.old"))
        self._port = port
        try:
            pid = self._spawn(command, path)
            cluster_id = self._wait_until_ready(port, pid)
        except BaseException:
            self.stop()
            raise
        info = BrokerInfo(f"{config.HOST}:{port}", pid, version, str(self.data_dir), cluster_id)
        self._info = info
        write_state(info)
        log.info("kafka.started", pid=pid, port=port, seconds=round(time.monotonic() - began, 2))
        return info

    def _spawn(self, command: list[str], path: Path) -> int:
        if self._detached:
            with path.open("ab") as output:
                self._process = _popen(command, stdout=output, stderr=output)
            return self._process.pid
        guard = [sys.executable, "-I", "-S", broker_guard.__file__, str(os.getpid()), str(path), *command]
        with path.open("ab") as output:
            self._process = _popen(guard, stdout=subprocess.PIPE, stderr=output)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.strip().isdigit():
            self._process.wait()
            raise explain_end(self._log_tail(), self.data_dir, self._port or 0)
        return int(line)

    def _wait_until_ready(self, port: int, pid: int) -> str:
        """The cluster's id, once the broker answers."""
        end = time.monotonic() + START_WITHIN_S
        while time.monotonic() < end:
            if (failure := self.failed()) is not None:
                raise failure
            if _is_listening(port):
                cluster_id = round_trip(f"{config.HOST}:{port}", timeout_s=2.0)
                if cluster_id is not None:
                    return cluster_id
            time.sleep(_POLL_S)
        raise DependencyError(
            "kafka_start_failed",
            f"the local Kafka (process {pid}) did not answer within {START_WITHIN_S:g} s" + _words(self._log_tail()),
            f"its log is {self.data_dir / LOG_FILE}",
        )

    def _log_tail(self) -> list[str]:
        try:
            return (self.data_dir / LOG_FILE).read_text(errors="replace").splitlines()[-200:]
        except OSError:
            return []


def round_trip(bootstrap_servers: str, *, timeout_s: float) -> str | None:
    """The cluster's id as a metadata answer tells it; None when there was no answer in time."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0, "socket.timeout.ms": 2000})
    try:
        metadata = admin.list_topics(timeout=timeout_s)
    except KafkaException:
        return None
    return str(metadata.cluster_id) if metadata.brokers else None


def explain_end(lines: list[str], data_dir: Path, port: int) -> DependencyError:
    """Why a broker ended, told from its last log lines."""
    text = "\n".join(lines)
    if "No space left on device" in text:
        return disk_full(data_dir)
    if "Address already in use" in text:
        return port_taken(port)
    if "Failed to acquire lock" in text:
        return DependencyError(
            "kafka_already_running",
            f"another Kafka uses {data_dir}",
            "stop it with `headrace kafka down`, or choose another folder with --data",
        )
    return DependencyError(
        "kafka_start_failed", "the local Kafka has ended" + _words(lines), f"its log is {data_dir / LOG_FILE}"
    )


def port_taken(port: int) -> DependencyError:
    """The error for a port that somebody else listens on."""
    return DependencyError(
        "port_taken", f"port {port} is taken by another process", "choose another with --port, or leave it out"
    )


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((config.HOST, 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.HOST, port))
        except OSError:
            return False
    return True


def _is_listening(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((config.HOST, port)) == 0


def _popen(command: list[str], *, stdout: int | IO[bytes], stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C in the terminal goes to us, and we stop the broker last.
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True)


@contextmanager
def _disk_errors(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise disk_full(data_dir) from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR):
            raise DependencyError(
                "data_unwritable", f"{data_dir} cannot be written: {error.strerror}", "choose a folder with --data"
            ) from error
        raise


def _words(lines: list[str]) -> str:
    last = [line[:300] for line in lines if " ERROR " in line or " FATAL " in line or "Exception" in line][-4:]
    last = last or [line[:300] for line in lines[-4:]]
    return ("; its last words:\n  " + "\n  ".join(last)) if last else ", without a word"
