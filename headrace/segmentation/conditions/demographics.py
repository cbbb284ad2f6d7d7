"""What customers declared of themselves: gender, education, income, any form field. Never inferred, never shown.

A field that was not filled in is unset. Income is an amount in the store's currency where the text is one.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from headrace.contracts.money import to_minor
from headrace.rules.model import Leaf
from headrace.segmentation.facts import Facts, folded

FORM: Final = "customer.form."
INCOME: Final = "customer.income"
_FIELDS: Final = {
    "customer.gender": "gender",
    "customer.marital_status": "marital_status",
    "customer.education": "education",
}
_PLAIN: Final = re.compile(r"[0-9]{1,12}(?:[.][0-9]{1,2})?")
_COMMAS: Final = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:[.][0-9]{1,2})?")
_OTHER_MARKS: Final = re.compile(r"[0-9]{1,3}(?:[ '\u2019\u00a0\u202f][0-9]{3})+(?:[.,][0-9]{1,2})?")
_POINTS: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]{1,2})?")
_AROUND: Final = re.compile(r"^(?:[A-Z]{3}\b|[$€£¥₹₩₽])?\s*(.*?)\s*(?:[A-Z]{3}|[$€£¥₹₩₽])?$")


def is_declared(field: str) -> bool:
    """The field is a text of this family."""
    return field in _FIELDS or field.startswith(FORM)


def reader(field: str) -> Callable[[Facts], str | None]:
    """The folded text that was declared, None where there is none."""
    key = _FIELDS.get(field) or field.removeprefix(FORM)

    def read(facts: Facts) -> str | None:
        return None if facts.profile is None else folded(facts.profile.form.get(key, "")) or None

    return read


def income(currency: str) -> Callable[[Facts], int | None]:
    """Minor units, None for nothing and for what is no amount: `50,000`, `$50000`; not `50k`, not a range."""

    def read(facts: Facts) -> int | None:
        declared = None if facts.profile is None else facts.profile.form.get("income")
        return amount_of(declared, currency) if declared else None

    return read


def amount_of(declared: str, currency: str) -> int | None:
    """An amount as people type it. `45.000` is forty-five thousand: no income has three digits of cents."""
    found = _AROUND.match(declared.strip())
    written = "" if found is None else found[1]
    if _COMMAS.fullmatch(written):
        return to_minor(Decimal(written.replace(",", "")), currency)
    if _PLAIN.fullmatch(written):
        return to_minor(Decimal(written), currency)
    if _POINTS.fullmatch(written):
        return to_minor(Decimal(written.replace(".", "").replace(",", ".")), currency)
    if _OTHER_MARKS.fullmatch(written):
        return to_minor(Decimal(re.sub(r"[^0-9,.]", "", written).replace(",", ".")), currency)
    return None


def explain(leaf: Leaf) -> str:
    """`customer.gender is (personal)`."""
    operator = leaf.operator.replace("_", " ")
    return (
        f"{leaf.field} {operator}" if leaf.operator in ("is_set", "is_unset") else f"{leaf.field} {operator} (personal)"
    )
