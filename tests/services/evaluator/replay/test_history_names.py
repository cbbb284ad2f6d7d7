"""`headrace history` of a store that has its own names for groups."""

import pytest

from headrace.runtime.settings import KafkaSettings
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.history import Change
from headrace.segmentation.state import State
from services.evaluator.replay import explaining
from services.evaluator.replay.one_customer import Found
from tests.headrace.segmentation.story import compiled

RULES = "groups: [{name: Gold, alias: {bigcommerce: VIP Gold}}]\ngroup_order: [Gold]\n"
CHANGES = [
    Change(None, "group", "VIP Gold", True, "e1", 1),
    Change(None, "drift", "Gold", True, "e2", 2),
    Change(None, "segment", "VIP Gold", True, "e2", 2),
]


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        (compiled(RULES), ["Gold", "Gold (the store's)", "VIP Gold"]),
        (compiled(""), ["VIP Gold", "Gold", "VIP Gold"]),
        (None, ["VIP Gold", "Gold", "VIP Gold"]),
    ],
)
def test_history_of__groups__by_the_names_of_the_rules_in_force(
    monkeypatch: pytest.MonkeyPatch, rules: CompiledRules | None, names: list[str]
) -> None:
    found = Found(State("shop:7"), None, rules, None)  # type: ignore[arg-type]  # no page is read
    monkeypatch.setattr(explaining, "find_live", lambda _settings, _customer: found)
    monkeypatch.setattr(explaining, "read_history", lambda _state, _pages: CHANGES)
    told = explaining.history_of(KafkaSettings(kafka_bootstrap_servers="unused:1"), "shop:7")
    assert [entry["name"] for entry in told["entries"]] == names
