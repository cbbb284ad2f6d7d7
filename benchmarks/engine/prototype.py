"""The prototype that the engine was made after, to be measured beside it where its script is at hand (not part of us).

Run as a module it becomes the script: `python -m benchmarks.engine.prototype SCRIPT`, told by `asked.py` as any worker.
"""

import os
import sys
from pathlib import Path
from typing import Final

from benchmarks.engine.asked import asked
from benchmarks.engine.systems import BUILD, System, Unavailable, count_in_ours, install_into

_EXTRA: Final = "orjson==3.13.0"
_FOLDER: Final = BUILD / "prototype"
# Its best settings for both throughput and latency, as design/engine.md 2 gives them.
_SETTINGS: Final = {"EPOCH": "0.05", "NMAX": "10000", "CHUNK": "2000", "GC": "100000", "MPR": "100000", "BUF": "64"}


def prototype(script: Path) -> System:
    """The system, with its script's place in its command."""
    return System(
        "prototype",
        "exactly_once",
        lambda: _prepare(script.absolute()),
        lambda asked: f"{asked.group}-counts-changelog",
        count_in_ours,
        creates_changelog=False,
        says_marks=False,
    )


def _prepare(script: Path) -> list[str]:
    if not script.is_file():
        raise Unavailable(f"{script} is not there")
    if not (_FOLDER / "orjson").is_dir():
        install_into(_FOLDER, _EXTRA)
    return [sys.executable, "-m", "benchmarks.engine.prototype", str(script)]


def main(script: str) -> None:
    """Becomes the script."""
    told = asked()
    own = {"BS": told.bootstrap, "APP": told.group, "TOPIC": told.topic, "OUTT": told.output, "DD": told.state_dir}
    environment = {**os.environ, **_SETTINGS, **own, "N": "0", "OUT": "lat", "PYTHONPATH": str(_FOLDER)}
    os.execve(sys.executable, [sys.executable, script], environment)  # noqa: S606  # the same process, for its figures


if __name__ == "__main__":
    main(sys.argv[1])
