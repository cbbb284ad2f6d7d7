"""An `unless` that is settled when its action is due: told where it is certain, and only there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.findings import Finding
from headrace.rules.lint.waiting import Certain, in_segment, on_rung, out_of_segment, settled
from headrace.rules.load import Source, load_texts
from headrace.rules.model import AllOf, AnyOf, Condition, Each, Ladder, Leaf, Not, Rung, Segment

HEAD = """\
store: {timezone: Europe/London, currency: USD}
groups: [{name: Gold}, {name: Silver}]
group_order: [Gold, Silver]
"""
QUIET = ("group_unused", "holds_when_unset")


def findings(text: str) -> list[Finding]:
    result = load_texts([Source("rules.yaml", HEAD + text)])
    assert result.rule_set is not None, result.findings
    return [finding for finding in result.findings if finding.code not in QUIET]


def segment(who: str, unless: str, turn: str = "on_enter") -> str:
    effect = f"{{send_email: x, after: 7 days, unless: {unless}}}"
    return f"segments: [{{goal: g, owner: o, id: vip, who: {who}, {turn}: [{effect}]}}]"


def ladder(unless: str, turn: str = "on_enter", how: str = "") -> str:
    effect = f"{{send_email: x, after: 7 days, unless: {unless}}}"
    rungs = f"[{{group: Silver}}, {{group: Gold, from: 1000, {turn}: [{effect}]}}]"
    return f"ladders: [{{goal: g, owner: o, id: tiers, by: customer.spend, {how} rungs: {rungs}}}]"


RICH = "{customer.spend: {from: 1000}}"
OPEN = "{all: [{customer.spend: {from: 1000}}, {customer.company: Acme}]}"
EITHER = "{any: [{customer.spend: {from: 1000}}, {customer.company: Acme}]}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (segment(RICH, "{customer.spend: {from: 500}}"), ["never_done"]),
        (segment(RICH, "{customer.spend: {from: 1000.01}}"), []),
        (segment(RICH, "{customer.spend: {below: 1000}}"), ["unless_idle"]),
        (segment(RICH, "{customer.spend: {up_to: 1000}}"), []),
        (segment(RICH, "{customer.spend: {from: 500, within: 30 days}}"), []),
        (segment(RICH, "{customer.orders: {from: 1}}"), []),
        (segment(RICH, "{not: {customer.spend: {from: 500}}}"), ["unless_idle"]),
        (segment(OPEN, "{customer.company: Acme}"), ["never_done"]),
        (segment(OPEN, "{all: [{customer.company: Acme}, {customer.orders: 3}]}"), []),
        (segment(OPEN, "{any: [{customer.company: Acme}, {customer.orders: 3}]}"), ["never_done"]),
        (segment(EITHER, "{customer.company: Acme}"), []),
        (segment(EITHER, "{customer.company: Acme}", "on_exit"), ["unless_idle"]),
        (segment(EITHER, "{customer.spend: {from: 2000}}", "on_exit"), ["unless_idle"]),
        (segment(EITHER, "{customer.spend: {from: 900}}", "on_exit"), []),
        (segment(RICH, RICH, "on_exit"), ["unless_idle"]),
        (segment(RICH, "{not: {customer.spend: {from: 1000}}}", "on_exit"), ["never_done"]),
        (segment(RICH, "{customer.in_segment: {is: vip, since: 90 days}}"), []),
        (segment(RICH, "{customer.in_segment: vip}"), ["never_done"]),
        (segment(RICH, "{customer.in_segment: vip}", "on_exit"), ["unless_idle"]),
        (segment(RICH, "{customer.in_segment: {is_not: vip}}"), ["unless_idle"]),
        (ladder("{customer.on_rung: tiers/Gold}", how="grace: 30 days,"), ["never_done"]),
        (ladder("{customer.on_rung: Gold}"), ["never_done"]),
        (ladder("{customer.on_rung: tiers/Gold}", "on_exit"), ["unless_idle"]),
        (ladder("{customer.on_rung: Gold}", "on_exit"), []),
        (ladder("{customer.on_rung: tiers/Silver}", "on_exit"), []),
        (ladder("{customer.spend: {from: 500}}"), ["never_done"]),
        (ladder("{customer.spend: {below: 1000}}"), ["unless_idle"]),
        (ladder("{customer.spend: {below: 1000}}", how="grace: 30 days,"), []),
        (ladder("{customer.spend: {below: 1000}}", how="demote: never,"), []),
        (ladder("{customer.spend: {from: 2000}}", "on_exit"), ["unless_idle"]),
        (ladder("{customer.spend: {from: 500}}", "on_exit"), []),
        (ladder("{all: [{customer.orders: {above: 5}}, {customer.orders: {below: 3}}]}"), ["unless_idle"]),
    ],
)
def test_unless__what_is_certain_when_it_is_asked__told(text: str, expected: list[str]) -> None:
    assert [finding.code for finding in findings(text)] == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("when: order.placed, if: {customer.spend: {from: 1000}}", []),
        ("when: customer.created", []),
    ],
)
def test_unless__of_a_rule__may_be_otherwise_by_then(rule: str, expected: list[str]) -> None:
    action = "{send_email: x, after: 7 days, unless: {customer.spend: {from: 1000}}}"
    text = f"rules: [{{goal: g, owner: o, id: r, {rule}, then: [{action}]}}]"
    assert [finding.code for finding in findings(text)] == expected


def test_unless__of_a_rule_that_excludes_itself__told_at_the_test() -> None:
    unless = "{all: [{customer.orders: {above: 5}}, {customer.orders: {below: 3}}]}"
    text = (
        "rules: [{goal: g, owner: o, id: r, when: order.placed,"
        f" then: [{{webhook: https://a.example, after: 1 day, unless: {unless}}}]}}]"
    )
    (found,) = findings(text)
    assert (found.code, found.severity, found.id, found.line) == ("unless_idle", "info", "r", 4)
    assert text[found.column - 1 :].startswith("customer.orders: {below: 3}")


def test_never_done__says_why_and_what_to_write() -> None:
    (found,) = findings(segment(RICH, "{customer.spend: {from: 500}}"))
    assert (found.severity, found.message) == (
        "warning",
        "this action is never done: the customer is still in vip when its time has come, and that meets its unless",
    )
    assert found.hint == "turn unless round with not:, or remove the action"


# -- nothing is told that is not so ----------------------------------------------------------------------------------
Known = dict[str, int | None]
FIELDS = ("customer.spend", "customer.average_order")
LEAVES = st.builds(
    Leaf,
    field=st.sampled_from(FIELDS),
    operator=st.sampled_from(["from", "above", "below", "up_to", "is"]),
    operand=st.integers(-2, 3),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda of: AllOf(of=tuple(of))),
        st.lists(inner, min_size=1, max_size=3).map(lambda of: AnyOf(of=tuple(of))),
        inner.map(lambda of: Not(of=of)),
    ),
    max_leaves=6,
)
CUSTOMERS: list[Known] = [
    {FIELDS[0]: spend, FIELDS[1]: average} for spend in range(-3, 5) for average in (None, *range(-3, 5))
]


def holds(condition: Condition, customer: Known) -> bool:
    match condition:
        case AllOf(of=of):
            return all(holds(part, customer) for part in of)
        case AnyOf(of=of):
            return any(holds(part, customer) for part in of)
        case Not(of=part):
            return not holds(part, customer)
        case Leaf(field=field, operator=operator, operand=int() as bound):
            value = customer[field]
            if value is None:
                return False
            return {
                "from": value >= bound,
                "above": value > bound,
                "below": value < bound,
                "up_to": value <= bound,
                "is": value == bound,
            }[operator]
        case Leaf() | Each():
            raise AssertionError(condition)


def agree(unless: Condition, certain: Certain, customers: list[Known]) -> None:
    answer = settled(unless, certain)
    if answer is not None:
        assert {holds(unless, customer) for customer in customers} <= {answer}


@given(CONDITIONS, CONDITIONS)
def test_settled__segment__every_customer_in_it_or_out_of_it(who: Condition, unless: Condition) -> None:
    segment = Segment(id="s", who=who)
    agree(unless, in_segment(segment), [one for one in CUSTOMERS if holds(who, one)])
    agree(unless, out_of_segment(segment), [one for one in CUSTOMERS if not holds(who, one)])


@given(st.sampled_from(FIELDS), st.integers(-2, 2), st.integers(1, 3), CONDITIONS)
def test_settled__rung__every_customer_on_it(by: str, low: int, width: int, unless: Condition) -> None:
    rungs = (Rung(), Rung(bound="from", threshold=low), Rung(bound="above", threshold=low + width))
    ladder = Ladder(id="l", by=by, rungs=rungs)
    bounds = [-100, low, low + width + 1, 100]
    for number, rung in enumerate(rungs):
        above = rungs[number + 1] if number < 2 else None
        standing = [one for one in CUSTOMERS if bounds[number] <= (one[by] or 0) < bounds[number + 1]]
        agree(unless, on_rung(ladder, rung, above), standing)
