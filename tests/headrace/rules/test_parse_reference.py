"""Channels, companies, postcodes, groups and triggers: what good rule files become."""

from pathlib import Path

import pytest

from headrace.rules.load import Source, load_texts
from headrace.rules.model import (
    AllOf,
    Condition,
    Discount,
    Each,
    Group,
    Leaf,
    Nearby,
    RuleSet,
    Trigger,
    decode_rule_set,
    encode_rule_set,
)

FILE = str(Path(__file__).parents[2] / "cases" / "rules.yaml")
STORE = "store: {timezone: Europe/London, currency: GBP}\n"
NAMES = STORE + "channels: {Online Shop: [1, 3, 1], in_store: 2}\npostcodes: zips.csv\n"


def load(text: str) -> RuleSet:
    result = load_texts([Source(FILE, text)])
    assert result.rule_set is not None, result.findings
    assert decode_rule_set(encode_rule_set(result.rule_set)) == result.rule_set
    return result.rule_set


def condition(written: str, when: str = "custom.visit") -> Condition | None:
    entry = f"rules: [{{id: r, when: {when}, if: {written}, then: [{{add_attribute: {{a: b}}}}]}}]"
    return load(NAMES + entry).rules[0].if_


def test_channels__names_and_ids__folded_once_each() -> None:
    assert load(NAMES).channels == {"online_shop": (1, 3), "in_store": (2,)}


def test_aliases__companies__folded() -> None:
    rule_set = load(STORE + "aliases: {Acmé: [ACME Intl, acme  intl], Bluebird: Blue Bird}")
    assert rule_set.aliases == {"acme": ("acme intl",), "bluebird": ("blue bird",)}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            "{customer.channels: Online Shop}",
            Leaf(field="customer.channels", operator="has_any", operand=("online_shop",)),
        ),
        (
            "{customer.channels: {has_all: [in_store, 007]}}",
            Leaf(field="customer.channels", operator="has_all", operand=("in_store", "7")),
        ),
        (
            "{customer.channel_share.Online Shop: {from: 80}}",
            Leaf(field="customer.channel_share.online_shop", operator="from", operand=80),
        ),
        ("{customer.form.Shirt Size: M}", Leaf(field="customer.form.shirt_size", operator="is", operand="m")),
        ("{customer.consent.SMS: true}", Leaf(field="customer.consent.sms", operator="is", operand=True)),
        ("{customer.income: {from: 50000}}", Leaf(field="customer.income", operator="from", operand=5000000)),
        ("{customer.store_credit: {is_set: true}}", Leaf(field="customer.store_credit", operator="is_set")),
        ("{customer.gender: Female}", Leaf(field="customer.gender", operator="is", operand="female")),
        ("{event.Page: /Sale}", Leaf(field="event.Page", operator="is", operand="/sale")),
    ],
)
def test_leaf__of_the_rule_sets_own_names__compiled(written: str, expected: Leaf) -> None:
    assert condition(written) == expected


@pytest.mark.parametrize(
    ("written", "when", "expected"),
    [
        (
            "{order.channel: {in: [in_store, 9]}}",
            "order.placed",
            Leaf(field="order.channel", operator="in", operand=("in_store", "9")),
        ),
        (
            "{order.status: {is_not: pending}}",
            "order.paid",
            Leaf(field="order.status", operator="is_not", operand="pending"),
        ),
        (
            "{cart.value: {above: 50}}",
            "cart.abandoned",
            Leaf(field="cart.value", operator="above", operand=5000),
        ),
        (
            "{cart.lines: {any: {brand: Apple}}}",
            "cart.converted",
            Each(field="cart.lines", quantifier="any", of=Leaf(field="brand", operator="is", operand="apple")),
        ),
    ],
)
def test_leaf__of_an_order_or_a_cart__compiled(written: str, when: str, expected: Condition) -> None:
    assert condition(written, when) == expected


def test_radius__in_a_country__the_postcodes_this_is() -> None:
    found = condition("{customer.addresses: {any: {all: [{country: US}, {radius: {within: {km: 12, of: '10001'}}}]}}}")
    assert isinstance(found, Each)
    assert isinstance(found.of, AllOf)
    assert found.of.of[1] == Leaf(
        field="radius",
        operator="within",
        operand=Nearby(km=12, of="10001", zips=("US:07030", "US:10001", "US:11201")),
    )


def test_group__what_its_customers_see_and_pay__kept() -> None:
    rule_set = load(
        STORE + "groups:\n"
        "- name: Gold\n  categories: [Kitchen, Garden, Kitchen]\n"
        "  discounts: [{percent: 10}, {percent: 20, category: Phones}]\n"
        "- {name: Trade, categories: none, price_list: Trade prices}\n"
        "- {name: Staff, categories: all, discounts: [{amount: 5.50, product: 007}]}\n"
        "- {name: Press, discounts: {percent: 5}}\n"
        "- {name: Plain, discounts: none}\n"
        "- {name: Silver}\n"
    )
    assert rule_set.groups == (
        Group(
            name="Gold",
            categories=("Kitchen", "Garden"),
            discounts=(Discount(percent=10), Discount(percent=20, of="category", name="Phones")),
        ),
        Group(name="Trade", categories=(), price_list="Trade prices"),
        Group(name="Staff", categories="all", discounts=(Discount(amount=550, of="product", name="007"),)),
        Group(name="Press", discounts=(Discount(percent=5),)),
        Group(name="Plain", discounts=()),
        Group(name="Silver"),
    )


def test_spend__shipping_and_store_credit__kept() -> None:
    spend = load(STORE + "spend: {shipping: exclude, store_credit: exclude}").spend
    assert (spend.shipping, spend.store_credit, spend.amount) == ("exclude", "exclude", "total")
    assert encode_rule_set(load(STORE)) == b'{"store":{"timezone":"Europe/London","currency":"GBP"}}'


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("order.paid", Trigger(name="order.paid")),
        ("{order.reached: shipped}", Trigger(name="order.reached", status="shipped")),
        ("order.status_changed", Trigger(name="order.status_changed")),
        ("{order.status_changed: {to: shipped}}", Trigger(name="order.status_changed", to="shipped")),
        ("cart.abandoned", Trigger(name="cart.abandoned")),
        ("refund.requested", Trigger(name="refund.requested")),
        ("custom.page-view.v2", Trigger(name="custom.page-view.v2")),
    ],
)
def test_trigger__as_written__compiled(written: str, expected: Trigger) -> None:
    rule_set = load(STORE + f"rules: [{{id: r, when: {written}, then: [{{add_attribute: {{a: b}}}}]}}]")
    assert rule_set.rules[0].when == expected
