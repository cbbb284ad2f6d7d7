"""Country and state names, normalised: what a merchant writes and what a store knows end in the same word.

Pure look-ups in ISO 3166 (pycountry) plus the names people use; no radius, no addresses, no I/O.
"""

from functools import cache
from typing import Final

import pycountry

from headrace.rules.model import fold

_SPOKEN: Final = {
    "usa": "US",
    "u.s.": "US",
    "u.s.a.": "US",
    "america": "US",
    "united states of america": "US",
    "uk": "GB",
    "u.k.": "GB",
    "great britain": "GB",
    "britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northern ireland": "GB",
    "eire": "IE",
    "republic of ireland": "IE",
    "holland": "NL",
    "the netherlands": "NL",
    "czech republic": "CZ",
    "russia": "RU",
    "south korea": "KR",
    "korea": "KR",
    "north korea": "KP",
    "vietnam": "VN",
    "uae": "AE",
    "rsa": "ZA",
    "turkey": "TR",
    "ivory coast": "CI",
    "swaziland": "SZ",
    "macedonia": "MK",
    "cape verde": "CV",
    "burma": "MM",
    "hong kong sar": "HK",
    "macau": "MO",
    "laos": "LA",
    "syria": "SY",
    "iran": "IR",
    "brunei": "BN",
    "kosovo": "XK",
}
CODE_COUNTRIES: Final = ("US", "CA", "AU")
"""Where a bare two- or three-letter state code is understood without its country being named."""


@cache
def _countries() -> dict[str, str]:
    found: dict[str, str] = {}
    for country in pycountry.countries:
        names = [country.alpha_2, country.alpha_3, country.name]
        names += [getattr(country, kind, "") for kind in ("official_name", "common_name")]
        found.update({fold(name): country.alpha_2 for name in names if name})
    return found | _SPOKEN


@cache
def _states(code: str) -> dict[str, str]:
    """Folded code or name -> folded name, of one country."""
    found: dict[str, str] = {}
    for state in pycountry.subdivisions.get(country_code=code) or ():  # type: ignore[no-untyped-call]  # untyped in pycountry
        name = fold(state.name)
        found.setdefault(name, name)
        found[fold(state.code.partition("-")[2])] = name
    return found


def country_code(text: str) -> str | None:
    """The ISO 3166 two-letter code, upper case, of a name or code; None when nobody calls a country that."""
    return _countries().get(fold(text))


def country_names() -> tuple[str, ...]:
    """Every folded name and code that `country_code` understands."""
    return tuple(_countries())


def state_name(country_code: str, text: str) -> str:
    """The folded full name of a state: `("US", "NY")` is "new york". What is not known stays as written, folded.

    An empty `country_code` reads a bare code as one of `CODE_COUNTRIES`, if just one of them has it.
    """
    folded = fold(text)
    if country_code:
        return _states(country_code.upper()).get(folded, folded)
    readings = states_meant(folded)
    return readings[0] if len(readings) == 1 else folded


def states_meant(text: str) -> tuple[str, ...]:
    """The different folded names a state written without its country may stand for; none = unknown."""
    folded = fold(text)
    return tuple(dict.fromkeys(_states(code)[folded] for code in CODE_COUNTRIES if folded in _states(code)))


def knows_states(country_code: str) -> bool:
    """Whether the states of this country are listed at all."""
    return bool(_states(country_code.upper()))


def state_names(country_code: str) -> tuple[str, ...]:
    """Every folded name and code of the country's states."""
    return tuple(_states(country_code.upper()))
