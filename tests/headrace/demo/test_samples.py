"""The demo's three customers: why they are where they are, told from the evaluator's own records."""

import msgspec
import pytest

from headrace.contracts.actions import Cause, DesiredGroup
from headrace.demo.samples import reason


def action(*rules: str, event: str = "order.snapshot:397:2010-01-01T00:00:00.000Z/2010") -> DesiredGroup:
    return DesiredGroup(
        customer="demo:1", version=(1, 2, 0), value="Gold", cause=Cause(event=event, rules=rules), rules_version=1
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (action("ladder:loyalty", "segment:vip"), "ladder loyalty, at order 397"),
        (action("segment:trade", event="customer.snapshot:12:x"), "segment trade, at customer 12"),
        (action(), "no claim is left, at order 397"),
        (action("rule:bulk", event="activation:demo:2"), "rule bulk, at activation demo"),
    ],
)
def test_reason__cause__names_the_winner_and_the_event(given: DesiredGroup, told: str) -> None:
    assert reason(msgspec.json.decode(msgspec.json.encode(given), type=DesiredGroup)) == told
