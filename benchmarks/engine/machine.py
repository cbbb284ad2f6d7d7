"""What the figures belong to: the machine, the commit, the versions; and what a process has used so far."""

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.engine.cores import can_pin
from benchmarks.engine.systems import ROOT
from headrace import __version__
from headrace.runtime.java import find_java


def describe_machine() -> dict[str, Any]:
    """Processor, cores, memory, system."""
    cores = os.cpu_count() or 1
    return {
        "cpu": _first(Path("/proc/cpuinfo"), r"model name\s*:\s*(.+)") or platform.processor(),
        "cores": cores,
        "memory_mb": int(_first(Path("/proc/meminfo"), r"MemTotal:\s*(\d+)") or 0) // 1024,
        "system": f"{platform.system()} {platform.release()}",
        "pinned": can_pin(),
    }


def describe_versions(kafka: str) -> dict[str, str]:
    """Of everything that was measured or measured with."""
    here = Path(__file__).resolve().parent
    ours = {name: version(name) for name in ("faust-streaming", "aiokafka", "confluent-kafka", "msgspec")}
    return {
        "headrace": __version__,
        "python": platform.python_version(),
        "java": str(find_java().major),
        "kafka": kafka,
        **ours,
        "quixstreams": _first(here / "requirements-quix.lock", r"quixstreams==(\S+)") or "",
        "kafka-streams": _first(here / "kafka_streams" / "pom.xml", r"kafka-streams</artifactId>\s*<version>(.+?)<")
        or "",
    }


def describe_commit() -> str | None:
    """The checkout's commit, with "+changes" when files differ from it."""
    commit = _git("rev-parse", "HEAD")
    return f"{commit}+changes" if commit and _git("status", "--porcelain", "--untracked-files=no") else commit or None


def peak_rss_mb(pid: int) -> float | None:
    """The most memory a process has had, in MB."""
    found = _first(Path(f"/proc/{pid}/status"), r"VmHWM:\s*(\d+)")
    return None if found is None else round(int(found) / 1024, 1)


def cpu_seconds(pid: int) -> float:
    """What a process has used, all threads; 0 where that cannot be read."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _first(path: Path, pattern: str) -> str | None:
    try:
        found = re.search(pattern, path.read_text())
    except OSError:
        return None
    return found[1].strip() if found else None


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()
