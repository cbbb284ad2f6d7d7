"""The systems that are compared: how each is made ready, started, and how its changelog tells a customer's count.

A peer that cannot be made ready raises `Unavailable` with the cause; nothing stands in for it.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.engine.asked import Asked
from headrace.contracts.topics import PARTITION_WIDE_KEY
from services.evaluator.engine.state import MARK_BYTES

ROOT: Final = Path(__file__).resolve().parents[2]
BUILD: Final = ROOT / "build" / "bench"
_HERE: Final = Path(__file__).resolve().parent
_PREPARE_S: Final = 900.0


class Unavailable(Exception):
    """A system that cannot be measured here, and why."""


@dataclass(frozen=True, slots=True)
class System:
    """`changelog` makes the topic's name from group and source topic; `creates_changelog`: it does so itself.

    `at_most`: events, for a system that would take minutes. `environment` is added to the worker's; `paced` too where
    latency is measured: what keeps a wait of its own out of a record's way to the output topic.
    """

    name: str
    guarantee: str
    prepare: Callable[[], list[str]]
    changelog: Callable[[Asked], str]
    count: Callable[[bytes, bytes], int | None]
    creates_changelog: bool = True
    at_most: int | None = None
    environment: tuple[tuple[str, str], ...] = ()
    paced: tuple[tuple[str, str], ...] = ()
    says_marks: bool = True


def count_in_ours(key: bytes, value: bytes) -> int | None:
    """A customer's count in a record of our changelog; None for the partition's own record."""
    return None if key == PARTITION_WIDE_KEY else count_in_json(key, value[MARK_BYTES:])


def count_in_json(key: bytes, value: bytes) -> int | None:
    """A customer's count where the value is the state as JSON."""
    return int(json.loads(value)["n"])


def _python(module: str, python: str = sys.executable) -> list[str]:
    return [python, "-m", f"benchmarks.engine.{module}"]


def _prepare_quix() -> list[str]:
    lock = _HERE / "requirements-quix.lock"
    folder = BUILD / "venvs" / "quix"
    python, stamp = folder / "bin" / "python", folder / ".installed"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not (stamp.exists() and stamp.read_text() == wanted):
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        _do(str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock))
        stamp.write_text(wanted)
    return _python("quix_worker", str(python))


def _prepare_kafka_streams() -> list[str]:
    if shutil.which("mvn") is None or shutil.which("java") is None:
        raise Unavailable("needs Maven and a JDK 17 or newer")
    _do("mvn", "--quiet", "--batch-mode", "--file", str(_HERE / "kafka_streams" / "pom.xml"), "package")
    built = BUILD / "kafka-streams"
    logs = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    return ["java", "-Xmx2g", logs, "-cp", f"{built / 'classes'}:{built / 'lib' / '*'}", "KafkaStreamsWorker"]


def install_into(folder: Path, *requirements: str) -> None:
    """Packages for one system alone, beside our own environment. Raises `Unavailable`."""
    _do(sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), *requirements)


def _do(*command: str) -> None:
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_PREPARE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{command[0]}: {error}") from error
    if done.returncode:
        last = (done.stdout + done.stderr).strip().splitlines()[-3:]
        raise Unavailable(f"{Path(command[0]).name} failed: {' | '.join(last)}")


def _kafka_streams(name: str, guarantee: str, *, commit_ms: int) -> System:
    return System(
        name,
        guarantee,
        _prepare_kafka_streams,
        lambda asked: f"{asked.group}-counts-changelog",
        count_in_json,
        environment=(("BENCH_GUARANTEE", guarantee),),
        # Kafka Streams' own producers linger for 100 ms.
        paced=(("BENCH_LINGER_MS", "0"), ("BENCH_COMMIT_MS", str(commit_ms))),
    )


SYSTEMS: Final = {
    system.name: system
    for system in (
        System(
            "headrace",
            "exactly_once",
            lambda: _python("headrace_worker"),
            lambda asked: f"{asked.group}-counts-changelog",
            count_in_ours,
            creates_changelog=False,
        ),
        System(
            "faust",
            "none",
            lambda: _python("faust_worker"),
            lambda asked: f"{asked.group}-counts-changelog",
            count_in_json,
            at_most=30_000,
        ),
        System(
            "quix",
            "at_least_once",
            _prepare_quix,
            lambda asked: f"changelog__{asked.group}--{asked.topic}--default",
            count_in_json,
            paced=(("BENCH_LINGER_MS", "0"), ("BENCH_COMMIT_MS", "1000")),
        ),
        _kafka_streams("kafka-streams", "at_least_once", commit_ms=1000),
        _kafka_streams("kafka-streams-eos", "exactly_once_v2", commit_ms=50),
    )
}
