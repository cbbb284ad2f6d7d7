"""`headrace lint`: exit codes, the JSON object, and what a person sees."""

import json
from pathlib import Path

import pytest

from headrace.cli.main import execute

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "examples" / "rules" / "demo"
BAD = ROOT / "tests" / "cases" / "bad_rules"


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is a run of its own: stdout has no object yet."""
    monkeypatch.setattr("headrace.cli.output._Stdout.used", False)


def test_lint__demo_rules__clean(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["lint", str(DEMO), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "findings": []}


def test_lint__error__exit_1_and_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    file = str(BAD / "field_typo.yaml")
    assert execute(["lint", file, "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "ok": False,
        "findings": [
            {
                "code": "unknown_field",
                "severity": "error",
                "file": file,
                "line": 7,
                "column": 11,
                "id": "s1",
                "message": "there is no field 'customer.spent'",
                "hint": "did you mean 'customer.spend'?",
            }
        ],
    }


def test_lint__only_infos__exit_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["lint", str(BAD / "owner_missing.yaml"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["ok"] is True
    assert [finding["severity"] for finding in shown["findings"]] == ["info"]


def test_lint__several_paths__each_is_a_rule_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["lint", str(DEMO), str(DEMO / "rules.yaml"), str(BAD / "amount_german.yaml"), "--json"]) == 1
    assert [f["code"] for f in json.loads(capsys.readouterr().out)["findings"]] == ["ambiguous_amount"]


def test_lint__for_people__shows_the_line_and_a_caret_under_the_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["lint", str(BAD / "amount_german.yaml")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(
        "amount_german.yaml:7:35: error[ambiguous_amount] in s1: "
        "customer.spend '10.000' can be read as 10000 or as 10.00"
    )
    assert lines[1].index("10.000") == lines[2].index("^")
    assert lines[3] == "  hint: write 10000 or 10.00"
    assert lines[-1] == "1 error"


def test_lint__no_such_path__usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["lint", "nowhere", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"


def test_lint__markup_in_a_file__is_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("store: {timezone: Europe/London, currency: GBP}\n'[/bold]': 1\n")
    assert execute(["lint", str(file)]) == 1
    assert "a rule file has no '[/bold]'" in capsys.readouterr().out
