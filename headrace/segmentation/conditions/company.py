"""Companies: the same one however it is written: without its legal form, and by the store's list of other spellings.

`is` and `in` compare companies. `contains` and its like look into the text as typed, and into the name.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from headrace.rules.model import Leaf
from headrace.segmentation.conditions import text

FIELD: Final = "customer.company"
_FORMS: Final = (
    "ab ag aps as asa bhd bv bvba cc co company corp corporation cv doo eood eu ev gbr gmbh gmbhcokg hf inc"
    " incorporated kft kg kgaa kk kommanditgesellschaft limited limitada llc llp lp ltd ltda mbh nv ohg oo ood"
    " oy oyj pbc plc pllc pte pty pvt sa sab sae sapi sarl sas sasu sc sca scs sdn se sia sl slu snc sp spa spol"
    " spzoo srl srls sro sros ug ulc vof zoo zrt"
)
_LEGAL: Final = frozenset(_FORMS.split())
"""Legal forms as they are left when points are taken out; own words of ours, so that a rule means the same for ever."""
_JOINS: Final = frozenset({"&", "+", "and", "und", "et", "y"})
_POINTS: Final = re.compile(r"[.'`\u2019]")
_BREAKS: Final = re.compile(r"[\s,;/()\-]+")
Aliases = Mapping[str, tuple[str, ...]]


def plain(company: str) -> str:
    """A folded name without its legal form: `acme, inc.` is acme. A name that is nothing else stays."""
    words = [word for word in _BREAKS.split(_POINTS.sub("", company)) if word]
    kept = words
    while len(kept) > 1 and kept[-1] in _LEGAL:
        kept = kept[:-1]
        while len(kept) > 1 and kept[-1] in _JOINS:
            kept = kept[:-1]
    return " ".join(kept)


def compile_test(leaf: Leaf, aliases: Aliases) -> text.TextTest:
    """The test of a leaf on the folded text. Raises ValueError for an operator the family does not have."""
    if leaf.operator in ("is_set", "is_unset"):
        return text.compile_test(leaf)
    named = _named(aliases)
    meant = text.compile_test(_of_companies(leaf, named))
    if leaf.operator in _WHOLE:
        return lambda value: meant(None if value is None else named(value))
    written = text.compile_test(leaf)
    return lambda value: written(value) or meant(None if value is None else named(value))


_WHOLE: Final = ("is", "is_not", "in", "not_in")


def _of_companies(leaf: Leaf, named: Callable[[str], str]) -> Leaf:
    """The leaf with the company's name for what is written; a pattern stays what it is."""
    if leaf.operator == "matches":
        return leaf
    operand = leaf.operand
    several = tuple(named(str(one)) for one in operand) if isinstance(operand, tuple) else named(str(operand))
    return Leaf(field=leaf.field, operator=leaf.operator, operand=several, options=leaf.options)


def _named(aliases: Aliases) -> Callable[[str], str]:
    """From a folded text to the name the company goes by here."""
    names = {plain(spelling): plain(company) for company, several in aliases.items() for spelling in several}

    @lru_cache(maxsize=16384)
    def named(company: str) -> str:
        bare = plain(company)
        return names.get(bare, bare)

    return named
