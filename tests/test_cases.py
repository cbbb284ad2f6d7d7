"""Runs `tests/cases/*.test.yaml`: a merchant's rules and one customer's history in, memberships and actions out.

The files are the documentation of what they test; every event is delivered twice and every state goes through bytes.
"""

from pathlib import Path

import pytest

from headrace.cli.test import play_file

CASES = Path(__file__).parent / "cases"


@pytest.mark.parametrize("path", sorted(CASES.glob("*.test.yaml")), ids=lambda path: path.name.partition(".")[0])
def test_case__history__ends_in_the_expected_memberships_and_actions(path: Path) -> None:
    played = play_file(path, twice=True)
    assert played is not None
    assert not played.outcome.findings
    assert [(failure.expected, failure.actual) for failure in played.outcome.failures] == []
    assert played.outcome.passed >= 1
