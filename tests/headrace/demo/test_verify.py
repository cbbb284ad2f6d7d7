"""A right end has no difference; each way to be wrong is named with its customer."""

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.demo.log_fold import LogFold, SeenOrder
from headrace.demo.oracle import Expectation, at_klaviyo, expect
from headrace.demo.scenario import Scenario
from headrace.demo.thanks import Sent
from headrace.demo.verify import Difference, Verification, all_of, verify

NOW = datetime(2011, 1, 1, 12, tzinfo=UTC)
CALLS: dict[str, Any] = {"by_status": {"200": 7}, "unknown_customers": 0}
ShopMaker = Callable[..., Scenario]
Truth = dict[str, Any]


@pytest.fixture
def shop(small: ShopMaker) -> Scenario:
    return small((7, [("22064", 10, 10_000)]), (8, [("20725", 2, 100)]), (0, [("20725", 1, 600_000)]), (0, 1))


def end_of(scenario: Scenario) -> Truth:
    expected = expect(scenario, LogFold(), store="s", now=NOW)
    return {
        "customers": {
            str(number): {
                "group": end.group,
                "attributes": {"headrace": end.attributes} if end.attributes else {},
                "tags": sorted(end.tags),
            }
            for number, end in expected.customers.items()
        },
        "members": {email: {"status": "transactional", "tags": list(tags)} for email, tags in expected.guests.items()},
        "platforms": {"klaviyo": profiles_of(scenario, expected)},
        "effects": [],
    }


def profiles_of(scenario: Scenario, expected: Expectation) -> Truth:
    """Those who have something there."""
    ends = {scenario.customers[number].email: end.tags for number, end in expected.customers.items()}
    wanted = {email: at_klaviyo(tags) for email, tags in (*ends.items(), *expected.guests.items())}
    return {email: {"tags": sorted(end.tags), "lists": sorted(end.lists)} for email, end in wanted.items() if end.tags}


def log_of(scenario: Scenario) -> LogFold:
    log = LogFold()
    for order in scenario.shop.orders:
        subject = f"s:{order.customer}" if order.customer else f"s:guest-{order.id:x}"
        log.orders[str(order.id)] = SeenOrder("1", subject, "awaiting_fulfillment", order.total_minor)
    for refund in scenario.shop.refunds:
        seen = log.orders[str(refund.order_id)]
        seen.status = "refunded" if refund.whole else "partially_refunded"
        seen.refunded_minor += refund.amount_minor
    return log


def test_verify__right_end__is_ok(shop: Scenario) -> None:
    result = verify(shop, log_of(shop), Sent([], end_of(shop)), CALLS, store="s", now=NOW)
    assert result.as_report() == {"ok": True, "limited": False, "customers_checked": 3, "differences": []}


def _group(truth: Truth) -> None:
    truth["customers"]["7"]["group"] = "Gold"


def _attribute(truth: Truth) -> None:
    truth["customers"]["7"]["attributes"] = {}


def _tag(truth: Truth) -> None:
    truth["customers"]["7"]["tags"] = ["Returner"]


def _missing(truth: Truth) -> None:
    del truth["customers"]["7"]


@pytest.mark.parametrize(
    ("spoil", "kind", "expected"),
    [
        (_group, "group", "Silver"),
        (_attribute, "attribute", ";country=United Kingdom;rhythm=quiet;"),
        (_missing, "group", "Silver"),
    ],
)
def test_verify__wrong_at_one_customer__is_named(
    shop: Scenario, spoil: Callable[[Truth], None], kind: str, expected: str
) -> None:
    truth = deepcopy(end_of(shop))
    spoil(truth)
    (difference,) = verify(shop, log_of(shop), Sent([], truth), CALLS, store="s", now=NOW).differences
    assert (difference.customer, difference.kind, difference.expected) == ("s:7", kind, expected)


def test_verify__wrong_tag__is_named(shop: Scenario) -> None:
    truth = end_of(shop)
    _tag(truth)
    (difference,) = verify(shop, log_of(shop), Sent([], truth), CALLS, store="s", now=NOW).differences
    assert (difference.customer, difference.kind, difference.actual) == ("s:7", "tag", ["Returner"])


