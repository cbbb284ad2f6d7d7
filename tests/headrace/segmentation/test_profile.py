"""A customer's own facts, normalised."""

from datetime import UTC, datetime

import pytest

from headrace.contracts.events import Address, CustomerPersonal, CustomerSnapshot, OrderPersonal, OrderSnapshot
from headrace.segmentation.profile import guest_profile, place_of, profile_of, same_facts
from headrace.segmentation.state import Place, Profile

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        (
            Address(country_code="us", state="NY", city=" New  York ", postcode="10001"),
            Place("US", "new york", "new york", "10001"),
        ),
        (Address(country="United Kingdom", city="Zürich"), Place("GB", "", "zurich", "")),
        (Address(country="England"), Place("GB")),
        (Address(country="Atlantis", state="Deep"), Place("ATLANTIS", "deep")),
        (Address(), Place()),
    ],
)
def test_place_of__names_and_codes__become_one_word(address: Address, place: Place) -> None:
    assert place_of(address) == place


def test_profile_of__every_fact_another__each_in_its_field() -> None:
    snapshot = CustomerSnapshot(
        customer_id="7",
        created_at=NOW,
        modified_at=NOW.replace(day=2),
        group="Gold",
        email_domain="a.example",
        company="Acme",
        subscribed=True,
        addresses=(Address(country="England"),),
        store_credit=5,
        consents={"Text Messages": True},
        personal=CustomerPersonal(
            email="ann@a.example",
            first_name="Ann",
            last_name="Lee",
            phone="1",
            birthday="1990-05-17",
            form={"Shirt Size": "M", "none": " "},
        ),
    )
    assert profile_of(snapshot, "r1") == Profile(
        revision="r1",
        created_at=NOW,
        modified_at=NOW.replace(day=2),
        group="Gold",
        email="ann@a.example",
        first_name="Ann",
        last_name="Lee",
        phone="1",
        email_domain="a.example",
        company="Acme",
        subscribed=True,
        places=(Place("GB"),),
        store_credit=5,
        consents={"text_messages": True},
        form={"shirt_size": "M"},
        birthday="1990-05-17",
    )


def test_same_facts__only_group_and_times_differ__is_the_same() -> None:
    one = CustomerSnapshot(customer_id="7", created_at=NOW, modified_at=NOW, group="Gold")
    other = CustomerSnapshot(customer_id="7", created_at=NOW, modified_at=NOW.replace(day=2), group="Silver")
    assert same_facts(profile_of(one, "r1"), profile_of(other, "r2"))
    named = CustomerSnapshot(
        customer_id="7", created_at=NOW, modified_at=NOW, personal=CustomerPersonal(first_name="Ann")
    )
    assert not same_facts(profile_of(one, "r1"), profile_of(named, "r2"))


def test_guest_profile__two_orders__newest_revision_wins_whatever_comes_first() -> None:
    first, second = (
        OrderSnapshot(
            order_id=number,
            status="completed",
            created_at=NOW,
            modified_at=NOW,
            currency="GBP",
            total=1,
            subtotal=1,
            total_excluding_tax=1,
            personal=OrderPersonal(email="Ann@Example.org", first_name=name),
        )
        for number, name in (("1", "Ann"), ("2", "Anna"))
    )
    forth = guest_profile(guest_profile(None, first, "r1"), second, "r1")
    back = guest_profile(guest_profile(None, second, "r1"), first, "r1")
    assert forth == back
    assert forth is not None
    assert (forth.first_name, forth.email_domain, forth.group) == ("Anna", "example.org", None)
