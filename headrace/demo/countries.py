"""The file's country names as ISO 3166 codes and the names a store would show.

Names unknown to both the table and the ISO list give None: such a customer has no address.
"""

from functools import cache
from typing import Final, NamedTuple

import pycountry


class Country(NamedTuple):
    """ISO 3166-1 alpha-2 code and the store's spelling."""

    code: str
    name: str


_SPECIAL: Final = {
    "EIRE": Country("IE", "Ireland"),
    "USA": Country("US", "United States"),
    "RSA": Country("ZA", "South Africa"),
    "Korea": Country("KR", "South Korea"),
    # Neither is one country; the nearest that is.
    "Channel Islands": Country("JE", "Jersey"),
    "West Indies": Country("BB", "Barbados"),
}
_NO_COUNTRY: Final = frozenset(["", "Unspecified", "European Community"])

CITIES: Final = {
    "GB": ("London", "Leeds", "Bristol", "Norwich", "Glasgow", "Cardiff"),
    "IE": ("Dublin", "Cork", "Galway"),
    "DE": ("Hamburg", "Köln", "München"),
    "FR": ("Lyon", "Nantes", "Paris"),
    "NL": ("Utrecht", "Rotterdam"),
    "ES": ("Sevilla", "Bilbao"),
    "BE": ("Gent", "Liège"),
    "CH": ("Zürich", "Genève"),
    "PT": ("Porto", "Évora"),
    "AU": ("Sydney", "Perth"),
}


@cache
def country(name: str) -> Country | None:
    """`EIRE` is Ireland; `Unspecified` is None."""
    if name in _NO_COUNTRY:
        return None
    if special := _SPECIAL.get(name):
        return special
    try:
        found = pycountry.countries.lookup(name)
    except LookupError:
        return None
    return Country(found.alpha_2, name)
