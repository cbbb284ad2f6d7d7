"""Made-up customers for a shop's numbers: the same seed gives the same people, whatever is read of the file.

All domains end in `.example`: no mail can reach anyone. Who buys what comes from the shop alone.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

from headrace.demo.countries import CITIES, Country, country

WHOLESALE_DOMAINS: Final = ("northgate-wholesale.example", "brightstores.example")
_WHOLESALE_HOSTS: Final = (*WHOLESALE_DOMAINS, "orders.northgate-wholesale.example", "leeds.brightstores.example")
_NEAR_MISSES: Final = ("notbrightstores.example", "northgate-wholesale.example.test.example", "brightstores.co.example")
_DOMAINS: Final = ("letterbox.example", "inbox.example", "postbag.example", "kitchentable.example", "quaymail.example")
_WHOLESALE_SHARE: Final = 0.04
_NEAR_MISS_SHARE: Final = 0.02
_COMPANY_SHARE: Final = 0.25
_SUBSCRIBED_SHARE: Final = 0.55

_FIRST: Final = (
    *("Ada", "Amir", "Beatrix", "Cormac", "Dilys", "Edwin", "Farah", "Greta", "Hugo", "Imogen", "Jonas", "Kezia"),
    *("Linus", "Mabel", "Noor", "Oscar", "Petra", "Quentin", "Rosa", "Silas", "Tamsin", "Ursula", "Viggo", "Zoë"),
)
_LAST: Final = (
    *("Abbott", "Bramley", "Carver", "Dunmore", "Eastwood", "Fenwick", "Garside", "Holloway", "Inglis", "Jessop"),
    *("Kestrel", "Larkin", "Marlow", "Norwood", "O'Hara", "Pickering", "Quayle", "Redfern", "Stanhope", "Thorne"),
    *("Underhill", "Vance", "Whitlock", "Yarrow"),
)
_TRADES: Final = ("Gifts", "Interiors", "Trading", "Stores", "Emporium")
_SUFFIXES: Final = ("Ltd", "LLP", "& Co", "plc")


@dataclass(frozen=True, slots=True)
class Person:
    """A customer (`customer` > 0) or the buyer of one guest invoice (0). `country` None: no address."""

    customer: int
    email: str
    first_name: str
    last_name: str
    company: str
    phone: str
    country: Country | None
    city: str
    postcode: str
    street: str
    subscribed: bool

    @property
    def email_domain(self) -> str:
        """What follows the @."""
        return self.email.rpartition("@")[2]


def customer(number: int, country_name: str, *, seed: int) -> Person:
    """The customer of this number in the file; e-mail addresses never repeat (they hold the number)."""
    return _person(Random(f"{seed}/customer/{number}"), number, str(number), country_name)


def guest(invoice: str, country_name: str, *, seed: int) -> Person:
    """The buyer of a guest's invoice: an e-mail address of its own, no newsletter."""
    return _person(Random(f"{seed}/guest/{invoice}"), 0, f"guest{invoice.casefold()}", country_name)


def _person(random: Random, number: int, unique: str, country_name: str) -> Person:
    first, last = random.choice(_FIRST), random.choice(_LAST)
    place = country(country_name)
    wholesale = random.random() < _WHOLESALE_SHARE and number > 0
    domain = random.choice(_WHOLESALE_HOSTS) if wholesale else _domain(random)
    company = f"{last} {random.choice(_TRADES)} {random.choice(_SUFFIXES)}"
    has_company = random.random() < _COMPANY_SHARE or wholesale
    return Person(
        customer=number,
        email=f"{_ascii(first)}.{_ascii(last)}.{unique}@{domain}",
        first_name=first,
        last_name=last,
        company=company if has_company else "",
        phone=f"+44 1632 96{random.randrange(10_000):04d}",  # a range kept for fiction
        country=place,
        city=random.choice(CITIES.get(place.code, ("Harbour Town",))) if place else "",
        postcode=f"HR{random.randrange(1, 30)} {random.randrange(1, 10)}AB",
        street=f"{random.randrange(1, 200)} Mill Lane",
        subscribed=random.random() < _SUBSCRIBED_SHARE and number > 0,
    )


def _domain(random: Random) -> str:
    near_miss = random.random() < _NEAR_MISS_SHARE
    return random.choice(_NEAR_MISSES if near_miss else _DOMAINS)


def _ascii(name: str) -> str:
    return "".join(letter for letter in name.casefold().replace("ë", "e") if letter.isalpha())
