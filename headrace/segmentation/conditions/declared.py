"""Which family a field belongs to that a rule set declares or a merchant's own names complete; one line each.

Channels and companies by the rule set's tables, what customers said of themselves, purposes of consent, own events.
"""

from collections.abc import Callable
from typing import Final

from headrace.rules.model import Leaf
from headrace.segmentation.conditions import channels, company, consent, demographics, happening, number, text
from headrace.segmentation.conditions.terms import Terms
from headrace.segmentation.facts import TEXTS, Facts
from headrace.segmentation.written import tested

CONSENT: Final = "customer.consent."


def compile_leaf(leaf: Leaf, terms: Terms) -> Callable[[Facts], bool] | None:
    """The test of a leaf, None where its field is of another family. Raises ValueError for an unknown operator."""
    field = leaf.field
    if field == company.FIELD:
        return tested(TEXTS[field], company.compile_test(leaf, terms.aliases))
    if field == channels.OF_ORDER:
        return channels.compile_of_order(leaf, terms)
    if field == channels.OF_CUSTOMER:
        return channels.compile_of_customer(leaf, terms)
    if field.startswith(channels.SHARE):
        return tested(channels.compile_share(field, terms), number.compile_test(leaf.operator, leaf.operand))
    if demographics.is_declared(field):
        return tested(demographics.reader(field), text.compile_test(leaf))
    if field == demographics.INCOME:
        return tested(demographics.income(terms.currency), number.compile_test(leaf.operator, leaf.operand))
    if field.startswith(CONSENT):
        return tested(_purpose(field), consent.compile_test(leaf))
    if field.startswith(happening.EVENT):
        return tested(happening.reader(field), text.compile_test(leaf))
    return None


def explain(leaf: Leaf) -> str | None:
    """The leaf in words, None where its field is of another family."""
    field = leaf.field
    if field in (channels.OF_ORDER, channels.OF_CUSTOMER) or field.startswith(channels.SHARE):
        return channels.explain(leaf)
    if demographics.is_declared(field) or field == demographics.INCOME:
        return demographics.explain(leaf)
    if field.startswith(CONSENT):
        return consent.explain(leaf)
    return None


def _purpose(field: str) -> Callable[[Facts], bool]:
    purpose = field.removeprefix(CONSENT)
    return lambda facts: facts.profile is not None and facts.profile.consents.get(purpose) is True
