"""Tests on memberships, and how a ladder lets go, from the file to the model."""

import pytest

from headrace.rules.load import LoadResult, Source, load_texts
from headrace.rules.model import Duration, Ladder, Leaf, Trigger

HEAD = (
    "store: {timezone: Europe/London, currency: GBP}\n"
    "groups: [{name: Gold, kind: B2B}, {name: Silver}]\ngroup_order: [Gold, Silver]\n"
    "ladders: [{id: loyalty, by: customer.spend, rungs: [{group: Silver}, {group: Gold, from: 10}]}]\n"
)
VIP = "segments:\n  - {id: vip, who: {customer.spend: {from: 1}}, attributes: {a: b}}\n"


def load(who: str) -> LoadResult:
    return load_texts([Source("rules.yaml", f"{HEAD}{VIP}  - {{id: s, who: {who}, attributes: {{c: d}}}}\n")])


def leaf(
    field: str, operator: str, operand: bool | str | tuple[str, ...] | None, since: Duration | None = None
) -> Leaf:
    return Leaf(field=field, operator=operator, operand=operand, since=since)


@pytest.mark.parametrize(
    ("who", "found"),
    [
        ("{customer.group: Gold}", leaf("customer.group", "is", "Gold")),
        ("{customer.group: {not_in: [Gold, Silver, Gold]}}", leaf("customer.group", "not_in", ("Gold", "Silver"))),
        ("{customer.group: {is_set: false}}", leaf("customer.group", "is_unset", None)),
        ("{customer.group: {is_unset: false}}", leaf("customer.group", "is_set", None)),
        ("{customer.kind: B2B}", leaf("customer.kind", "is", "B2B")),
        ("{customer.erp_id: {in: [W-1, 007]}}", leaf("customer.erp_id", "in", ("W-1", "007"))),
        ("{customer.in_segment: vip}", leaf("customer.in_segment", "is", "vip")),
        (
            "{customer.in_segment: {since: 36 hours, is: vip}}",
            leaf("customer.in_segment", "is", "vip", Duration(count=36, unit="hour")),
        ),
        (
            "{customer.on_rung: {not_in: [Gold, loyalty/1], since: 2 months}}",
            leaf("customer.on_rung", "not_in", ("Gold", "loyalty/1"), Duration(count=2, unit="month")),
        ),
        ("{customer.pinned: false}", leaf("customer.pinned", "is", False)),
    ],
)
def test_membership__as_written__its_leaf(who: str, found: Leaf) -> None:
    result = load(who)
    assert result.rule_set is not None, result.findings
    assert result.rule_set.segments[1].who == found


@pytest.mark.parametrize(
    ("who", "code", "hint"),
    [
        ("{customer.group: [Gold]}", "wrong_shape", "write {in: [Gold, ...]}"),
        ("{customer.pinned: [true]}", "wrong_shape", "write one value"),
        ("{customer.group: {is: [Gold]}}", "wrong_shape", "write {in: [...]}"),
        ("{customer.kind: b2b}", "unknown_choice", "did you mean 'B2B'? write one of: B2B, B2C"),
        ("{customer.pinned: yes}", "not_true_false", "write true"),
        ("{customer.in_segment: {}}", "empty_value", "write customer.in_segment: vip"),
        ("{customer.in_segment: {since: 2 days}}", "missing_key", "write {is: vip, since: 30 days}"),
        ("{customer.in_segment: {is: vip, since: 0 days}}", "not_a_duration", "write 1 day"),
        ("{customer.in_segment: {is: vip, since: 30d}}", "not_a_duration", "write 30 days"),
        ("{customer.in_segment: {is: vip, is_not: s}}", "several_operators", ""),
        ("{customer.in_segment: {isnt: vip}}", "unknown_operator", "did you mean 'is_not'?"),
        ("{customer.in_segment: {contains: vip}}", "unknown_operator", "write one of: is, is_not, in, not_in"),
        ("{customer.in_segment: VIP}", "unknown_segment", "did you mean 'vip'?"),
        ("{customer.on_rung: Platinum}", "unknown_rung", ""),
    ],
)
def test_membership__not_to_be_read__what_to_write_instead(who: str, code: str, hint: str) -> None:
    errors = [finding for finding in load(who).findings if finding.severity == "error"]
    assert [finding.code for finding in errors] == [code]
    assert errors[0].hint == hint or not hint
    assert errors[0].id == "s"


def test_membership__segment_that_is_refused_itself__is_not_called_unknown() -> None:
    text = HEAD + "segments:\n  - {id: a, who: {customer.spend: {above: lots}}, attributes: {a: b}}\n"
    text += "  - {id: s, who: {customer.in_segment: a}, attributes: {c: d}}\n"
    codes = {f.code for f in load_texts([Source("rules.yaml", text)]).findings if f.severity == "error"}
    assert codes == {"not_an_amount"}


@pytest.mark.parametrize(
    ("written", "demote", "grace"),
    [
        ("", "direct", None),
        (", grace: 0 days", "direct", None),
        (", demote: never, grace: 0 hours", "never", None),
        (", grace: 36 hours", "direct", Duration(count=36, unit="hour")),
        (", demote: one_step, grace: 2 months", "one_step", Duration(count=2, unit="month")),
    ],
)
def test_ladder__how_it_lets_go__as_written(written: str, demote: str, grace: Duration | None) -> None:
    result = load_texts([Source("rules.yaml", HEAD.replace("{id: loyalty,", f"{{id: loyalty{written},"))])
    assert result.rule_set is not None, result.findings
    (ladder,) = result.rule_set.ladders
    assert isinstance(ladder, Ladder)
    assert (ladder.demote, ladder.grace) == (demote, grace)


@pytest.mark.parametrize(
    ("when", "found"),
    [
        ("{attribute.changed: tier}", Trigger(name="attribute.changed", of="tier")),
        ("group.changed", Trigger(name="group.changed")),
        ("{group.changed: {to: Gold}}", Trigger(name="group.changed", to="Gold")),
        ("{group.changed: {from: Silver, to: Gold}}", Trigger(name="group.changed", from_="Silver", to="Gold")),
    ],
)
def test_trigger__of_a_change__as_written(when: str, found: Trigger) -> None:
    result = load_texts(
        [Source("rules.yaml", f"{HEAD}rules: [{{id: r, when: {when}, then: [{{tag: {{mailchimp: T}}}}]}}]")]
    )
    assert result.rule_set is not None, result.findings
    assert result.rule_set.rules[0].when == found


@pytest.mark.parametrize("drift", ["report", "overwrite", "pin"])
def test_drift__each_word__is_taken(drift: str) -> None:
    result = load_texts([Source("rules.yaml", f"{HEAD}drift: {drift}\nunmanaged: keep\n")])
    assert result.rule_set is not None
    assert (result.rule_set.drift, result.rule_set.unmanaged) == (drift, "keep")
