"""A group's name that differs from the store's by a slip is told with both names, and only then."""

import pytest

from headrace.contracts.events import CustomerSnapshot
from headrace.rules.model import Group, RuleSet
from headrace.segmentation.compiled import compile_rules
from headrace.segmentation.near_groups import near_groups
from headrace.segmentation.plan import Planner
from headrace.segmentation.plan_tally import PlanTally
from headrace.segmentation.plan_warnings import warnings_of
from tests.headrace.segmentation.test_properties import LATCHED, START, event, fold


def near(*groups: Group | str, observed: dict[str, int]) -> list[tuple[str, str, int]]:
    named = tuple(Group(name=one) if isinstance(one, str) else one for one in groups)
    return list(near_groups(RuleSet(store=LATCHED.store, groups=named), observed))


@pytest.mark.parametrize("written", ["gold", "Gold ", "GOLD", "Golds", "Glod", " gold", "G old"])
def test_near_groups__slip__both_names(written: str) -> None:
    assert near("Gold", "Silver", observed={written: 7, "Silver": 2}) == [("Gold", written, 7)]


@pytest.mark.parametrize(
    ("groups", "observed"),
    [
        (("Gold",), {"Gold": 1, "gold": 9}),
        (("Gold", "Golds"), {"Golds": 9}),
        (("Gold",), {"Retail": 9}),
        (("Gold",), {"": 9}),
        (("Gold",), {}),
        (("Tier 1",), {"Tier 2": 9}),
        (("Wholesale UK",), {"Wholesale US": 9, "Wholesale": 9}),
        ((Group(name="Gold", alias={"bigcommerce": "Gold members"}),), {"Gold members": 9}),
        ((Group(name="Gold", alias={"bigcommerce": "Gold members"}), "Golden"), {"Gold members": 9, "Golden": 1}),
    ],
)
def test_near_groups__observed_itself_or_unlike__nothing(
    groups: tuple[Group | str, ...], observed: dict[str, int]
) -> None:
    assert near(*groups, observed=observed) == []


def test_near_groups__several__the_nearest() -> None:
    assert near("Wholesale", observed={"Wholesaler": 3, "wholesale": 4}) == [("Wholesale", "wholesale", 4)]
    alias = Group(name="Gold", alias={"bigcommerce": "VIP customers"})
    assert near(alias, observed={"VIP customer": 3}) == [("VIP customers", "VIP customer", 3)]
    assert near(alias, observed={"Gold": 3}) == [("VIP customers", "Gold", 3)]


def test_plan__group_as_the_store_writes_it__is_a_warning() -> None:
    rule_set = RuleSet(store=LATCHED.store, groups=(Group(name="Gold"),))
    planner, tally = Planner(rule_set, version=2, base=None), PlanTally()
    for number, group in enumerate(("gold", "gold", "", "Retail")):
        snapshot = CustomerSnapshot(customer_id="7", created_at=START, modified_at=START, group=group)
        state = fold([event(snapshot, number)], compile_rules(RuleSet(store=LATCHED.store)))
        outlook = planner.look(state, offset=100, now=START)
        assert outlook is not None
        assert outlook.observed == group
        tally.add(outlook)
    (warning,) = warnings_of(tally.sum(), rule_set)
    assert warning.startswith("the store has nobody in a group 'Gold', and 2 customers in 'gold': ")
