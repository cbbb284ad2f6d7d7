"""What good rule files become: the compiled model, part by part."""

import pytest

from headrace.rules.load import Source, load_texts
from headrace.rules.model import (
    AddAttribute,
    AddTag,
    AllOf,
    AnyOf,
    AssignGroup,
    Between,
    Condition,
    Each,
    Leaf,
    Not,
    RemoveAttribute,
    RemoveTag,
    RuleSet,
    Rung,
    Spend,
    Tag,
    Trigger,
)

STORE = "store: {timezone: Europe/London, currency: GBP}\ngroups: [{name: Gold}, {name: Silver}, {name: Everyone}]\n"


def load(text: str) -> RuleSet:
    result = load_texts([Source("rules.yaml", STORE + text)])
    assert result.rule_set is not None, result.findings
    return result.rule_set


def is_(field: str, operand: str) -> Leaf:
    return Leaf(field=field, operator="is", operand=operand)


CONDITIONS: dict[str, Condition] = {
    "{customer.spend: {above: 5000}}": Leaf(field="customer.spend", operator="above", operand=500000),
    "{customer.orders: 3}": Leaf(field="customer.orders", operator="is", operand=3),
    "{customer.spend: {below: 200.50, from: 100}}": Leaf(
        field="customer.spend", operator="between", operand=Between(low=10000, high=20050)
    ),
    "{customer.company: Café  NO}": is_("customer.company", "cafe no"),
    "{customer.last_name: NO}": is_("customer.last_name", "no"),
    "{customer.phone: {starts_with: 0044}}": Leaf(field="customer.phone", operator="starts_with", operand="0044"),
    "{customer.company: {matches: '^AC[ME]+'}}": Leaf(field="customer.company", operator="matches", operand="^AC[ME]+"),
    "{customer.company: {is_set: false}}": Leaf(field="customer.company", operator="is_unset"),
    "{customer.email_domain: {in: [Acme.com, b.org, acme.com], or_subdomains: true}}": Leaf(
        field="customer.email_domain", operator="in", operand=("acme.com", "b.org"), options={"or_subdomains": True}
    ),
    "{customer.subscribed: false}": Leaf(field="customer.subscribed", operator="is", operand=False),
    "{customer.attributes.Tier: VIP}": Leaf(field="customer.attributes.Tier", operator="has_any", operand=("vip",)),
    "{customer.tags.mailchimp: {has_none: [A, B]}}": Leaf(
        field="customer.tags.mailchimp", operator="has_none", operand=("a", "b")
    ),
    "{customer.addresses: {any: {country: UK}}}": Each(
        field="customer.addresses", quantifier="any", of=is_("country", "GB")
    ),
    "{customer.addresses: {none: {all: [{state: WA}, {country: Australia}]}}}": Each(
        field="customer.addresses",
        quantifier="none",
        of=AllOf(of=(is_("state", "western australia"), is_("country", "AU"))),
    ),
    "{customer.addresses: {any: {zip: 02134}}}": Each(
        field="customer.addresses", quantifier="any", of=is_("zip", "02134")
    ),
    "{customer.purchased: {count: {of: {price: {above: 9.99}}, from: 2, below: 5}}}": Each(
        field="customer.purchased",
        quantifier="count",
        of=Leaf(field="price", operator="above", operand=999),
        operator="between",
        operand=Between(low=2, high=5),
    ),
    "{not: {any: [{customer.orders: 0}, {customer.items: {up_to: 2}}]}}": Not(
        of=AnyOf(
            of=(
                Leaf(field="customer.orders", operator="is", operand=0),
                Leaf(field="customer.items", operator="up_to", operand=2),
            )
        )
    ),
}


@pytest.mark.parametrize("text", CONDITIONS)
def test_condition__as_written__compiled(text: str) -> None:
    rule_set = load(f"segments: [{{id: s, who: {text}, attributes: {{a: b}}}}]")
    assert rule_set.segments[0].who == CONDITIONS[text]


def test_condition__nested_forty_deep__loads() -> None:
    text = "{not: " * 90 + "{customer.orders: 1}" + "}" * 90
    assert isinstance(load(f"segments: [{{id: s, who: {text}, attributes: {{a: b}}}}]").segments[0].who, Not)


