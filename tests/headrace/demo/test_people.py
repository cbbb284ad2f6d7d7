"""The made-up people: the same for the same seed, and never twice the same address."""

from headrace.demo import people
from headrace.demo.oracle import is_wholesale


def test_customer__same_seed__is_the_same_person() -> None:
    assert people.customer(13085, "France", seed=7) == people.customer(13085, "France", seed=7)


def test_customer__another_seed__is_another() -> None:
    assert people.customer(13085, "France", seed=7) != people.customer(13085, "France", seed=8)


def test_people__many__have_addresses_of_their_own() -> None:
    crowd = [people.customer(number, "Spain", seed=1) for number in range(1, 3000)]
    crowd += [people.guest(str(number), "Spain", seed=1) for number in range(1, 3000)]
    assert len({person.email for person in crowd}) == len(crowd)
    assert all(person.email.endswith(".example") and person.email.isascii() for person in crowd)


def test_people__shares__include_some_wholesale_and_near_misses_but_no_guest() -> None:
    crowd = [people.customer(number, "Spain", seed=1) for number in range(1, 3000)]
    wholesale = [person for person in crowd if is_wholesale(person.email_domain)]
    assert 0.02 < len(wholesale) / len(crowd) < 0.06
    assert all(person.company for person in wholesale)
    assert any(person.email_domain == "notbrightstores.example" for person in crowd)
    guests = [people.guest(str(number), "Spain", seed=1) for number in range(3000)]
    assert not any(is_wholesale(guest.email_domain) or guest.subscribed for guest in guests)


def test_customer__no_country__has_no_city() -> None:
    person = people.customer(1, "Unspecified", seed=1)
    assert (person.country, person.city) == (None, "")
