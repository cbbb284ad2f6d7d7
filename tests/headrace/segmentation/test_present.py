"""The labels a customer has: who claims one first, what is barred, and both ways of reading them."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.segmentation.facts import folded
from headrace.segmentation.present import folded_labels, labels_told, present
from headrace.segmentation.state import Claims, Latch, Standing
from tests.headrace.segmentation.story import compiled, moment

RULES = compiled(
    "segments:\n"
    "  - {id: vip, who: {customer.orders: {above: 2}}, attributes: {Tier: VIP, Area: North}, tags: {mailchimp: VIP}}\n"
    "  - {id: big, who: {customer.spend: {above: 2}}, attributes: {Tier: [VIP, Big]}}\n"
)
NAMES = st.sampled_from(["Tier", "Area", "Other"])
VALUES = st.lists(st.sampled_from(["VIP", "Big", "North", "Straße"]), max_size=3, unique=True).map(tuple)
LABELS = st.dictionaries(NAMES, VALUES, max_size=3)
BARS = st.dictionaries(NAMES, st.dictionaries(st.sampled_from(["VIP", "North"]), st.just("r"), min_size=1), max_size=2)
TAGS = st.dictionaries(st.sampled_from(["mailchimp", "mailchimp.lists", "klaviyo"]), VALUES, max_size=2)
TAG_BARS = st.dictionaries(st.just("mailchimp"), st.just({"VIP": "r"}))
CLAIMS = st.builds(
    lambda rules, manual, bars, tag_bars: Claims(
        {rule: Latch(moment("2026-01-01"), 0, None, *labels) for rule, labels in rules.items()}, manual, bars, tag_bars
    ),
    st.dictionaries(st.sampled_from(["a", "b"]), st.tuples(LABELS, TAGS)),
    LABELS,
    BARS,
    TAG_BARS,
)
STANDINGS = st.sampled_from([Standing(), Standing(("vip",)), Standing(("big", "vip"))])


def test_present__several_claim_one_value__rules_before_segments_before_hand() -> None:
    claims = Claims({"r": Latch(moment("2026-01-01"), 0, attributes={"Tier": ("Big",)})}, {"Area": ("North", "South")})
    found = present(RULES, claims, Standing(("big", "vip")))
    assert found.attributes == {
        "Tier": {"Big": "rule:r", "VIP": "segment:big"},
        "Area": {"North": "segment:vip", "South": "set"},
    }
    assert found.tags == {"mailchimp": {"VIP": "segment:vip"}}


def test_present__barred__nobody_has_it() -> None:
    claims = Claims(barred_attributes={"Tier": {"VIP": "r"}}, barred_tags={"mailchimp": {"VIP": "r"}})
    found = present(RULES, claims, Standing(("vip",)))
    assert found.attributes == {"Area": {"North": "segment:vip"}}
    assert found.tags == {}


@given(CLAIMS, STANDINGS, NAMES)
def test_folded_labels__any_claims__are_the_present_ones(claims: Claims, standing: Standing, name: str) -> None:
    labels, tags = folded_labels(RULES, claims, standing)
    found = present(RULES, claims, standing)
    expected = {one: set(map(folded, values)) for one, values in found.attributes.items()}
    assert dict(labels) == expected
    assert set(labels.get(name, ())) == expected.get(name, set())
    assert dict(tags) == {one: set(map(folded, values)) for one, values in found.tags.items()}


@given(CLAIMS, STANDINGS)
def test_labels_told__any_claims__are_the_present_ones_sorted(claims: Claims, standing: Standing) -> None:
    found = present(RULES, claims, standing)
    for told, labels in zip(
        labels_told(RULES.giving.of(standing), claims), (found.attributes, found.tags), strict=True
    ):
        assert list(told.items()) == [(name, tuple(sorted(labels[name]))) for name in sorted(labels)]


def test_labels_told__nothing_but_segments__is_shared_by_all_who_stand_there() -> None:
    given_here = RULES.giving.of(Standing(("vip",)))
    attributes, tags = labels_told(given_here, Claims({"r": Latch(moment("2026-01-01"), 0, "Gold")}))
    assert attributes is given_here.attributes_told
    assert tags is given_here.tags_told


@given(CLAIMS, STANDINGS)
def test_present__asked_again__what_segments_give_is_as_it_was(claims: Claims, standing: Standing) -> None:
    before = present(RULES, Claims(), standing)
    present(RULES, claims, standing)
    assert present(RULES, Claims(), standing) == before
