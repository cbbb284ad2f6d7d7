"""The names of groups, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.group_names import names_of, store_name
from headrace.rules.model import Group, RuleSet, Store

STORE = Store(timezone="Europe/London", currency="GBP")
VIP = Group(name="Gold", alias={"bigcommerce": "VIP Gold", "klaviyo": "Gold members"})
SILVER = Group(name="Silver", alias={"klaviyo": "Silver members"})


@pytest.mark.parametrize("groups", [(), (SILVER,), (Group(name="Gold", alias={"bigcommerce": "Gold"}),)])
def test_names_of__no_other_name_in_the_store__none(groups: tuple[Group, ...]) -> None:
    assert names_of(RuleSet(store=STORE, groups=groups)) is None


@pytest.mark.parametrize(
    ("rules", "store"),
    [
        ("Gold", "VIP Gold"),
        ("Gold (the store's)", "Gold"),
        ("Silver", "Silver"),
        ("Press", "Press"),
        ("Gold members", "Gold members"),
        ("", ""),
        (None, None),
    ],
)
def test_names__of_a_group__lead_to_each_other(rules: str | None, store: str | None) -> None:
    names = names_of(RuleSet(store=STORE, groups=(VIP, SILVER)))
    assert names is not None
    assert (names.to_store(rules), names.to_rules(store)) == (store, rules)


def _distinct(aliases: dict[str, str]) -> bool:
    return len(set(aliases.values())) == len(aliases)


@given(st.dictionaries(st.sampled_from("ABCD"), st.sampled_from("abcd"), min_size=1).filter(_distinct))
def test_names__any_aliases__are_one_to_one(aliases: dict[str, str]) -> None:
    names = names_of(
        RuleSet(store=STORE, groups=tuple(Group(name=n, alias={"bigcommerce": a}) for n, a in aliases.items()))
    )
    assert names is not None
    known = [*"ABCDabcd", ""]
    assert len(set(map(names.to_rules, known))) == len(known)
    assert [names.to_store(names.to_rules(name)) for name in known] == known


def test_store_name__alias_elsewhere__does_not_count() -> None:
    assert (store_name(VIP), store_name(SILVER)) == ("VIP Gold", "Silver")
