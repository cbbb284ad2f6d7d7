"""Each finding of lint: a rule set that brings it about, one beside it that does not."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.findings import Finding
from headrace.rules.lint.ranges import Range
from headrace.rules.load import Source, load_texts

HEAD = """
store: {timezone: Europe/London, currency: USD}
groups: [{name: Wholesale}, {name: Platinum}, {name: Gold}, {name: Silver}]
group_order: [Wholesale, Platinum, Gold, Silver]
"""
ABOUT = "goal: g, owner: o"
QUIET = ("group_unused",)


def findings(text: str, today: date | None = None) -> list[Finding]:
    """Of a rule set that can be read, without those that every small one has."""
    result = load_texts([Source("rules.yaml", HEAD + text)], today=today)
    assert result.rule_set is not None, result.findings
    return [finding for finding in result.findings if finding.code not in QUIET]


def codes(text: str) -> list[str]:
    return [finding.code for finding in findings(text)]


def segments(*each: str) -> str:
    return "segments:\n" + "".join(f"  - {{{ABOUT}, {body}}}\n" for body in each)


def rules(*each: str) -> str:
    return "rules:\n" + "".join(f"  - {{{ABOUT}, past: ignore, {body}}}\n" for body in each)


def tier(name: str, test: str) -> str:
    return f"id: {name}, who: {test}, group: {name}"


FIVE_GROUPS = segments(
    tier("Silver", "{customer.spend: {below: 2000}}"),
    tier("Gold", "{all: [{customer.spend: {above: 2000}}, {customer.spend: {below: 5000}}]}"),
    tier("Platinum", "{customer.spend: {above: 5000}}"),
)


def test_tiers__sunglass_la_as_written__both_boundaries_are_told() -> None:
    """S67, S116: 2000.00 and 5000.00 are in no tier."""
    found = findings(FIVE_GROUPS)
    assert [finding.code for finding in found] == ["tier_gap", "tier_gap"]
    assert "exactly 2,000.00 USD is neither Silver (Silver) nor Gold" in found[0].message
    assert "write {from: 2000.00} here to make it Gold, or {up_to: 2000.00} in Silver" in found[0].hint
    assert "5,000.00 USD" in found[1].message


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        ("{below: 2000}", "{from: 2000}", []),
        ("{up_to: 2000}", "{above: 2000}", []),
        ("{below: 2000}", "{above: 2000}", ["tier_gap"]),
        ("{up_to: 2000}", "{from: 2000}", ["tier_overlap"]),
        ("{below: 1999.99}", "{from: 2000}", ["tier_gap"]),
        ("{below: 1000}", "{above: 2000}", []),  # a wide gap is meant
        ("{from: 1000}", "{from: 2000}", []),  # group_order decides
    ],
)
def test_tiers__two_groups__hole_or_overlap_of_the_boundary(lower: str, upper: str, expected: list[str]) -> None:
    text = segments(tier("Silver", f"{{customer.spend: {lower}}}"), tier("Gold", f"{{customer.spend: {upper}}}"))
    assert codes(text) == expected


def test_tiers__attribute_values_within_each_other__are_two_at_once() -> None:
    text = segments(
        "id: a, who: {customer.spend: {from: 1000}}, attributes: {tier: Gold}",
        "id: b, who: {customer.spend: {from: 5000}}, attributes: {tier: Platinum}",
    )
    (found,) = findings(text)
    assert found.code == "tier_overlap"
    assert "the attribute tier is Gold (a) and Platinum at once where customer.spend is 5,000.00 USD or more" in (
        found.message
    )


def test_never_fires__spend_at_creation__segment_or_ladder_offered() -> None:
    """S60 as it is literally written."""
    text = rules("id: s60, when: customer.created, if: {customer.spend: {above: 1000}}, then: [{assign_group: Gold}]")
    (found,) = findings(text)
    assert found.code == "never_fires"
    assert found.severity == "warning"
    assert (found.line, found.id) == (6, "s60")
    assert "a segment (who: {customer.spend: ...}) or a ladder by customer.spend" in found.hint


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("{customer.orders: {from: 1}}", ["never_fires"]),
        ("{customer.orders: 0}", ["should_be_segment"]),
        ("{customer.last_order_at: {older_than: 90 days}}", ["never_fires"]),
        ("{customer.purchased: {any: {brand: Apple}}}", ["never_fires"]),
        ("{all: [{customer.company: Acme}, {customer.spend: {above: 5}}]}", ["never_fires"]),
        ("{any: [{customer.company: Acme}, {customer.spend: {above: 5}}]}", ["should_be_segment"]),
        ("{not: {customer.spend: {above: 5}}}", ["should_be_segment"]),
        ("{customer.company: Acme}", ["should_be_segment"]),
    ],
)
def test_never_fires__rule_on_a_new_customer__by_what_it_asks(condition: str, expected: list[str]) -> None:
    assert (
        codes(rules(f"id: r, when: customer.created, if: {condition}, then: [{{tag: {{mailchimp: x}}}}]")) == expected
    )


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("{all: [{customer.orders: {above: 5}}, {customer.orders: {below: 3}}]}", ["never_holds"]),
        ("{all: [{customer.orders: {above: 5}}, {customer.orders: {below: 6}}]}", ["never_holds"]),
        ("{all: [{customer.orders: {above: 5}}, {customer.orders: {below: 7}}]}", []),
        ("{all: [{customer.orders: {above: 5}}, {customer.items: {below: 3}}]}", []),
        ("{any: [{customer.orders: {above: 5}}, {customer.orders: {below: 3}}]}", []),
    ],
)
def test_never_holds__tests_of_one_number__by_their_common_range(condition: str, expected: list[str]) -> None:
    assert codes(segments(f"id: s, who: {condition}, tags: {{mailchimp: x}}")) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("when: order.placed, if: {customer.spend: {from: 1000}}, then: [{assign_group: Gold}]", ["never_leaves"]),
        (
            "when: order.placed, if: {customer.spend: {from: 1000}}, then: [{tag: {mailchimp: x}}]",
            ["should_be_segment"],
        ),
        ("when: order.placed, if: {order.value: {from: 1000}}, then: [{assign_group: Gold}]", []),
        ("when: order.placed, then: [{assign_group: Gold}]", []),
    ],
)
def test_lasting__rule_on_an_order__by_what_it_tests(rule: str, expected: list[str]) -> None:
    assert codes(rules(f"id: r, {rule}")) == expected


@pytest.mark.parametrize(
    ("who", "other", "expected"),
    [
        ("{customer.spend: {from: 5000}}", "{customer.spend: {from: 1000}}", ["shadowed"]),
        ("{customer.spend: {from: 1000}}", "{customer.spend: {from: 5000}}", []),
        ("{customer.company: Acme}", "{customer.company: acme}", ["shadowed"]),
        ("{customer.company: Acme}", "{customer.company: other}", []),
    ],
)
def test_shadowed__lower_group__when_all_of_it_is_in_the_higher(who: str, other: str, expected: list[str]) -> None:
    assert codes(segments(tier("Gold", who), tier("Platinum", other))) == expected


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("{customer.email: {contains: '@acme.com'}}", ["email_not_domain"]),
        ("{customer.email: {ends_with: acme}}", ["email_not_domain"]),
        ("{customer.email: ann@acme.com}", []),
        ("{customer.email_domain: {in: [acme.com, GMAIL.com]}}", ["public_domain"]),
        ("{not: {customer.email_domain: gmail.com}}", []),
        ("{customer.company: {is_not: Acme}}", ["holds_when_unset"]),
        ("{not: {customer.company: {is_not: Acme}}}", []),
    ],
)
def test_texts__test_of_a_text__told_where_it_misleads(test: str, expected: list[str]) -> None:
    assert codes(segments(f"id: s, who: {test}, group: Wholesale")) == expected


def test_email_not_domain__names_the_domain_that_was_meant() -> None:
    (found,) = findings(segments("id: s, who: {customer.email: {contains: '@acme.com'}}, group: Wholesale"))
    assert "{in: [acme.com], or_subdomains: true}" in found.hint


def test_spelling__tag_and_group_differ_by_case__told_once_per_entry() -> None:
    text = segments(
        "id: a, who: {customer.orders: 1}, tags: {mailchimp: gold}",
        "id: b, who: {customer.orders: 2}, tags: {mailchimp: Gold}",
    )
    (found,) = findings(text)
    assert (found.code, found.hint) == ("spelled_differently", "write Gold everywhere")


def test_attributes__more_than_a_store_takes__told() -> None:
    values = ", ".join(f"a{number}: x" for number in range(51))
    assert "too_many_attributes" in codes(segments(f"id: s, who: {{customer.orders: 1}}, attributes: {{{values}}}"))


def test_review__day_has_passed__told_only_with_a_clock() -> None:
    text = segments("id: s, review_by: 2026-01-31, who: {customer.orders: 1}, group: Gold")
    assert codes(text) == []
    assert [finding.code for finding in findings(text, date(2026, 1, 31))] == []
    assert [finding.code for finding in findings(text, date(2026, 2, 1))] == ["review_overdue"]


def test_status__change_to_a_status__reached_is_offered() -> None:
    text = rules("id: r, when: {order.status_changed: {to: shipped}}, then: [{tag: {mailchimp: x}}]")
    (found,) = findings(text)
    assert found.code == "status_may_be_missed"
    assert "order.reached: shipped" in found.hint


def test_groups__no_entry_gives_it__told() -> None:
    result = load_texts([Source("rules.yaml", HEAD)])
    assert [finding.code for finding in result.findings] == ["group_unused"] * 4


BOUNDS = st.none() | st.integers(-5, 5)


@given(st.builds(Range, BOUNDS, BOUNDS), st.builds(Range, BOUNDS, BOUNDS))
def test_ranges__any_two__as_sets_of_numbers(one: Range, other: Range) -> None:
    numbers = range(-8, 9)

    def of(some: Range) -> set[int]:
        low, high = some
        return {n for n in numbers if (low is None or n >= low) and (high is None or n < high)}

    assert of(one.both(other)) == of(one) & of(other)
    if one.within(other):
        assert of(one) <= of(other)
    if one.empty:
        assert not of(one)
