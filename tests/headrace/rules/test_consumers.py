"""What rules say to consumers of the merchant's own is checked where it stands."""

from collections.abc import Mapping
from typing import Any

import pytest

from headrace.rules.load import Source, load_texts

RULES = """store: {timezone: Europe/London, currency: GBP}
rules:
- {id: thanks, when: order.placed, then: [{do: {%s: {points: %s}}}]}
"""


def whole(said: Mapping[str, Any]) -> str | None:
    return None if isinstance(said.get("points"), int) else "points: must be a whole number"


@pytest.mark.parametrize(
    ("name", "points", "code", "part"),
    [
        ("points.grant", "100", None, ""),
        ("points.grant", "many", "consumer_refuses", "points: must be a whole number"),
        ("pionts.grant", "100", "consumer_unknown", "points.grant"),
        ("shelf", "100", "consumer_unknown", "installed here: points.grant"),
    ],
)
def test_lint__own_consumer__is_held_against_what_it_takes(name: str, points: str, code: str | None, part: str) -> None:
    loaded = load_texts([Source("r.yaml", RULES % (name, points))], consumers={"points.grant": whole})
    found = [finding for finding in loaded.findings if finding.code.startswith("consumer_")]
    assert [finding.code for finding in found] == ([] if code is None else [code])
    for finding in found:
        assert (finding.line, finding.column, finding.id) == (3, 49, "thanks")
        assert part in finding.message + finding.hint
    assert (loaded.rule_set is None) == (code == "consumer_refuses")


def test_load__without_consumers__nothing_is_said() -> None:
    loaded = load_texts([Source("r.yaml", RULES % ("shelf", "many"))])
    assert not [finding for finding in loaded.findings if finding.code.startswith("consumer_")]
