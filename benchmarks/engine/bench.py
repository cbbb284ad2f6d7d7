"""What every benchmark stands on: a broker of its own on the first core, a folder that goes away, systems made ready.

What is measured on it is each benchmark's own.
"""

import os
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.engine.cores import OUR_CORE, on_cores
from benchmarks.engine.systems import BUILD, SYSTEMS, Unavailable
from benchmarks.engine.topics import warm_up
from headrace.runtime.broker_state import BrokerInfo
from headrace.runtime.embedded_kafka import EmbeddedKafka
from headrace.runtime.logs import configure_logs
from headrace.runtime.parent import watch_parent

HEAP_MB: Final = 512


@dataclass(frozen=True, slots=True)
class Bench:
    """A broker that runs, and a folder for what the workers keep."""

    broker: BrokerInfo
    folder: Path

    @property
    def bootstrap(self) -> str:
        """Where the broker is."""
        return self.broker.bootstrap_servers


@contextmanager
def bench(*cores: int) -> Iterator[Bench]:
    """Broker and harness on these cores (default: the first)."""
    configure_logs("bench", "warning")
    BUILD.mkdir(parents=True, exist_ok=True)
    _end_with_the_caller()
    with (
        tempfile.TemporaryDirectory(dir=BUILD) as folder,
        on_cores(*(cores or (OUR_CORE,))),
        EmbeddedKafka(Path(folder) / "kafka", heap_mb=HEAP_MB) as kafka,
    ):
        assert kafka.info is not None
        warm_up(kafka.info.bootstrap_servers)
        yield Bench(kafka.info, Path(folder))


def _end_with_the_caller() -> None:
    """SIGTERM ends what was started too; and it comes by itself when `headrace bench` is gone."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if parent := os.environ.get("HEADRACE_BENCH_PARENT"):
        watch_parent(int(parent), lambda: os.kill(os.getpid(), signal.SIGTERM))


def prepare(names: Iterable[str]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """system -> its command, and system -> why it cannot be measured here."""
    commands, unavailable = {}, {}
    for name in names:
        try:
            commands[name] = SYSTEMS[name].prepare()
        except Unavailable as error:
            unavailable[name] = str(error)
            say(f"{name} is left out: {error}")
    return commands, unavailable


def say(line: str) -> None:
    """Progress, for people."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
