"""What the catalogue offers, the core runs: every field with every test compiles, and so does the demo."""

from pathlib import Path

import pytest

from headrace.rules.catalogue import ELEMENT_FIELDS, FIELDS, OPERATORS, VISITS, Field, prefixed_field, set_field
from headrace.rules.load import Source, load_rule_set, load_texts
from headrace.segmentation.compiled import compile_rules

STORE = "store: {timezone: Europe/London, currency: GBP}\n"
NAMES = "channels: {online: 1}\npostcodes: zips.csv\ncalendars: {summer: {every_year: {from: 06-01, to: 08-31}}}\n"
FILE = str(Path(__file__).parents[2] / "cases" / "rules.yaml")
OPERANDS = {
    "number": "5",
    "money": "5.50",
    "consent": "true",
    "set": "VIP",
    "channels": "online",
    "channel": "online",
    "status": "shipped",
    "radius": "{km: 5, of: 90210}",
}


MEMBERS = {
    "customer.group": "Gold",
    "customer.kind": "B2B",
    "customer.in_segment": "vip",
    "customer.on_rung": "loyalty/Gold",
    "customer.pinned": "true",
}
ENTRIES = (
    "groups: [{name: Gold}]\ngroup_order: [Gold]\n"
    "ladders: [{id: loyalty, by: customer.spend, rungs: [{group: Gold}]}]\n"
    "segments: [{id: vip, who: {customer.orders: {from: 1}}, attributes: {vip: 'yes'}}]\n"
)
"""What tests on memberships name."""
WINDOWS = ("within: 90 days", "within: 6 months", "this: month", "this: year")
FILTERS = ("brand: Apple", "category: [Phones, Gifts], within: 36 hours", "product: 7, channel: [online, 2]",
           "from_date: 2026-01-01, to_date: 2026-03-31")  # fmt: skip
NAMED = ("customer.form.size", "customer.consent.sms", "customer.channel_share.online", "event.page")


def test_core__demo_rules__compile() -> None:
    result = load_rule_set([Path(__file__).parents[3] / "examples" / "rules" / "demo"])
    assert result.rule_set is not None
    assert compile_rules(result.rule_set).rule_set == result.rule_set


def operand(field: Field, operator: str) -> str:
    if OPERATORS[operator].operand == "true":
        return "true"
    kinds = {"duration": "90 days", "date": "2026-01-31", "calendar": "summer", "yearly": "today"}
    if OPERATORS[operator].operand in kinds:
        return kinds[OPERATORS[operator].operand]
    one = MEMBERS.get(field.name) or OPERANDS.get(field.family, "France" if field.name == "country" else "acme.com")
    return f"[{one}, {one}]" if OPERATORS[operator].operand == "many" else one


def written_tests(field: Field) -> list[str]:
    tests = [f"{{{field.name}: {{{name}: {operand(field, name)}}}}}" for name in field.operators]
    if field.family in ("number", "money"):
        tests.append(f"{{{field.name}: {{from: 1, below: 2}}}}")
    if field.name in ("customer.in_segment", "customer.on_rung"):
        tests.append(f"{{{field.name}: {{is_not: {MEMBERS[field.name]}, since: 6 months}}}}")
    if field.windowed:
        tests += [f"{{{field.name}: {{above: 2, {window}}}}}" for window in WINDOWS]
        tests += [f"{{{field.name}: {{crosses: 2, this: year}}}}"]
    if field.windowed and field.name != VISITS:
        tests += [f"{{{field.name}: {{from: 2, below: 9, {only}}}}}" for only in FILTERS]
    return tests


def all_tests() -> list[str]:
    fields = [*FIELDS.values(), set_field("customer.attributes.x"), set_field("customer.tags.mailchimp")]
    fields += [field for name in NAMED if (field := prefixed_field(name)) is not None]
    found = [test for field in fields if field.family != "list" for test in written_tests(field)]
    found.append("{customer.email_domain: {in: [acme.com], or_subdomains: true}}")
    for listed in (field for field in FIELDS.values() if field.elements is not None):
        assert listed.elements is not None
        inner = [test for field in ELEMENT_FIELDS[listed.elements].values() for test in written_tests(field)]
        found += [f"{{{listed.name}: {{any: {test}}}}}" for test in inner]
        found += [f"{{{listed.name}: {{{quantifier}: {inner[0]}}}}}" for quantifier in ("all", "none")]
        found += [f"{{{listed.name}: {{count: {{of: {inner[0]}, {bound}: 2}}}}}}" for bound in ("from", "is_not")]
        found.append(f"{{{listed.name}: {{count: {{of: {inner[0]}, from: 2, below: 4}}}}}}")
    return found


@pytest.mark.parametrize("condition", all_tests())
def test_core__every_field_and_test__compiles(condition: str) -> None:
    when = "cart.abandoned" if "{cart." in condition else "custom.visit" if "{event." in condition else "order.placed"
    rule = f"{{id: r, when: {when}, if: {condition}, then: [{{add_attribute: {{a: b}}}}]}}"
    text = f"{STORE}{NAMES}{ENTRIES}rules: [{rule}]"
    result = load_texts([Source(FILE, text)])
    assert result.rule_set is not None, result.findings
    compile_rules(result.rule_set)


CIRCLES = {
    "attribute otherwise spelled": "segments: [{id: a, who: {customer.attributes.Tier: x}, attributes: {tier: y}}]",
    "tags of one platform": "segments: [{id: a, who: {customer.tags.mailchimp: x}, tags: {mailchimp: y}}]",
    "rule and segment": "segments: [{id: a, who: {customer.attributes.p: x}, attributes: {q: y}}]\n"
    "rules: [{id: r, when: order.placed, if: {customer.attributes.q: y}, then: [{add_attribute: {p: x}}]}]",
    "group and kind": "segments: [{id: a, who: {customer.kind: B2B}, group: G}]",
    "segments": "segments: [{id: a, who: {customer.in_segment: {not_in: [b]}}, attributes: {x: y}},"
    " {id: b, who: {not: {customer.in_segment: a}}, attributes: {x: y}}]",
    "rung and segment": "segments: [{id: a, who: {customer.on_rung: l/2}, attributes: {x: y}}]\n"
    "ladders: [{id: l, by: customer.orders, rungs: [{group: G}, {group: H, from: 2}]}]\n"
    "rules: [{id: r, when: {group.changed: {to: G}}, if: {customer.in_segment: a}, past: ignore, then: [{group: H}]}]",
    "rule woken by itself": "rules: [{id: r, when: {attribute.changed: p}, then: [{add_attribute: {P: x}}]}]",
    "rules woken by each other": "rules: [{id: r, when: {attribute.changed: p}, then: [{add_attribute: {q: x}}]},"
    " {id: s, when: {attribute.changed: q}, then: [{remove_attribute: {p: x}}]}]",
}


@pytest.mark.parametrize("text", CIRCLES.values(), ids=CIRCLES)
def test_core__circle__refused_at_load(text: str) -> None:
    groups = "groups: [{name: G, kind: B2B}, {name: H}]\ngroup_order: [G, H]\n"
    result = load_texts([Source("rules.yaml", STORE + groups + text)])
    assert {finding.code for finding in result.findings if finding.severity == "error"} == {"cycle"}


def test_core__rule_that_reads_what_it_sets__both_take_it() -> None:
    rule = "{id: r, when: order.placed, if: {not: {customer.attributes.p: x}}, then: [{add_attribute: {p: x}}]}"
    result = load_texts([Source("rules.yaml", f"{STORE}rules: [{rule}]")])
    assert result.rule_set is not None
    compile_rules(result.rule_set)
