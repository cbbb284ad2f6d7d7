"""An outsider's machine: a fresh environment with our wheel and wheels of consumers, and nothing of this checkout.

What we depend on is lent from the environment of the tests, file by file: nothing is downloaded.
"""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
_UV: Final = str(Path(sys.executable).parent / "uv")


@dataclass(frozen=True, slots=True)
class Outsider:
    """A folder with an environment in it."""

    folder: Path

    @property
    def bin(self) -> Path:
        return self.folder / "venv" / "bin"

    def run(self, *words: str, folder: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
        """What a command of the environment prints; it must succeed."""
        done = subprocess.run(
            [str(self.bin / words[0]), *words[1:]],
            cwd=folder or self.folder,
            env={**clean(), **(environment or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def install(self, *projects: Path) -> None:
        """Builds the wheels of these projects and installs them."""
        for project in projects:
            wheels = self.folder / "wheels" / project.name
            _quietly([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)], project)
            (wheel,) = wheels.glob("*.whl")
            python = str(self.bin / "python")
            _quietly([_UV, "pip", "install", "--offline", "--no-deps", "--python", python, str(wheel)], self.folder)

    @contextmanager
    def started(self, *words: str, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
        """A command that goes on; asked to stop in the end, it must do so in time and say that all is well."""
        log = self.folder / "log.txt"
        with log.open("ab") as out:
            process = subprocess.Popen(
                [str(self.bin / words[0]), *words[1:]],
                cwd=self.folder,
                env={**clean(), **environment, "HEADRACE_PARENT_PID": str(os.getpid())},
                stdout=out,
                stderr=out,
            )
            try:
                yield process
                process.terminate()
                assert process.wait(15) == 0, log.read_text()[-3000:]
            finally:
                process.kill()
                process.wait()


def make_outsider(folder: Path) -> Outsider:
    """With our wheel installed."""
    _quietly([_UV, "venv", "--offline", "--python", sys.executable, str(folder / "venv")], folder)
    one = Outsider(folder)
    (site,) = (folder / "venv").glob("lib/python*/site-packages")
    # A path in a .pth file is searched, but no .pth file in it is read: the checkout is not on it.
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    one.install(ROOT)
    return one


def clean() -> dict[str, str]:
    """This environment without what is ours in it."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "PYTHON", "VIRTUAL"))
    }


def _quietly(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, env=clean(), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
