"""Why a customer stands where it stands."""

from datetime import UTC, datetime

from headrace.rules.load import Source, load_texts
from headrace.segmentation.compiled import compile_rules
from headrace.segmentation.decide import Context, activate
from headrace.segmentation.explain import explain
from headrace.segmentation.state import Profile, State

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RULES = """
store: {timezone: Europe/London, currency: GBP}
groups: [{name: Friends}, {name: Gold}, {name: Silver}]
group_order: [Friends, Gold, Silver]
ladders:
  - {id: loyalty, by: customer.spend, rungs: [{group: Silver}, {group: Gold, from: 1000}]}
segments:
  - {id: ann, who: {customer.email: ann@example.org}, group: Friends}
rules:
  - {id: welcome, when: customer.created, if: {customer.first_name: Ann}, then: [{assign_group: Gold}], past: ignore}
"""


def test_explain__customer__names_winner_losers_and_numbers_but_no_person() -> None:
    loaded = load_texts([Source(file="rules.yaml", text=RULES)])
    assert loaded.rule_set is not None, loaded.findings
    rules = compile_rules(loaded.rule_set)
    known = State("shop:7", profile=Profile("r", NOW, NOW, "", "ann@example.org", "Ann", email_domain="example.org"))
    explanation = explain(activate(known, rules, Context(1, 1, None, 1), "a").state, rules)
    assert (explanation.group, explanation.winner) == ("Friends", "segment:ann")
    assert explanation.lost == ("ladder:loyalty (Silver)",)
    assert [(reason.source, reason.holds, reason.text) for reason in explanation.reasons] == [
        ("rule:welcome", False, "customer.created: customer.first_name is (personal)"),
        ("segment:ann", True, "customer.email is (personal)"),
        ("ladder:loyalty", True, "customer.spend is 0.00 GBP: rung 1, Silver"),
    ]
