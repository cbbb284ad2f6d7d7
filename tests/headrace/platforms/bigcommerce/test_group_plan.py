"""A plan makes what is missing, changes what differs, leaves the rest, and says what it cannot do."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.platforms.bigcommerce import CategoryAccess, CustomerGroup, DiscountRule
from headrace.platforms.bigcommerce.group_plan import Change, GroupPlan, plan_groups
from headrace.platforms.bigcommerce.wanted_groups import Known, WantedDiscount, WantedGroup

KNOWN = Known.of(
    category=[("Phones", 7), ("Cases", 8), ("Sale", 3), ("Sale", 9), ("12", 40)],
    product=[("SAW-1", 5)],
    price_list=[("Trade", 2)],
)
TEN = DiscountRule("all", 0, "percent", Decimal(10))
PHONES = DiscountRule("category", 7, "percent", Decimal(20))
GOLD = CustomerGroup(1, "Gold", discounts=(TEN,))


def _plan(*wanted: WantedGroup, store: tuple[CustomerGroup, ...] = (GOLD,)) -> GroupPlan:
    return plan_groups(wanted, store, KNOWN)


def test_plan__missing_group__is_created_with_all_that_is_wanted() -> None:
    discounts = (WantedDiscount(amount=Decimal("5.50"), of="product", name="SAW-1"),)
    plan = _plan(WantedGroup("Staff", categories=("Phones", "8"), discounts=discounts))
    (change,) = plan.changes
    assert (change.action, plan.unmanaged) == ("create", ("Gold",))
    assert change.request().json == {
        "name": "Staff",
        "category_access": {"type": "specific", "categories": [7, 8]},
        "discount_rules": [{"type": "product", "product_id": 5, "method": "fixed", "amount": "5.5000"}],
    }


def test_plan__a_discount_differs__all_rules_are_replaced() -> None:
    phones = WantedDiscount(percent=20, of="category", name="Phones")
    plan = _plan(WantedGroup("Gold", discounts=(WantedDiscount(percent=10), phones)))
    assert plan.changes == (Change("Gold", GOLD, None, (TEN, PHONES)),)
    assert plan.changes[0].request().path == "/v2/customer_groups/1"


@pytest.mark.parametrize(
    "wanted",
    [
        WantedGroup("Gold"),
        WantedGroup("Gold", categories="all"),
        WantedGroup("Gold", discounts=(WantedDiscount(percent=10),)),
    ],
)
def test_plan__as_wanted_or_nothing_said__unchanged(wanted: WantedGroup) -> None:
    assert _plan(wanted) == GroupPlan((), ("Gold",), (), ())


@pytest.mark.parametrize(
    ("wanted", "fields"),
    [
        (WantedGroup("Gold", discounts=()), {"discount_rules": []}),
        (WantedGroup("Gold", categories=()), {"category_access": {"type": "none"}}),
        (WantedGroup("Gold", price_list="Trade"), {"discount_rules": [{"type": "price_list", "price_list_id": 2}]}),
        (WantedGroup("Gold", categories=("12",)), {"category_access": {"type": "specific", "categories": [40]}}),
        (WantedGroup("Gold", categories=("9",)), {"category_access": {"type": "specific", "categories": [9]}}),
    ],
)
def test_plan__differs__only_that_is_written(wanted: WantedGroup, fields: dict[str, object]) -> None:
    (change,) = _plan(wanted).changes
    assert change.request().json == fields


@pytest.mark.parametrize(
    ("wanted", "code", "hint"),
    [
        (WantedGroup("gold"), "similar_name", "write 'Gold' as its name"),
        (WantedGroup("Gold", categories=("Phone",)), "unknown_name", "did you mean 'Phones'?"),
        (WantedGroup("Gold", categories=("99",)), "unknown_name", "write a name or an id"),
        (WantedGroup("Gold", categories=("Sale",)), "ambiguous_name", "write one of these ids"),
        (WantedGroup("Gold", price_list="Staff"), "unknown_name", "price lists"),
    ],
)
def test_plan__cannot_be_done__says_why_and_what_to_write(wanted: WantedGroup, code: str, hint: str) -> None:
    plan = _plan(wanted)
    (problem,) = plan.problems
    assert (plan.changes, problem.code, problem.group) == ((), code, wanted.name)
    assert hint in problem.hint


def test_plan__two_of_one_name__are_refused_on_either_side() -> None:
    assert [each.code for each in _plan(WantedGroup("A"), WantedGroup("A")).problems] == ["same_name", "same_name"]
    twice = (GOLD, CustomerGroup(2, "Gold"))
    assert [each.code for each in _plan(WantedGroup("Gold"), store=twice).problems] == ["ambiguous_group"]


def test_plan__discounts_we_cannot_read__are_not_replaced() -> None:
    held = CustomerGroup(1, "Gold", unread=True)
    assert [each.code for each in _plan(WantedGroup("Gold", discounts=()), store=(held,)).problems] == [
        "unreadable_discounts"
    ]
    assert _plan(WantedGroup("Gold", categories=()), store=(held,)).problems == ()


def _after(change: Change) -> CustomerGroup:
    """What the store has once the change is done."""
    held = change.before or CustomerGroup(9, change.name)
    access = held.access if change.access is None else change.access
    discounts = held.discounts if change.discounts is None else change.discounts
    return CustomerGroup(held.id, held.name, access, discounts)


WANTED = st.builds(
    WantedGroup,
    st.sampled_from(["Gold", "Silver"]),
    st.one_of(st.none(), st.just("all"), st.lists(st.sampled_from(["Phones", "Cases"])).map(tuple)),
    st.one_of(st.none(), st.lists(st.builds(WantedDiscount, st.integers(1, 100)), max_size=1).map(tuple), st.just(())),
)
ACCESS = st.sampled_from([CategoryAccess("all"), CategoryAccess("none"), CategoryAccess("specific", frozenset({7}))])


@given(wanted=WANTED, access=ACCESS)
def test_plan__done__nothing_is_left_to_do(wanted: WantedGroup, access: CategoryAccess) -> None:
    store = (CustomerGroup(1, "Gold", access, (TEN,)),)
    done = {change.name: _after(change) for change in plan_groups([wanted], store, KNOWN).changes}
    after = [done.get(group.name, group) for group in store] + [done[name] for name in done if name != "Gold"]
    assert plan_groups([wanted], after, KNOWN).changes == ()
