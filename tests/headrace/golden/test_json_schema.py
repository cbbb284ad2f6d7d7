"""The editors' schema of golden cases: current, valid, and it takes what is played."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from headrace.golden.json_schema import cases_file_schema, schema_text

ROOT = Path(__file__).parents[3]
VALIDATOR = Draft202012Validator(cases_file_schema())
FILES = [*ROOT.glob("tests/cases/*.test.yaml"), *ROOT.glob("examples/templates/*.yaml")]


def read(text: str) -> Any:
    """As an editor reads it: dates are text."""
    return json.loads(json.dumps(yaml.safe_load(text), default=str))


def test_schema__file__is_what_the_words_give() -> None:
    written = (ROOT / "schemas" / "cases-file.schema.json").read_text()
    assert written == schema_text(), "run: python -m headrace.golden.json_schema > schemas/cases-file.schema.json"


def test_schema__itself__is_valid() -> None:
    Draft202012Validator.check_schema(json.loads(schema_text()))


@pytest.mark.parametrize("file", sorted(FILES), ids=lambda file: file.stem)
def test_schema__cases_that_are_played__are_taken(file: Path) -> None:
    cases = read(file.read_text())
    VALIDATOR.validate({"cases": cases["cases"]})


@pytest.mark.parametrize(
    "case",
    [
        "{history: []}",
        "{name: x, history: [{ordr: {id: 1}}]}",
        "{name: x, history: [{order: {value: 5}}]}",
        "{name: x, history: [{order: {id: 1, status: shiped}}]}",
        "{name: x, history: [{customer: {}, order: {id: 1}}]}",
        "{name: x, history: [{event: {visit: {}}}]}",
        "{name: x, history: [{clock: soon}]}",
        "{name: x, history: [{pin: Gold}]}",
        "{name: x, history: [{pin: {until: 2026-02-01}}]}",
        "{name: x, history: [{unpin: {group: Gold}}]}",
        "{name: x, expect: {grup: Gold}}",
        "{name: x, expect: {effects: [send_emial]}}",
    ],
)
def test_schema__a_mistake__is_seen_while_it_is_typed(case: str) -> None:
    assert not VALIDATOR.is_valid({"cases": [read(case)]})
