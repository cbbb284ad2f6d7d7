"""Parameters of templates: what is put in where, and what is refused, at its place."""

import pytest

from headrace.rules.findings import Place, Report
from headrace.rules.load import Source
from headrace.rules.yaml_source import Items, Mapping, Node, Scalar, compose
from headrace.templates.fill import load_template
from headrace.templates.read import Template, read_template

HEAD = """\
template:
  id: t
  title: A template
  kind: segment
  wishes: [S58]
  goal: "Try it: now"
  owner: crm@shop.example
  review_by: 2027-06-30
  parameters:
    threshold: {default: 1000, what: an amount}
    group: {default: Gold, what: a group}
    domains: {default: [a.com, b.com], what: domains}
    needed: {what: nobody can guess it}
"""
RULES = """\
groups: [{name: $group}]
group_order: [$group]
segments:
  - id: s
    who:
      any:
        - customer.spend: {from: $threshold}
        - customer.email_domain: {in: $domains}
        - customer.company: "the ${group}$needed of $$5 \\\\$"
    group: $group
"""


def template(rules: str = RULES, head: str = HEAD) -> Template:
    report = Report()
    found = read_template(Source("t.yaml", head + rules), report)
    assert found is not None, report.sorted()
    return found


def value(text: str) -> Node:
    node = compose(text, "--set", Report())
    assert node is not None
    return node


def said(rules: str = RULES, head: str = HEAD, **given: str) -> list[tuple[str, int, int, str]]:
    loaded = load_template(template(rules, head), {name: value(text) for name, text in given.items()})
    return [(each.code, each.line, each.column, each.hint) for each in loaded.findings if each.severity == "error"]


def test_fill__all_given__values_stand_where_their_names_stood() -> None:
    loaded = load_template(template(), {"needed": value("en"), "domains": value("[c.com]")})
    assert [each.message for each in loaded.findings if each.severity == "error"] == []
    assert loaded.rule_set is not None
    segment = loaded.rule_set.segments[0]
    assert segment.group == "Gold"
    assert str(segment.who).count("c.com") == 1
    assert "the golden of $5 \\\\$" in str(segment.who)
    assert (segment.goal, segment.owner, segment.review_by) == ("Try it: now", "crm@shop.example", "2027-06-30")
    assert loaded.rule_set.store.currency == "USD"


def test_fill__no_value__missing_parameter_tells_what_it_is() -> None:
    assert said() == [("missing_parameter", 13, 5, "give one: --set needed=VALUE")]


@pytest.mark.parametrize(
    ("rules", "given", "expected"),
    [
        pytest.param(
            RULES.replace("$threshold", "$treshold"), {}, ("unknown_parameter", 20, 34, "did you mean 'threshold'?"),
            id="misspelled in the rules",
        ),
        pytest.param(
            RULES, {"grup": "Best"}, ("unknown_parameter", 1, 1, "did you mean 'group'?"), id="misspelled when given"
        ),
        pytest.param(
            RULES.replace("{in: $domains}", "{is: at $domains}"), {},
            ("wrong_shape", 21, 39, "give it a single value, or write $domains alone"), id="a list within a text",
        ),
        pytest.param(
            RULES.replace("$threshold", "1000"), {}, ("unused_parameter", 10, 5, None), id="never used"
        ),
        pytest.param(
            RULES, {"threshold": "10.000"}, ("ambiguous_amount", 20, 34, "write 10000 or 10.00"), id="a bad value"
        ),
    ],
)  # fmt: skip
def test_fill__what_does_not_fit__is_refused_at_its_place(
    rules: str, given: dict[str, str], expected: tuple[str, int, int, str | None]
) -> None:
    found = said(rules, **{"needed": "en", **given})
    code, line, column, hint = expected
    assert [each[:3] for each in found] == [(code, line, column)]
    assert hint is None or found[0][3] == hint


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        pytest.param(HEAD.replace("  owner: crm@shop.example\n", ""), "missing_key", id="no owner"),
        pytest.param(HEAD.replace("kind: segment", "kind: segmnt"), "unknown_choice", id="no such kind"),
        pytest.param(HEAD.replace(", what: an amount", ""), "missing_key", id="a parameter without what"),
        pytest.param(HEAD.replace("2027-06-30", "soon"), "not_a_date", id="no date"),
        pytest.param(HEAD.replace("  title:", "  titel:"), "unknown_key", id="unknown key"),
        pytest.param("cases: []\n", "missing_key", id="no template at all"),
    ],
)
def test_read__what_is_no_template__is_refused(broken: str, code: str) -> None:
    report = Report()
    read_template(Source("t.yaml", broken + RULES), report)
    assert code in {each.code for each in report.findings}


def test_fill__a_list_given__keeps_its_elements() -> None:
    node = value("[a.com, b.com]")
    assert isinstance(node, Items)
    assert isinstance(template().rules, Mapping)
    assert node.items[0] == Scalar("a.com", Place("--set", 1, 2))
