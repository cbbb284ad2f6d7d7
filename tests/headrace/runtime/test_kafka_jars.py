"""The jars: only verified files reach the cache; each way to fail has its own words."""

import errno
import hashlib
import re
from pathlib import Path

import pytest

from headrace.runtime.dependency import DependencyError
from headrace.runtime.kafka_jars import LOCK, Jar, ensure_jars, kafka_version, read_lock

CONTENT = b"a jar"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "jars.lock"
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    path.write_text(f"# a comment\norg.b b 2.0 {sha256}\norg.apache.kafka kafka_2.13 1.0 {sha256}\n")
    return path


def good(jar: Jar, folder: Path) -> Path:
    path = folder / jar.filename
    path.write_bytes(CONTENT)
    return path


def test_read_lock__ours__is_complete_and_names_no_host() -> None:
    jars = read_lock()

    assert kafka_version(jars) == "4.3.1"
    assert len({jar.filename for jar in jars}) == len(jars) == 46
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) for jar in jars)
    assert "://" not in LOCK.read_text()


def test_ensure_jars__first_time__fetched_in_order_then_kept(tmp_path: Path, lock: Path) -> None:
    fetched: list[str] = []

    def fetch(jar: Jar, folder: Path) -> Path:
        fetched.append(jar.artifact)
        return good(jar, folder)

    first = ensure_jars(tmp_path / "jars", fetch=fetch, lock=lock)
    second = ensure_jars(tmp_path / "jars", fetch=fetch, lock=lock)

    assert first == second == (tmp_path / "jars" / "b-2.0.jar", tmp_path / "jars" / "kafka_2.13-1.0.jar")
    assert sorted(fetched) == ["b", "kafka_2.13"]
    assert sorted(path.name for path in (tmp_path / "jars").iterdir()) == ["b-2.0.jar", "kafka_2.13-1.0.jar"]


def test_ensure_jars__another_file__refused_and_not_kept(tmp_path: Path, lock: Path) -> None:
    def fetch(jar: Jar, folder: Path) -> Path:
        path = good(jar, folder)
        path.write_bytes(b"something else")
        return path

    with pytest.raises(DependencyError) as caught:
        ensure_jars(tmp_path / "jars", fetch=fetch, lock=lock)

    assert caught.value.code == "jar_mismatch"
    assert "sha256" in caught.value.message
    assert list((tmp_path / "jars").iterdir()) == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConnectionError("no route"), "no_network"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "no_network"),
        (RuntimeError("Artifact not found"), "no_network"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (OSError(errno.EACCES, "Permission denied"), "folder_unwritable"),
    ],
)
def test_ensure_jars__fetch_fails__told_apart(tmp_path: Path, lock: Path, error: Exception, code: str) -> None:
    def fetch(jar: Jar, folder: Path) -> Path:
        raise error

    with pytest.raises(DependencyError) as caught:
        ensure_jars(tmp_path / "jars", fetch=fetch, lock=lock)

    assert caught.value.code == code
    assert caught.value.hint
