"""What the shop's file does not tell of its goods: brand and category of a stock code, by a stated rule.

The rule set of the demo names these brands; the people are made up in `people.py`.
"""

import re
from functools import cache
from typing import Final

OWN_LABEL: Final = "Own label"
OTHER: Final = "Other"
_BRANDS: Final = {
    **dict.fromkeys("1", "Pennyfarthing"),
    **dict.fromkeys("34", "Tinsel"),
    **dict.fromkeys("56", "Hearth"),
    "7": "Orchard",
    "9": "Bijou",
}
_BRANDS_OF_TWO: Final = {
    "20": "Oakfield",
    "21": "Regency",
    "22": "Lantern",
    "82": "Hearth",
    "84": "Meadow",
    "85": "Harbour",
}
_CATEGORIES: Final = {
    **dict.fromkeys("01", "Kitchen"),
    **dict.fromkeys("23", "Decoration"),
    **dict.fromkeys("45", "Gifts"),
    **dict.fromkeys("67", "Stationery"),
    "8": "Garden",
    "9": "Christmas",
}


@cache
def brand(sku: str) -> str:
    """By the leading two digits of the stock code; codes that begin otherwise are the shop's own label."""
    lead = sku[:2]
    if not re.fullmatch(r"[0-9]{2}", lead):
        return OWN_LABEL
    return _BRANDS_OF_TWO.get(lead) or _BRANDS.get(lead[0], OWN_LABEL)


@cache
def category(sku: str) -> str:
    """By the last digit of the number the stock code begins with."""
    number = re.match(r"[0-9]+", sku)
    return _CATEGORIES[number[0][-1]] if number else OTHER
