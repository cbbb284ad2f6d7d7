"""The catalogue of findings, the report, and the guesses."""

import re
from pathlib import Path
from typing import get_args

import pytest

from headrace.rules.findings import (
    CATALOGUE,
    MAX_ERRORS,
    Code,
    Enough,
    Place,
    Refused,
    Report,
    did_you_mean,
    quoted,
)

BAD = Path(__file__).parents[2] / "cases" / "bad_rules"
PLACE = Place("rules.yaml", 1, 2)
TESTED_ELSEWHERE = {
    "file_unreadable",
    "file_too_big",
    "no_files",
    "not_utf8",
    "given_twice",
    "too_many",
    "missing_parameter",
    "unknown_parameter",
    "unused_parameter",
    "case_impossible",
    "consumer_refuses",
    "consumer_unknown",
}
"""They need files or sizes of their own: test_load.py, test_consumers.py; of templates and cases: templates, golden."""

LINTED = {
    word
    for file in (Path(__file__).parent / "lint").glob("test_*.py")
    for word in re.findall(r'"([a-z_]+)"', file.read_text())
}


def refuse(node: str) -> str:
    raise Refused("bad_text", PLACE, f"not {node}", "write another")


def test_catalogue__every_code__explained_and_shown_by_a_bad_file() -> None:
    expected = {code for file in BAD.glob("*.yaml") for code in re.findall(r"# expect: (\S+)", file.read_text())}
    assert expected | TESTED_ELSEWHERE | (LINTED & set(get_args(Code))) == set(get_args(Code))
    for code, meaning in CATALOGUE.items():
        assert meaning.text, code
        assert meaning.example, code


def test_report__refused_inside_an_entry__finding_with_its_id() -> None:
    report = Report()
    with report.inside("vip"):
        assert report.tried(refuse, "x") is None
    report.add("ladder_open_below", PLACE, "said", "hint")
    assert [(f.code, f.severity, f.id) for f in report.findings] == [
        ("bad_text", "error", "vip"),
        ("ladder_open_below", "info", None),
    ]
    assert report.refused


def test_report__too_many_errors__stops() -> None:
    report = Report()
    for _ in range(MAX_ERRORS - 1):
        report.add("unknown_key", PLACE, "m", "h")
        report.add("owner_or_goal_missing", PLACE, "infos do not count", "h")
    with pytest.raises(Enough):
        report.add("unknown_key", PLACE, "m", "h")
    assert report.errors == MAX_ERRORS


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("customer.spent", "did you mean 'customer.spend'?"),
        ("spend", "did you mean 'customer.spend'?"),
        ("SPEND", "did you mean 'customer.spend'?"),
        ("Customer.Spend", "did you mean 'customer.spend'?"),
        ("zzzzzzzz", "none"),
    ],
)
def test_did_you_mean__nearest_by_spelling_or_tail(word: str, hint: str) -> None:
    assert did_you_mean(word, ("customer.email", "customer.spend"), otherwise="none") == hint


def test_quoted__long_and_broken_text__one_short_line() -> None:
    assert quoted("a\nb" + "x" * 100) == repr("a\nb" + "x" * 56 + "…")
