"""The editors' schema: current, valid, in step with the loader."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from headrace.rules.json_schema import rule_file_schema, schema_text

ROOT = Path(__file__).parents[3]
VALIDATOR = Draft202012Validator(rule_file_schema())
SEEN_BY_SCHEMA = [
    "action_in_on_enter",
    "effect_key_with_space",
    "effect_coupon_of_both",
    "effect_coupon_of_nothing",
    "effect_not_a_url",
    "effect_once_entry_in_rule",
    "effect_option_beside",
    "effect_option_typo",
    "effect_percentage",
    "effect_without_template",
    "frequency_cap_zero",
    "list_platform_typo",
    "quiet_hours_clock",
    "quiet_hours_half",
    "action_typo",
    "all_empty",
    "condition_list",
    "drift_typo",
    "element_field_typo",
    "element_two_tests",
    "field_typo",
    "group_without_name",
    "in_with_one",
    "ladder_by_order_field",
    "ladder_demote_typo",
    "list_without_quantifier",
    "channel_id_word",
    "order_status_typo",
    "radius_bare",
    "radius_without_km",
    "spend_shipping_typo",
    "trigger_reached_nothing",
    "trigger_reached_typo",
    "trigger_takes_nothing",
    "operator_of_other_family",
    "several_conditions",
    "time_as_a_date",
    "time_span_short",
    "top_level_typo",
    "trigger_status_typo",
    "trigger_typo",
    "two_actions_in_one",
    "anniversary_true",
    "schedule_too_often",
    "time_reached_of_no_time",
    "window_of_a_time",
    "window_this_month",
    "window_this_week",
]


def read(file: Path) -> Any:
    """As an editor reads it: dates are text."""
    return json.loads(json.dumps(yaml.safe_load(file.read_text()), default=str))


def test_schema__file__is_what_the_catalogue_gives() -> None:
    written = (ROOT / "schemas" / "rule-file.schema.json").read_text()
    assert written == schema_text(), "run: python -m headrace.rules.json_schema > schemas/rule-file.schema.json"


def test_schema__itself__is_valid() -> None:
    Draft202012Validator.check_schema(json.loads(schema_text()))


def test_schema__demo_rules__validate() -> None:
    assert list(VALIDATOR.iter_errors(read(ROOT / "examples" / "rules" / "demo" / "rules.yaml"))) == []


@pytest.mark.parametrize("case", SEEN_BY_SCHEMA)
def test_schema__bad_file__is_marked_in_the_editor(case: str) -> None:
    assert not VALIDATOR.is_valid(read(ROOT / "tests" / "cases" / "bad_rules" / f"{case}.yaml"))
