"""`headrace import`: what is refused before anything starts, and the verb's object from its child."""

import json
from pathlib import Path

import pytest

from headrace.cli.main import execute


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A store, and no Kafka."""
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "HASH_KEY"):
        monkeypatch.delenv(f"HEADRACE_{name}", raising=False)
    monkeypatch.setenv("HEADRACE_STORE", "shop")
    monkeypatch.setenv("HEADRACE_CACHE_DIR", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["none.csv"], "usage"),
        (["erp.csv", "--map", "customer"], "usage"),
        (["erp.csv", "--timezone", "Mars/Olympus"], "usage"),
        (["erp.csv", "--currency", "pound"], "usage"),
        (["erp.csv", "--separator", ";;"], "usage"),
        (["erp.csv", "--as-of", "today"], "usage"),
        (["erp.csv"], "settings"),
        (["erp.csv", "--dry-run", "--map", "Kunde=customer"], "bad_header"),
        (["cp1252.csv", "--dry-run"], "not_utf8"),
        (["empty.csv", "--dry-run"], "empty"),
    ],
)
def test_import__cannot_begin__says_what_to_do(
    words: list[str], code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "erp.csv").write_text("customer,erp_id\n1,D-1\n")
    (tmp_path / "cp1252.csv").write_bytes("customer;attribute.city\n1;Zürich\n".encode("cp1252"))
    (tmp_path / "empty.csv").touch()
    assert execute(["import", *words, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == code
    assert error["hint"]


def test_import__dry_run__counts_problems_and_exit_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "erp.csv"
    path.write_text("customer,kind,note\n1,B2B,x\n2,B2X,y\n")
    assert execute(["import", str(path), "--dry-run", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["accepted"], found["refused"]) == (2, 1, 1)
    assert found["problems"][0] | {"message": ""} == {
        "row": 2,
        "line": 3,
        "column": "kind",
        "code": "unknown_kind",
        "message": "",
        "hint": "write B2B or B2C",
    }
    assert found["ignored_columns"] == ["note"]
    path.write_text("customer,kind\n1,B2B\n")
    assert execute(["import", str(path), "--dry-run"]) == 0
    assert "1 rows: 1 would be taken, 0 refused" in capsys.readouterr().out