def test_verify__guest_without_tag__is_named_by_order(shop: Scenario) -> None:
    truth = end_of(shop)
    truth["members"] = {}
    (difference,) = verify(shop, log_of(shop), Sent([], truth), CALLS, store="s", now=NOW).differences
    assert (difference.customer, difference.expected, difference.actual) == (
        "s:guest-order-102",
        ["VIP", "Win back"],
        [],
    )


def test_verify__wrong_at_klaviyo__is_named(shop: Scenario) -> None:
    truth = end_of(shop)
    guest = next(iter(shop.guests.values())).email
    truth["platforms"]["klaviyo"][guest]["lists"] = []
    truth["platforms"]["klaviyo"]["who@inbox.example"] = {"tags": ["VIP"], "lists": []}
    found = verify(shop, log_of(shop), Sent([], truth), CALLS, store="s", now=NOW).differences
    assert {(each.customer, tuple(each.expected or ()), tuple(each.actual or ())) for each in found} == {
        (
            "s:guest-order-102",
            ("klaviyo:VIP", "klaviyo:Win back", "klaviyo list:VIP"),
            ("klaviyo:VIP", "klaviyo:Win back"),
        ),
        ("s:unknown-profile", (), ("klaviyo:VIP",)),
    }


def test_verify__strangers__are_differences(shop: Scenario) -> None:
    truth = end_of(shop)
    truth["customers"]["99"] = {"group": "Gold", "attributes": {}, "tags": []}
    truth["members"]["who@inbox.example"] = {"status": "subscribed", "tags": ["VIP"]}
    truth["effects"] = [{"sink": "webhook", "id": "e1", "count": 1}]
    result = verify(shop, log_of(shop), Sent([], truth), CALLS, store="s", now=NOW)
    assert [(each.customer, each.kind) for each in result.differences] == [
        ("s:99", "group"),
        ("s:unknown-member", "tag"),
        ("s", "effect"),
    ]


def test_verify__order_missing_in_the_log__is_named_even_with_other_rules(shop: Scenario) -> None:
    log = log_of(shop)
    del log.orders["101"]
    result = verify(shop, log, Sent([], {}), CALLS, store="s", now=NOW, demo_rules=False)
    assert (result.ok, result.limited) == (False, True)
    assert [(each.customer, each.kind, each.actual) for each in result.differences] == [("s:8", "event", None)]


def test_verify__order_of_another_customer__is_a_difference(shop: Scenario) -> None:
    log = log_of(shop)
    log.orders["101"].subject = "s:7"
    (difference,) = verify(shop, log, Sent([], end_of(shop)), CALLS, store="s", now=NOW).differences
    assert (difference.customer, difference.actual) == ("s:8", "order 101 under another customer")


def test_verify__other_rules__do_not_look_at_groups(shop: Scenario) -> None:
    assert verify(shop, log_of(shop), Sent([], {"customers": {}}), CALLS, store="s", now=NOW, demo_rules=False).ok


@pytest.mark.parametrize(
    ("calls", "expected", "actual"),
    [
        ({"by_status": {"401": 2}, "unknown_customers": 0}, "0 refused for their key", "2 refused for their key"),
        ({"by_status": {}, "unknown_customers": 1}, "0 about strangers", "1 about strangers"),
    ],
)
def test_verify__call_meant_for_another_store__is_a_difference_of_the_store(
    shop: Scenario, calls: dict[str, Any], expected: str, actual: str
) -> None:
    found = verify(shop, log_of(shop), Sent([], end_of(shop)), calls, store="s", now=NOW).differences
    assert found == (Difference("s", "call", expected, actual),)


def test_all_of__one_store_differs__the_whole_is_not_ok() -> None:
    difference = Difference("b:1", "group", "Gold", "Silver")
    whole = all_of([Verification(True, False, 3, ()), Verification(False, False, 2, (difference,))])
    assert whole == Verification(False, False, 5, (difference,))
