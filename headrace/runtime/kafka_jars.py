"""The broker's jars: those of our own list, fetched once by jgo, verified, kept in the user's cache folder.

The list (`kafka_jars.lock`) pins names, versions and sha256; where to fetch from is jgo's knowledge.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jgo.maven import MavenContext

from headrace.runtime.broker_errors import explain_os_error
from headrace.runtime.dependency import DependencyError

LOCK: Final = Path(__file__).with_name("kafka_jars.lock")
_PARALLEL: Final = 8
_TIMEOUT_S: Final = 15


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the list."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        """As the repository names it."""
        return f"{self.artifact}-{self.version}.jar"


Fetch = Callable[[Jar, Path], Path]
"""Brings a jar into a folder and returns its path; raises what the network raises."""


def read_lock(path: Path = LOCK) -> tuple[Jar, ...]:
    """The jars of the list, in the order of the class path."""
    lines = (line.split() for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return tuple(sorted((Jar(*fields) for fields in lines), key=lambda jar: jar.filename))


def kafka_version(jars: tuple[Jar, ...]) -> str:
    """The broker's version."""
    return next(jar.version for jar in jars if jar.artifact.startswith("kafka_"))


def fetch_with_jgo(jar: Jar, folder: Path) -> Path:
    """Downloads one artifact by jgo's resolver: no POM is resolved, the list is complete."""
    context: Any = MavenContext(repo_cache=folder, timeout=_TIMEOUT_S)
    return Path(context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve())


def ensure_jars(folder: Path, *, fetch: Fetch = fetch_with_jgo, lock: Path = LOCK) -> tuple[Path, ...]:
    """Paths of all jars of the list in `folder`, fetched as needed; only verified files ever stand there.

    Raises `DependencyError`: "no_network", "jar_mismatch", "disk_full".
    """
    jars = read_lock(lock)
    missing = [jar for jar in jars if not (folder / jar.filename).is_file()]
    if missing:
        try:
            _fetch_all(missing, folder, fetch)
        except OSError as error:
            raise _explained(error, folder) from error
    return tuple(folder / jar.filename for jar in jars)


def _fetch_all(jars: list[Jar], folder: Path, fetch: Fetch) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    passing = Path(tempfile.mkdtemp(prefix=".fetch-", dir=folder))
    try:
        with ThreadPoolExecutor(_PARALLEL) as pool:
            tasks = [pool.submit(_fetch_one, jar, folder, passing, fetch) for jar in jars]
            try:
                for task in tasks:
                    task.result()
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
    finally:
        shutil.rmtree(passing, ignore_errors=True)


def _fetch_one(jar: Jar, folder: Path, passing: Path, fetch: Fetch) -> None:
    try:
        fetched = fetch(jar, passing)
    except OSError:  # requests' errors are OSErrors too
        raise
    except RuntimeError as error:  # jgo: answered, but not with the file
        raise DependencyError(
            "no_network", f"{jar.filename} of Kafka could not be fetched: {str(error)[:200]}", _NETWORK_HINT
        ) from error
    actual = hashlib.sha256(fetched.read_bytes()).hexdigest()
    if actual != jar.sha256:
        raise DependencyError(
            "jar_mismatch",
            f"{jar.filename} is not the file we know: sha256 {actual}, expected {jar.sha256}",
            "a proxy or mirror changed it, or the download broke off: it was not kept; try again",
        )
    fetched.replace(folder / jar.filename)


_NETWORK_HINT: Final = (
    "the first start needs the network once (44 MB); or copy a filled cache folder (HEADRACE_CACHE_DIR), "
    "or set HEADRACE_KAFKA_BOOTSTRAP_SERVERS to a Kafka that runs"
)


def _explained(error: OSError, folder: Path) -> DependencyError:
    return explain_os_error(error, folder) or DependencyError(
        "no_network", f"the jars of Kafka could not be fetched ({type(error).__name__})", _NETWORK_HINT
    )
