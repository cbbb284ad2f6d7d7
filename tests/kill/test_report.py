"""The soak's report: what has passed is not run again, at another commit it is, and nothing is ever taken out."""

import subprocess
from pathlib import Path

import msgspec
import pytest

from tests.kill.plan import draw
from tests.kill.report import DIRTY, append, commit_of, line_of, passed
from tests.kill.run import Outcome
from tests.kill.soak import main, seeds_of


def run_of(seed: int, *problems: str) -> Outcome:
    return Outcome(draw(seed), {"kill": 2, "join": 1, "broker": 1}, events=100, seconds=60.0, problems=list(problems))


def test_passed__failed_or_other_commit__not_passed(tmp_path: Path) -> None:
    report = tmp_path / "reports" / "soak.jsonl"
    append(report, line_of(run_of(1), "aaa"))
    append(report, line_of(run_of(2, "1 x lost output"), "aaa"))
    append(report, line_of(run_of(3), "bbb"))
    append(report, line_of(run_of(4), DIRTY))
    assert passed(report, "aaa") == {1}
    assert passed(report, DIRTY) == frozenset()
    assert passed(tmp_path / "none", "aaa") == frozenset()


def test_append__failed_then_passed__both_lines_kept(tmp_path: Path) -> None:
    report = tmp_path / "soak.jsonl"
    append(report, line_of(run_of(2, "1 x lost output"), "aaa"))
    append(report, line_of(run_of(2), "aaa"))
    first, second = [msgspec.json.decode(line) for line in report.read_bytes().splitlines()]
    assert (first["ok"], first["problems"], second["ok"]) == (False, ["1 x lost output"], True)
    assert passed(report, "aaa") == {2}


def test_line_of__run__keys_and_kills(tmp_path: Path) -> None:
    line = msgspec.to_builtins(line_of(run_of(7), "abc"))
    assert {"commit", "seed", "faults", "kills", "events", "ok", "problems", "seconds"} <= set(line)
    assert (line["kills"], line["faults"]) == (3, {"broker": 1, "join": 1, "kill": 2})


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with one commit of code and one of docs."""
    git(tmp_path, "init", "--quiet")
    for name in ("code.py", "docs/page.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("one")
        git(tmp_path, "add", name)
        git(tmp_path, "commit", "--quiet", "-m", name)
    return tmp_path


def git(tree: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@post.example")
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=tree, check=True, capture_output=True, text=True, timeout=30).stdout.strip()


def test_commit_of__newer_commit_in_docs_only__the_code_s(tree: Path) -> None:
    assert commit_of(tree) == git(tree, "rev-parse", "HEAD~1")


def test_commit_of__change_in_docs_only__not_dirty(tree: Path) -> None:
    (tree / "docs" / "soak.jsonl").write_text("{}")
    assert commit_of(tree) != DIRTY


@pytest.mark.parametrize("name", ["code.py", "new.py"])
def test_commit_of__code_changed__dirty(tree: Path, name: str) -> None:
    (tree / name).write_text("two")
    assert commit_of(tree) == DIRTY


def test_main__dirty_tree__refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("tests.kill.soak.commit_of", lambda _: DIRTY)
    assert main(["--seeds", "1-2"]) == 2
    assert "--allow-dirty" in capsys.readouterr().err


def test_seeds_of__one_or_a_span() -> None:
    assert list(seeds_of("3-5")) == [3, 4, 5]
    assert list(seeds_of("7")) == [7]
