"""A template as a rule file: what is kept of its text, and what the folder's other files already say."""

from headrace.rules.load import Source, load_texts
from headrace.rules.yaml_source import Node
from headrace.templates.write import flow, write_template
from tests.headrace.templates.test_fill import HEAD, RULES, template, value

GIVEN: dict[str, Node] = {"needed": value("en")}


def test_write__comments_and_layout__stay_and_values_stand_in_them() -> None:
    rules = RULES.replace("    group: $group\n", "    group: $group      # the best ones\n")
    text = write_template(template(rules + "cases:\n  - {name: no more}\n"), GIVEN)
    assert text == (
        "# A template (from the template t)\n"
        "store: {timezone: America/New_York, currency: USD}\n"
        "groups: [{name: Gold}]\n"
        "group_order: [Gold]\n"
        "segments:\n"
        "  - id: s\n"
        '    goal: "Try it: now"\n'
        "    owner: crm@shop.example\n"
        "    review_by: 2027-06-30\n"
        "    who:\n"
        "      any:\n"
        "        - customer.spend: {from: 1000}\n"
        "        - customer.email_domain: {in: [a.com, b.com]}\n"
        '        - customer.company: "the Golden of $5 \\\\$"\n'
        "    group: Gold      # the best ones\n"
    )


def test_write__values_that_yaml_would_misread__are_quoted() -> None:
    text = write_template(template(), {**GIVEN, "group": value('"Gold: best # ones"')})
    assert 'groups: [{name: "Gold: best # ones"}]' in text
    loaded = load_texts([Source("t.yaml", text)])
    assert loaded.rule_set is not None
    assert loaded.rule_set.groups[0].name == "Gold: best # ones"


def test_write__beside_other_files__leaves_out_what_they_say() -> None:
    rules = RULES.replace("[{name: $group}]", "[{name: $group}, {name: Silver, kind: B2C}]")
    text = write_template(template(rules), GIVEN, left_out=("store", "group_order"), groups=("Gold",))
    assert text.splitlines()[1:4] == ["groups:", "  - {name: Silver, kind: B2C}", "segments:"]
    assert "store:" not in text


def test_write__entries_in_flow_style__say_what_they_are_for() -> None:
    entry = "{id: s, who: {customer.company: $group$needed$domains_}, tags: {mailchimp: $threshold}, owner: me}"
    head = HEAD.replace("    domains: {default: [a.com, b.com], what: domains}", "    domains_: {default: x, what: x}")
    text = write_template(template(f"segments: [{entry}]\n", head), GIVEN)
    assert '{id: s, goal: "Try it: now", review_by: 2027-06-30, who: {customer.company: Goldenx}' in text


def test_flow__any_node__reads_back_the_same() -> None:
    written = '{a: [1, "", true, "true", "x: y", é], "b c": {d: "#"}}'
    assert flow(value(flow(value(written)))) == flow(value(written))
