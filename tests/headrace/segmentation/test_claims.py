"""Claims: fired, ended, barred, kept by rule."""

from datetime import UTC, datetime, timedelta

from headrace.rules.model import AddAttribute, AddTag, AssignGroup, RemoveAttribute, RemoveTag, Tag
from headrace.segmentation.claims import fire, keep_rules, lift, set_by_hand
from headrace.segmentation.state import Claims

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VIP = Tag(platform="mailchimp", name="VIP")


def test_fire__twice__is_the_same_claims_object() -> None:
    then = (AssignGroup(group="Apple"), AddAttribute(values={"a": ("x", "y")}), AddTag(tags=(VIP,)))
    once = fire(Claims(), "r", then, fact_at=NOW, offset=1)
    assert fire(once, "r", then, fact_at=NOW, offset=2) is once
    assert once.latched["r"].group == "Apple"


def test_fire__older_fact__keeps_the_newest_time() -> None:
    then = (AssignGroup(group="Apple"),)
    newer = fire(Claims(), "r", then, fact_at=NOW, offset=1)
    assert fire(newer, "r", then, fact_at=NOW - timedelta(1), offset=2) is newer
    later = NOW + timedelta(1)
    assert fire(newer, "r", then, fact_at=later, offset=3).latched["r"].fact_at == later


def test_fire__removal__ends_every_claim_and_bars() -> None:
    claims = fire(Claims(), "a", (AddAttribute(values={"i": ("x", "y")}),), fact_at=NOW, offset=1)
    claims = set_by_hand(claims, "i", ("x",))
    claims = fire(claims, "b", (RemoveAttribute(values={"i": ("x",)}),), fact_at=NOW, offset=2)
    assert claims.latched["a"].attributes == {"i": ("y",)}
    assert claims.manual == {}
    assert claims.barred_attributes == {"i": {"x": "b"}}


def test_fire__claimed_anew__lifts_the_bar() -> None:
    claims = fire(Claims(), "a", (RemoveTag(tags=(VIP,)),), fact_at=NOW, offset=1)
    assert claims.latched == {}
    claims = fire(claims, "b", (AddTag(tags=(VIP,)),), fact_at=NOW, offset=2)
    assert claims.barred_tags == {}
    assert claims.latched["b"].tags == {"mailchimp": ("VIP",)}


def test_fire__last_claim_of_a_rule_ended__rule_is_forgotten() -> None:
    claims = fire(Claims(), "a", (AddTag(tags=(VIP,)),), fact_at=NOW, offset=1)
    assert fire(claims, "b", (RemoveTag(tags=(VIP,)),), fact_at=NOW, offset=2).latched == {}


def test_set_by_hand__barred_value__is_claimed_anew() -> None:
    claims = fire(Claims(), "a", (RemoveAttribute(values={"i": ("x", "y")}),), fact_at=NOW, offset=1)
    claims = set_by_hand(claims, "i", ("x",))
    assert claims.barred_attributes == {"i": {"y": "a"}}
    assert claims.manual == {"i": ("x",)}


def test_lift__nothing_barred__is_the_same_object() -> None:
    claims = Claims()
    assert lift(claims, {"a": ("x",)}, {"mailchimp": ("VIP",)}) is claims


def test_keep_rules__gone_and_renamed__dropped_and_carried_over() -> None:
    claims = fire(Claims(), "old", (AssignGroup(group="A"),), fact_at=NOW, offset=1)
    claims = fire(
        claims, "gone", (AssignGroup(group="B"), RemoveAttribute(values={"i": ("x",)})), fact_at=NOW, offset=1
    )
    claims = fire(claims, "old", (RemoveTag(tags=(VIP,)),), fact_at=NOW, offset=1)
    kept = keep_rules(claims, frozenset({"new"}), {"old": "new"})
    assert set(kept.latched) == {"new"}
    assert kept.barred_attributes == {}
    assert kept.barred_tags == {"mailchimp": {"VIP": "new"}}
