"""`headrace consumer new`: what it writes passes its own tests, is short, and overwrites nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.cli.main import execute


def test_consumer_new__a_project__whose_tests_pass(tmp_path: Path) -> None:
    name, package, folder = "points.grant", "points_grant", tmp_path / "made"
    assert execute(["consumer", "new", name, "--dir", str(folder)]) == 0
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        env={"PYTHONPATH": f"{folder}:{Path(__file__).resolve().parents[3]}", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    code = (folder / package / "__init__.py").read_text().splitlines()
    assert len(code) < 40
    assert f'"{name}" = "{package}:consumer"' in (folder / "pyproject.toml").read_text()


def test_consumer_new__folder_in_use__is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert execute(["consumer", "new", "points", "--dir", str(tmp_path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "not_empty"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", ["", "Points", "1st", "a b", "../x", "class", "headrace", "x" * 61, "a..b"])
def test_consumer_new__no_name_for_a_package__is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert execute(["consumer", "new", name, "--dir", str(tmp_path / "x"), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "bad_name"
    assert not (tmp_path / "x").exists()
