"""The labels a customer has: who claims one first, what is barred, and both ways of reading them."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.segmentation.facts import folded
from headrace.segmentation.given import Claimed, claim
from headrace.segmentation.present import folded_attributes, folded_tags, labels_told, sourced_attributes
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


def attributes_of(claims: Claims, standing: Standing) -> Claimed:
    return sourced_attributes(RULES.giving.of(standing), claims)


def tags_of(claims: Claims, standing: Standing) -> Claimed:
    """What the rules' tags and the segments' come to, one after the other, without what is barred."""
    found = Claimed()
    for latch in claims.latched.values():
        claim(found, latch.tags, "rule")
    for platform, names in RULES.giving.of(standing).tags.items():
        claim(found, {platform: tuple(names)}, "segment")
    left = {
        platform: {name: source for name, source in names.items() if name not in claims.barred_tags.get(platform, {})}
        for platform, names in found.items()
    }
    return {platform: names for platform, names in left.items() if names}


def test_sourced_attributes__several_claim_one_value__rules_before_segments_before_hand() -> None:
    claims = Claims({"r": Latch(moment("2026-01-01"), 0, attributes={"Tier": ("Big",)})}, {"Area": ("North", "South")})
    assert attributes_of(claims, Standing(("big", "vip"))) == {
        "Tier": {"Big": "rule:r", "VIP": "segment:big"},
        "Area": {"North": "segment:vip", "South": "set"},
    }


def test_labels__barred__nobody_has_them() -> None:
    claims = Claims(barred_attributes={"Tier": {"VIP": "r"}}, barred_tags={"mailchimp": {"VIP": "r"}})
    assert attributes_of(claims, Standing(("vip",))) == {"Area": {"North": "segment:vip"}}
    assert labels_told(RULES.giving.of(Standing(("vip",))), claims) == ({"Area": ("North",)}, {})


@given(CLAIMS, STANDINGS, NAMES)
def test_folded__any_claims__are_those_that_somebody_has(claims: Claims, standing: Standing, name: str) -> None:
    labels, tags = folded_attributes(RULES, claims, standing), folded_tags(RULES, claims, standing)
    expected = {one: set(map(folded, values)) for one, values in attributes_of(claims, standing).items()}
    assert dict(labels) == expected
    assert set(labels.get(name, ())) == expected.get(name, set())
    assert dict(tags) == {one: set(map(folded, values)) for one, values in tags_of(claims, standing).items()}


@given(CLAIMS, STANDINGS)
def test_labels_told__any_claims__are_those_that_somebody_has_sorted(claims: Claims, standing: Standing) -> None:
    found = attributes_of(claims, standing), tags_of(claims, standing)
    for told, labels in zip(labels_told(RULES.giving.of(standing), claims), found, strict=True):
        assert list(told.items()) == [(name, tuple(sorted(labels[name]))) for name in sorted(labels)]


def test_labels_told__nothing_but_segments__is_shared_by_all_who_stand_there() -> None:
    given_here = RULES.giving.of(Standing(("vip",)))
    attributes, tags = labels_told(given_here, Claims({"r": Latch(moment("2026-01-01"), 0, "Gold")}))
    assert attributes is given_here.attributes_told
    assert tags is given_here.tags_told


@given(CLAIMS, STANDINGS)
def test_sourced_attributes__asked_again__what_segments_give_is_as_it_was(claims: Claims, standing: Standing) -> None:
    before = attributes_of(Claims(), standing)
    attributes_of(claims, standing)
    assert attributes_of(Claims(), standing) == before
