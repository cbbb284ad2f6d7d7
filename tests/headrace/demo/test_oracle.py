"""The second computation on cases worked out by hand, at both sides of each boundary."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from headrace.demo.log_fold import Latched, LogFold
from headrace.demo.oracle import counted_amounts, expect, expected_group, is_wholesale, mirror
from headrace.demo.people import Person
from headrace.demo.scenario import Scenario

ShopMaker = Callable[..., Scenario]


def of(scenario: Scenario, number: int, **facts: object) -> Scenario:
    """The scenario with facts of one customer set."""
    person: Person = replace(scenario.customers[number], **facts)  # type: ignore[arg-type]  # named by the caller
    return replace(scenario, customers={**scenario.customers, number: person})


def now_of(scenario: Scenario) -> datetime:
    """When the last order is made."""
    return max(order.at for order in scenario.shop.orders)


@pytest.mark.parametrize(
    ("spent", "group"),
    [(0, "Silver"), (99_999, "Silver"), (100_000, "Gold"), (500_000, "Gold"), (500_001, "Platinum")],
)
def test_expected_group__spend__climbs_the_ladder(small: ShopMaker, spent: int, group: str) -> None:
    person = of(small((7, [("22064", 1, 100)])), 7, email="a@inbox.example").customers[7]
    assert expected_group(person, spent, Latched()) == group


@pytest.mark.parametrize(
    ("spent", "latched", "group"),
    [
        (0, Latched(bijou_buyer=True), "Bijou"),
        (0, Latched(bijou_buyer=True, bulk_buyer=True), "Bulk buyers"),
        (100_000, Latched(bijou_buyer=True, bulk_buyer=True), "Gold"),
        (0, Latched(returner=True), "Silver"),
    ],
)
def test_expected_group__latched_rules__stand_between_gold_and_silver(
    small: ShopMaker, spent: int, latched: Latched, group: str
) -> None:
    person = of(small((7, [("22064", 1, 100)])), 7, email="a@inbox.example").customers[7]
    assert expected_group(person, spent, latched) == group
    wholesaler = replace(person, email="a@brightstores.example")
    assert expected_group(wholesaler, spent, latched) == "Wholesale"


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("brightstores.example", True),
        ("leeds.brightstores.example", True),
        ("notbrightstores.example", False),
        ("brightstores.example.test.example", False),
        ("example", False),
    ],
)
def test_is_wholesale__subdomain__counts_but_no_lookalike(domain: str, expected: bool) -> None:
    assert is_wholesale(domain) is expected


@pytest.mark.parametrize(
    ("refunds", "counted"), [([], 1000), ([1], 900), ([1, 2], 700), ([10], 0), ([4, 6], 0), ([9], 100)]
)
def test_counted_amounts__refunds__are_taken_off(small: ShopMaker, refunds: list[int], counted: int) -> None:
    scenario = small((7, [("22064", 10, 100)]), *((0, units) for units in refunds))
    assert counted_amounts(scenario) == {100: counted}


def test_expect__customer__has_group_attributes_and_tags(small: ShopMaker) -> None:
    scenario = of(small((7, [("22064", 501, 1000)])), 7, email="a@leeds.brightstores.example", subscribed=True)
    log = LogFold(latched={"s:7": Latched(bulk_buyer=True, bijou_buyer=True, returner=True)})
    end = expect(scenario, log, store="s", now=now_of(scenario))
    assert end.customers[7].group == "Wholesale"
    assert end.customers[7].attributes == (
        ";country=United Kingdom;interests=bijou;interests=bulk;rhythm=quiet;tier=VIP;type=wholesale;"
    )
    assert end.customers[7].tags == {"VIP", "UK", "Returner", "Active"}


@pytest.mark.parametrize(("pence", "vip"), [(500_000, False), (500_001, True)])
def test_expect__vip__is_above_5000_of_all_orders(small: ShopMaker, pence: int, vip: bool) -> None:
    scenario = of(small((7, [("22064", 1, 400_000)]), (7, [("20725", 1, pence - 400_000)])), 7, subscribed=False)
    end = expect(scenario, LogFold(), store="s", now=now_of(scenario)).customers[7]
    assert end.tags == ({"VIP", "Active"} if vip else {"Active"})
    assert ("tier=VIP" in end.attributes) is vip


@pytest.mark.parametrize(
    ("country", "subscribed", "tags", "attributes"),
    [
        ("United Kingdom", True, {"UK"}, ";country=United Kingdom;rhythm=quiet;"),
        ("United Kingdom", False, set(), ";country=United Kingdom;rhythm=quiet;"),
        ("EIRE", True, set(), ";country=Ireland;rhythm=quiet;"),
        ("Sweden", True, set(), ";rhythm=quiet;"),
        ("Unspecified", True, set(), ";rhythm=quiet;"),
    ],
)
def test_expect__country_and_consent__give_tag_and_attribute(
    small: ShopMaker, country: str, subscribed: bool, tags: set[str], attributes: str
) -> None:
    scenario = of(small((7, [("22064", 1, 100)]), country=country), 7, email="a@inbox.example", subscribed=subscribed)
    end = expect(scenario, LogFold(), store="s", now=now_of(scenario)).customers[7]
    assert (set(end.tags), end.attributes) == (tags, attributes)


def test_expect__guests__are_each_alone(small: ShopMaker) -> None:
    scenario = small((0, [("22064", 1, 500_001)]), (0, [("22064", 1, 500_000)]))
    end = expect(scenario, LogFold(), store="s", now=now_of(scenario))
    assert [end.guests[scenario.guests[order].email] for order in (100, 101)] == [{"VIP", "Active"}, {"Active"}]


@pytest.mark.parametrize(
    ("pence", "later", "tags"),
    [
        (100_000, timedelta(days=90), {"Active"}),
        (100_000, timedelta(days=91), {"Win back"}),
        (99_999, timedelta(days=91), set()),
    ],
)
def test_expect__last_order__active_for_ninety_days_then_to_be_won_back(
    small: ShopMaker, pence: int, later: timedelta, tags: set[str]
) -> None:
    scenario = of(small((7, [("22064", 1, pence)])), 7, subscribed=False)
    noon = now_of(scenario).replace(hour=12)
    assert expect(scenario, LogFold(), store="s", now=noon + later).customers[7].tags == tags


def test_expect__last_order_refunded_whole__the_one_before_counts(small: ShopMaker) -> None:
    scenario = of(small((7, [("22064", 1, 100_000)]), (7, [("20725", 1, 500)]), (1, 1)), 7, subscribed=False)
    first, last = scenario.shop.orders
    late = replace(last, at=first.at + timedelta(days=60))
    shop = replace(scenario.shop, events=tuple(late if event is last else event for event in scenario.shop.events))
    end = expect(replace(scenario, shop=shop), LogFold(), store="s", now=first.at + timedelta(days=92))
    assert end.customers[7].tags == {"Win back"}


def test_mirror__values__are_sorted_between_semicolons() -> None:
    assert mirror(["b=2", "a=1"]) == ";a=1;b=2;"
    assert mirror([]) == ""
