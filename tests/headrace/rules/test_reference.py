"""docs/rules.md: its tables are the catalogue's, its examples load."""

import re
from pathlib import Path

import pytest

from headrace.rules.load import Source, load_texts
from headrace.rules.reference import TABLES, filled

PAGE = Path(__file__).parents[3] / "docs" / "rules.md"


def test_reference__page__has_the_catalogue_s_tables() -> None:
    page = PAGE.read_text()
    assert page == filled(page), "run: python -m headrace.rules.reference < docs/rules.md, and keep what it prints"
    for name in TABLES:
        assert f"<!-- table: {name} -->" in page


def test_reference__unknown_table__fails() -> None:
    with pytest.raises(KeyError):
        filled("<!-- table: nothing -->\n<!-- end -->")


def test_reference__example__loads() -> None:
    example, *_ = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    result = load_texts([Source("rules.md", example)])
    assert {finding.code for finding in result.findings} == {"owner_or_goal_missing"}
    assert result.rule_set is not None
