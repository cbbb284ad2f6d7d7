"""What `headrace replay` tells people; what it does is in the evaluator's tests."""

import pytest

from headrace.cli.replay import _text


@pytest.mark.parametrize(
    ("equal", "groups", "verdict"),
    [
        (True, 0, "equal: nobody would move"),
        (False, 3, "different: 3 customers in another group, 0 with other attributes, 0 with other tags"),
        (False, 0, "different, though nobody would move: in what is kept of customers and told to nobody"),
    ],
)
def test_text__outcome__is_named(equal: bool, groups: int, verdict: str) -> None:  # a row of the table
    found = {"events": 9, "customers": 4, "seconds": 1.5, "digest": "a", "live_digest": "b", "equal": equal}
    found |= {"differences": {"groups": groups, "attributes": 0, "tags": 0}, "generation": 2, "promoted": False}
    assert _text(found).splitlines() == [
        "9 events of 4 customers in 1.5 s",
        "digest      a",
        "live digest b",
        verdict,
        "generation 2 is written, and not live",
    ]