def test_rule__all_actions__in_file_order() -> None:
    rule_set = load(
        "group_order: [Gold]\nrules:\n- id: r\n  when: {order.status_changed: {from: pending, to: shipped}}\n"
        "  past: ignore\n  then:\n  - assign_group: Gold\n  - group: Gold\n  - add_attribute: {a: [x, Y, x], b: NO}\n"
        "  - remove_attribute: {c: 1e5}\n  - tag: [{mailchimp: [New York, VIP]}]\n  - untag: {mailchimp: Old}\n"
    )
    (rule,) = rule_set.rules
    assert rule.when == Trigger(name="order.status_changed", from_="pending", to="shipped")
    assert rule.then == (
        AssignGroup(group="Gold"),
        AssignGroup(group="Gold"),
        AddAttribute(values={"a": ("x", "Y"), "b": ("NO",)}),
        RemoveAttribute(values={"c": ("1e5",)}),
        AddTag(tags=(Tag(platform="mailchimp", name="New York"), Tag(platform="mailchimp", name="VIP"))),
        RemoveTag(tags=(Tag(platform="mailchimp", name="Old"),)),
    )


def test_ladder__first_rung_with_a_bound__an_empty_one_stands_below() -> None:
    rule_set = load(
        "group_order: [Gold, Silver]\nladders:\n- id: l\n  by: customer.orders\n  demote: direct\n  grace: 0 days\n"
        "  rungs: [{group: Silver, from: 2}, {group: Gold, above: 9, attributes: {tier: top}}]\n"
    )
    assert rule_set.ladders[0].rungs == (
        Rung(),
        Rung(group="Silver", bound="from", threshold=2),
        Rung(group="Gold", bound="above", threshold=9, attributes={"tier": ("top",)}),
    )


def test_top_level__defaults_and_given__as_the_language_says() -> None:
    plain = load("group_order: []")
    assert (plain.spend, plain.group_order, plain.default_group) == (Spend(), (), "")
    given = load(
        "spend: {count_statuses: [completed, completed], amount: subtotal, refunds: ignore}\n"
        "group_order: [Gold, [Silver]]\ndefault_group: Everyone\nunmanaged: keep\ndrift: report\n"
    )
    assert given.spend == Spend(count_statuses=("completed",), amount="subtotal", refunds="ignore")
    assert given.group_order == (("Gold",), ("Silver",))
    assert given.default_group == "Everyone"


def test_group__everything_said__kept() -> None:
    result = load_texts(
        [
            Source(
                "rules.yaml",
                "store: {timezone: Europe/London, currency: GBP}\ngroups:\n- name: Gold\n  kind: B2C\n  erp_id: 007\n"
                "  alias: {mailchimp: Gold members}\n  description: d\n  owner: o\n  review_by: 2027-01-31\n",
            )
        ]
    )
    assert result.rule_set is not None
    (group,) = result.rule_set.groups
    assert (group.kind, group.erp_id, group.alias, group.review_by) == (
        "B2C",
        "007",
        {"mailchimp": "Gold members"},
        "2027-01-31",
    )


@pytest.mark.parametrize(("pattern", "instead"), [("^Café", "e"), ("STRASSE|Straße", "ss"), ("[À-Ý]", "a")])
def test_matches__letter_that_folding_takes_away__refused_with_what_stays(pattern: str, instead: str) -> None:
    rule = f"segments: [{{id: a, who: {{customer.company: {{matches: '{pattern}'}}}}, tags: {{mailchimp: T}}}}]"
    findings = load_texts([Source("rules.yaml", STORE + rule)]).findings
    assert [f"write {instead!r} for it" in finding.hint for finding in findings if finding.severity == "error"] == [
        True
    ]


@pytest.mark.parametrize("pattern", ["^ac(me|ø)", "ΟΔΟΣ|οδος", "Москва", "日本", "a\\d+ b"])
def test_matches__letters_that_stay__taken(pattern: str) -> None:
    rule = f"segments: [{{id: a, who: {{customer.company: {{matches: '{pattern}'}}}}, tags: {{mailchimp: T}}}}]"
    assert load(rule).segments[0].who == Leaf(field="customer.company", operator="matches", operand=pattern)


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("customer.state: NY", "write customer.addresses: {any: {state: ...}}"),
        ("customer.brand: Apple", "write customer.purchased: {any: {brand: ...}}"),
        ("order.brand: Apple", "write order.lines: {any: {brand: ...}}"),
        ("customer.name: Ada", "did you mean 'customer.last_name'?"),
        ("order.total: 5", "did you mean 'order.value'?"),
    ],
)
def test_field__of_an_element_behind_the_wrong_name__the_hint_leads_to_the_list(written: str, hint: str) -> None:
    rule = f"rules: [{{id: a, when: order.placed, if: {{{written}}}, then: [{{tag: {{mailchimp: T}}}}]}}]"
    findings = load_texts([Source("rules.yaml", STORE + rule)]).findings
    assert [finding.hint for finding in findings if finding.severity == "error"] == [hint]
