"""The templates that ship: each loads clean, its golden customers end as they should, and stand at every boundary."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.cli.test import play_file
from headrace.golden.suite import run_suite
from headrace.rules.dependencies import entries_of
from headrace.rules.findings import Place, Report
from headrace.rules.load import LoadResult, Source, load_texts, rule_set_hash
from headrace.rules.model import encode_rule_set
from headrace.rules.yaml_source import Node, Scalar, compose
from headrace.templates.fill import load_template
from headrace.templates.library import library
from headrace.templates.read import Template
from headrace.templates.together import load_together
from headrace.templates.write import write_template

TEMPLATES = library()
IDS = sorted(TEMPLATES)
WORKFLOWS = [f"S{number}" for number in range(58, 88)]
SAID_ONLY = frozenset({"percent", "silver_percent", "gold_percent", "platinum_percent", "amount", "valid"})
"""Parameters that decide nothing: they stand in a mail, a coupon or a price."""
TOO_FINE = frozenset({"km", "shop", "share"})
"""Real places lie where they lie; 51 % of the orders takes 27 of them."""
_DURATION = re.compile(r"(\d+) (day|hour)s?")
_DAYS_OF = {"2 years": 730}


def same(name: str) -> Scalar:
    return Scalar(name, Place("a test", 1, 1))


def loud(loaded: LoadResult) -> list[str]:
    return [f"{each.line}: {each.message}" for each in loaded.findings if each.severity != "info"]


def test_library__there_are_enough__and_every_workflow_has_one() -> None:
    assert len(TEMPLATES) >= 45
    told = {wish for template in TEMPLATES.values() for wish in template.wishes}
    assert [workflow for workflow in WORKFLOWS if workflow not in told] == []


def test_library__ids_of_entries__are_nobody_elses() -> None:
    ids = Counter(
        entry.id
        for template in TEMPLATES.values()
        if (rule_set := load_template(template).rule_set) is not None
        for entry in entries_of(rule_set)
    )
    assert [name for name, times in ids.items() if times > 1] == []


@pytest.mark.parametrize("id", IDS)
def test_template__itself__is_named_as_its_file_and_says_all(id: str) -> None:
    template = TEMPLATES[id]
    assert Path(template.source.file).stem == id
    assert template.goal
    assert template.owner
    assert template.review_by
    loaded = load_template(template)
    assert loud(loaded) == []
    assert loaded.rule_set is not None
    kinds = {type(entry).__name__.lower() for entry in entries_of(loaded.rule_set)}
    assert template.kind == (kinds.pop() if len(kinds) == 1 else "mixed")


@pytest.mark.parametrize("id", IDS)
def test_template__golden_customers__end_as_they_should(id: str) -> None:
    played = play_file(Path(TEMPLATES[id].source.file), twice=True)
    assert played is not None
    assert played.outcome.findings == ()
    assert [(each.case, each.expected, each.actual) for each in played.outcome.failures] == []
    assert played.outcome.passed == TEMPLATES[id].cases_count >= 2


@pytest.mark.parametrize("id", IDS)
def test_template__as_a_rule_file__means_the_same(id: str) -> None:
    template = TEMPLATES[id]
    text = write_template(template, {})
    written = load_texts([Source(template.source.file, text)])
    assert loud(written) == []
    meant = load_template(template).rule_set
    assert meant is not None
    assert written.rule_set is not None
    assert rule_set_hash(written.rule_set) == rule_set_hash(meant)


def boundaries() -> list[tuple[str, str]]:
    found = []
    for template in sorted(TEMPLATES.values(), key=lambda each: each.id):
        for name, parameter in template.parameters.items():
            default = parameter.default
            if isinstance(default, Scalar) and name not in SAID_ONLY | TOO_FINE and beyond(default.text, 1):
                found.append((template.id, name))
    return found


def beyond(text: str, by: int) -> list[str]:
    """The values next to this one: of a number by a minor unit, else by one; of a duration by its unit."""
    if text.isdigit():
        return [f"{int(text) + by / 100:.2f}", str(int(text) + by)]
    if text in _DAYS_OF:
        return [f"{_DAYS_OF[text] + by} days"]
    duration = _DURATION.fullmatch(text)
    return [f"{int(duration[1]) + by} {duration[2]}s"] if duration else []


@pytest.mark.parametrize("by", [-1, 1], ids=["lower", "higher"])
@pytest.mark.parametrize(("id", "name"), boundaries())
def test_template__boundary_moved_by_the_least__a_golden_customer_notices(id: str, name: str, by: int) -> None:
    template = TEMPLATES[id]
    default = template.parameters[name].default
    assert isinstance(default, Scalar)
    for text in beyond(default.text, by):
        loaded = load_template(template, {name: replace(default, text=text)})
        if loaded.rule_set is not None:
            assert run_suite(loaded, template.cases).failures, f"no case notices {name}: {text}"
            return
    pytest.fail(f"{name} takes none of {beyond(default.text, by)}")


def test_template__values_given__reach_the_rules() -> None:
    template: Template = TEMPLATES["gold-by-spend"]
    given: dict[str, Node] = {"threshold": same("2000"), "group": same("Best")}
    loaded = load_template(template, given)
    assert loaded.rule_set is not None
    assert loaded.rule_set.segments[0].group == "Best"
    assert '"operand":200000' in str(rule_set_json(loaded))


def rule_set_json(loaded: LoadResult) -> str:
    assert loaded.rule_set is not None
    return encode_rule_set(loaded.rule_set).decode()


def test_library__all_templates_in_one_store__load_and_decide() -> None:
    together = load_together(TEMPLATES.values())
    assert [each.message for each in together.findings if each.severity == "error"] == []
    assert together.rule_set is not None
    assert len(entries_of(together.rule_set)) >= len(TEMPLATES)
    cases = compose(
        "[{name: one, history: [{customer: {email: ann@acme.com, subscribed: true}}, {order: {id: 1, value: 6000.00}}],"
        " expect: {attributes: {tier: [Platinum]}, not: {group: ''}}}]",
        "a test",
        Report(),
    )
    assert cases is not None
    outcome = run_suite(together, cases)
    assert (outcome.findings, [(each.expected, each.actual) for each in outcome.failures]) == ((), [])
