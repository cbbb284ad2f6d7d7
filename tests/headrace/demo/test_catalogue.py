"""Brand and category at the edges of the stated rule."""

import pytest

from headrace.demo.catalogue import brand, category
from headrace.demo.countries import Country, country


@pytest.mark.parametrize(
    ("sku", "expected"),
    [
        ("10002", "Pennyfarthing"),
        ("20725", "Oakfield"),
        ("21730", "Regency"),
        ("22064", "Lantern"),
        ("23007", "Own label"),
        ("35004B", "Tinsel"),
        ("47566", "Tinsel"),
        ("51014A", "Hearth"),
        ("79323P", "Orchard"),
        ("81001", "Own label"),
        ("82494L", "Hearth"),
        ("84029E", "Meadow"),
        ("85123A", "Harbour"),
        ("90214C", "Bijou"),
        ("DCGS0003", "Own label"),
        ("9", "Own label"),
        ("", "Own label"),
    ],
)
def test_brand__leading_digits__decide(sku: str, expected: str) -> None:
    assert brand(sku) == expected


@pytest.mark.parametrize(
    ("sku", "expected"),
    [
        ("22060", "Kitchen"),
        ("22063B", "Decoration"),
        ("22065", "Gifts"),
        ("85123A7", "Decoration"),
        ("22067", "Stationery"),
        ("22068", "Garden"),
        ("22069", "Christmas"),
        ("DCGS0003", "Other"),
    ],
)
def test_category__last_digit_of_the_leading_number__decides(sku: str, expected: str) -> None:
    assert category(sku) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("United Kingdom", Country("GB", "United Kingdom")),
        ("EIRE", Country("IE", "Ireland")),
        ("RSA", Country("ZA", "South Africa")),
        ("Germany", Country("DE", "Germany")),
        ("Unspecified", None),
        ("Atlantis", None),
        ("", None),
    ],
)
def test_country__name_in_the_file__is_its_iso_code(name: str, expected: Country | None) -> None:
    assert country(name) == expected
