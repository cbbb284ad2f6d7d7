"""`headrace test`: which cases belong to which rules, exit codes, the JSON object, and what a person sees."""

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.main import execute

RULES = """\
store: {timezone: Europe/London, currency: GBP}
groups: [{name: Gold}]
group_order: [Gold]
segments:
  - {id: gold, goal: g, owner: o, who: {customer.spend: {from: 1000}}, group: Gold}
"""
CASES = """\
cases:
  - name: 999.99 is not Gold
    history: [{customer: {email: ann@example.org}}, {order: {id: 1, value: 999.99}}]
    expect: {group: ""}
  - name: 1000.00 is Gold
    history: [{customer: {email: ann@example.org}}, {order: {id: 1, value: 1000.00}}]
    expect: {group: Gold, segments: [gold]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "rules.yaml").write_text(RULES)
    (tmp_path / "rules" / "rules.test.yaml").write_text(CASES)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *paths: Path | str) -> tuple[int, Any]:
    code = execute(["test", *map(str, paths), "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("path", ["rules", "rules/rules.yaml", "rules/rules.test.yaml", "."])
def test_test__cases_beside_their_rules__pass(folder: Path, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, folder / path) == (0, {"ok": True, "passed": 2, "failed": [], "findings": []})


def test_test__the_folder_of_rules__is_linted_without_its_cases(folder: Path) -> None:
    assert execute(["lint", str(folder / "rules"), "--json"]) == 0


def test_test__a_case_fails__exit_1_with_expected_and_actual(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = folder / "rules" / "rules.yaml"
    rules.write_text(RULES.replace("{from: 1000}", "{above: 1000}"))
    code, shown = run(capsys, folder)
    assert (code, shown["ok"], shown["passed"]) == (1, False, 1)
    assert shown["failed"] == [
        {
            "case": "1000.00 is Gold",
            "expected": {"group": "Gold", "segments": ["gold"]},
            "actual": {"group": "", "segments": []},
            "why": ["segment gold: not in it", "  customer.spend above 1,000.00 GBP: no, it is 1,000.00 GBP"],
            "file": str(folder / "rules" / "rules.test.yaml"),
            "line": 7,
        }
    ]


def test_test__a_case_fails__a_person_sees_where_and_what(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "rules" / "rules.yaml").write_text(RULES.replace("{from: 1000}", "{above: 1000}"))
    assert execute(["test", str(folder)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{folder}/rules/rules.test.yaml:7: 1000.00 is Gold",
        "  group: expected Gold, found none",
        "  segments: expected [gold], found []",
        "    segment gold: not in it",
        "      customer.spend above 1,000.00 GBP: no, it is 1,000.00 GBP",
        "1 passed, 1 failed",
    ]


def test_test__rules_named_in_the_file__are_found_from_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tests = folder / "tests"
    tests.mkdir()
    (tests / "gold.test.yaml").write_text(f"rules: ../rules/rules.yaml\n{CASES}")
    assert run(capsys, tests)[0] == 0
    (tests / "gold.test.yaml").write_text(f"rules: [../rulez]\n{CASES}")
    code, shown = run(capsys, tests)
    assert code == 1
    assert [(each["code"], each["line"], each["column"]) for each in shown["findings"]] == [("file_unreadable", 1, 9)]


def test_test__rules_written_in_the_file__are_those(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inside = "".join(f"  {line}\n" for line in RULES.splitlines())
    (tmp_path / "gold.test.yaml").write_text(f"rules: |\n{inside}{CASES}")
    assert run(capsys, tmp_path)[0] == 0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (CASES.replace("value: 999.99", "value: 10.000"), "ambiguous_amount"),
        (CASES.replace("cases:", "case:"), "unknown_key"),
        ("rules: rules.yaml\n", "missing_key"),
        ("cases: [", "yaml_syntax"),
        ("cases: []\n", "empty_value"),
    ],
)
def test_test__cases_that_cannot_be_read__exit_1_with_place_and_mend(
    folder: Path, text: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "rules" / "rules.test.yaml").write_text(text)
    result, shown = run(capsys, folder)
    assert (result, shown["ok"]) == (1, False)
    assert code in {each["code"] for each in shown["findings"]}
    assert all(each["hint"] for each in shown["findings"])


def test_test__rules_that_are_refused__exit_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "rules" / "rules.yaml").write_text(RULES.replace("group: Gold}", "group: Glod}"))
    code, shown = run(capsys, folder)
    assert (code, shown["passed"]) == (1, 0)
    assert [each["code"] for each in shown["findings"]] == ["unknown_group"]


def test_test__nothing_to_play__is_a_mistake_in_the_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "rules" / "rules.test.yaml").unlink()
    code, shown = run(capsys, folder / "rules" / "rules.yaml")
    assert (code, shown["error"]["code"]) == (2, "no_cases")
    assert "rules.test.yaml" in shown["error"]["hint"]
    assert run(capsys, folder / "nowhere")[0] == 2
