"""Counts over customers and what they come to: coverage, doubles, silent sources, fields nobody reads."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.load import load_rule_set
from headrace.rules.model import RuleSet
from headrace.segmentation.audit.report import readers_of, report
from headrace.segmentation.audit.tally import FIELDS, Tally, day_of
from headrace.segmentation.codec import encode_entry
from headrace.segmentation.state import Entry, Place, Profile, Series, Standing, State

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
KEY = b"k" * 16
RULES = """
store: {timezone: Europe/London, currency: GBP}
groups: [{name: Gold}]
group_order: [Gold]
segments:
  - {id: vip, who: {all: [{customer.spend: {above: 10}}, {not: {customer.company: {is: acme}}}]}, group: Gold}
  - {id: near, who: {customer.addresses: {any: {city: Leeds}}}, attributes: {near: "1"}}
  - {id: rich, who: {customer.income: {above: 10}}, attributes: {rich: "1"}}
"""


def profile(**more: Any) -> Profile:
    made = datetime(2026, 1, 1, tzinfo=UTC)
    return Profile("1", made, made, **{"group": "", **more})


def state(name: str = "1", *, orders: tuple[datetime, ...] = (), **more: Any) -> State:
    ledger = {str(number): encode_entry(entry(at)) for number, at in enumerate(orders)}
    return State(f"s:{name}", ledger=ledger, **more)


def entry(at: datetime) -> Entry:
    return Entry("1", "completed", at, 100, 100, 100, 1, b"")


def tallied(*states: State) -> Tally:
    tally = Tally(KEY)
    for one in states:
        tally.add(one)
    return tally


def codes(tally: Tally, rules: RuleSet | None = None, now: datetime | None = NOW) -> list[str]:
    return [finding["code"] for finding in report(tally, rules, now)["findings"]]


@pytest.fixture
def rules(tmp_path: Path) -> RuleSet:
    (tmp_path / "rules.yaml").write_text(RULES)
    loaded = load_rule_set([tmp_path])
    assert loaded.rule_set is not None, loaded.findings
    return loaded.rule_set


def test_tally__customers_guests_and_graves() -> None:
    tally = tallied(state("1"), state("guest-ab"), state("2", deleted=True))
    assert (tally.customers, tally.guests) == (1, 1)


def test_coverage__of_customers_with_an_account_alone() -> None:
    place = Place(country="GB", city="leeds")
    tally = tallied(
        state(
            "1", profile=profile(email="a@x.example", phone="0123", places=(place,), form={"income": "9", "size": ""})
        ),
        state("2", profile=profile(subscribed=False)),
        state("guest-ab", profile=profile(email="g@x.example")),
    )
    found = {one["field"]: (one["set"], one["share"]) for one in report(tally, None, NOW)["coverage"]}
    assert {name for name, (count, _) in found.items() if count} == {
        *("customer.email", "customer.phone", "customer.subscribed", "customer.addresses"),
        *("customer.addresses.country", "customer.addresses.city", "customer.form.income"),
    }
    assert found["customer.email"] == (1, 0.5)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ({"email": "A@x.example"}, {"email": "a@X.example "}, "email"),
        ({"phone": "+44 20 7946 0018"}, {"phone": "020 7946 0018"}, "phone"),
        (
            {"first_name": "Åsa", "last_name": "B", "places": (Place(zip="ls1"),)},
            {"first_name": "ASA", "last_name": "b", "places": (Place(zip="m1"), Place(zip="ls1"))},
            "name and postcode",
        ),
    ],
)
def test_duplicates__alike__are_named_together(one: Any, other: Any, alike: str) -> None:
    tally = tallied(state("1", profile=profile(**one)), state("guest-2", profile=profile(**other)))
    (found,) = report(tally, None, NOW)["duplicates"]
    assert (found["alike_in"], found["count"]) == (alike, 1)
    assert found["sets"] == [{"customers": ["s:1", "s:guest-2"], "count": 2}]
    assert "duplicates" in codes(tally)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"phone": "12 34"}, {"phone": "1234"}),
        ({"first_name": "A", "places": (Place(zip="ls1"),)}, {"first_name": "A", "places": (Place(zip="ls1"),)}),
        ({"email": None}, {"email": ""}),
    ],
)
def test_duplicates__too_little_in_common__are_none(one: Any, other: Any) -> None:
    tally = tallied(state("1", profile=profile(**one)), state("2", profile=profile(**other)))
    assert report(tally, None, NOW)["duplicates"] == []


@pytest.mark.parametrize(("silent_for", "silent"), [(3, False), (4, True)])
def test_sources__every_day_and_then_nothing__are_silent_after_more_than_three_days(
    silent_for: int, *, silent: bool
) -> None:
    days = [NOW - timedelta(days=silent_for + number) for number in range(30)]
    tally = tallied(state("1", orders=tuple(days)))
    (orders,) = [one for one in report(tally, None, NOW)["sources"] if one["source"] == "orders"]
    assert (orders["silent_days"], orders["usual_pause_days"], orders["silent"]) == (silent_for, 1, silent)
    assert ("silent_source" in codes(tally)) is silent


def test_sources__weekly_ones__may_pause_for_three_weeks() -> None:
    def tally(since: int) -> Tally:
        return tallied(state("1", orders=tuple(NOW - timedelta(days=since + 7 * number) for number in range(20))))

    assert "silent_source" not in codes(tally(21))
    assert "silent_source" in codes(tally(22))


def test_sources__too_few_days_or_no_clock__nothing_is_called_silent() -> None:
    few = tallied(state("1", orders=tuple(NOW - timedelta(days=100 + number) for number in range(9))))
    assert "silent_source" not in codes(few)
    many = tallied(state("1", orders=tuple(NOW - timedelta(days=100 + number) for number in range(30))))
    assert "silent_source" not in codes(many, now=None)


def test_sources__visits__are_counted_by_day() -> None:
    midnight = day_of(NOW) * 86_400
    tally = tallied(state("1", visits=Series((midnight - 86_400, midnight), (2, 3))))
    (visits,) = [one for one in report(tally, None, NOW)["sources"] if one["source"] == "visits"]
    assert (visits["count"], visits["last_day"], visits["silent_days"]) == (5, "2026-06-01", 0)


def test_readers_of__conditions_within_not_and_lists(rules: RuleSet) -> None:
    found = readers_of(rules)
    assert found["customer.company"] == ["segment:vip"]
    assert found["customer.addresses.city"] == ["segment:near"]
    assert found["customer.form.income"] == ["segment:rich"]


def test_findings__read_and_hardly_known__known_and_not_read__few_members(rules: RuleSet) -> None:
    states = [
        state(str(number), profile=profile(phone="5", company="acme" if number == 1 else "")) for number in range(40)
    ]
    states.append(state("vip", profile=profile(), standing=Standing(("vip",))))
    found = {(one["code"], one["message"].split(",")[0]) for one in report(tallied(*states), rules, NOW)["findings"]}
    assert ("rarely_set", "customer.company") in found
    assert ("not_read", "no rule reads customer.phone (98% have it)") in found
    assert ("tiny", "segments with fewer than 10 members: vip (1)") in found


STATES = st.lists(
    st.builds(
        lambda name, email, at: state(name, profile=profile(email=email), orders=(NOW - timedelta(days=at),)),
        st.text("0123456789", min_size=1, max_size=3),
        st.sampled_from(["a@x.example", "b@x.example", None]),
        st.integers(0, 50),
    ),
    max_size=12,
)


@given(states=STATES, at=st.integers(0, 12))
def test_merge__parts_in_any_split__are_the_whole(states: list[State], at: int) -> None:
    whole, part = tallied(*states), tallied(*states[:at])
    part.merge(tallied(*states[at:]))
    assert report(part, None, NOW) == report(whole, None, NOW)


def test_fields__have_the_names_that_rules_have_for_them(tmp_path: Path) -> None:
    """But the parts of an address, which rules name within it."""
    for name in FIELDS:
        if name.count(".") == 1 and name not in ("customer.addresses", "customer.subscribed"):
            operator = "above: 1" if name == "customer.store_credit" else "is_set: true"
            (tmp_path / "rules.yaml").write_text(
                "store: {timezone: Europe/London, currency: GBP}\n"
                f"segments: [{{id: a, who: {{{name}: {{{operator}}}}}, attributes: {{a: b}}}}]\n"
            )
            loaded = load_rule_set([tmp_path])
            assert loaded.rule_set is not None, (name, loaded.findings)
