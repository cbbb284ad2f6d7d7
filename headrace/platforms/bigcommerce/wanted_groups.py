"""Groups as somebody wants them, with names where the store has ids, and those names found among the store's.

What is to be done about it is in `group_plan`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from typing import Final, Literal

from headrace.platforms.bigcommerce.discounts import DiscountRule, Target
from headrace.platforms.bigcommerce.groups import CategoryAccess

Of = Literal["store", "category", "product"]
Kind = Literal["category", "product", "price_list"]
_WHERE: Final[dict[Kind, str]] = {"category": "categories", "product": "products' SKUs", "price_list": "price lists"}
_TARGETS: Final[dict[Of, Target]] = {"store": "all", "category": "category", "product": "product"}


@dataclass(frozen=True, slots=True)
class WantedDiscount:
    """`percent` off, or `amount` in the store's currency; `name`: a category's name, a product's SKU, or an id."""

    percent: int | None = None
    amount: Decimal | None = None
    of: Of = "store"
    name: str = ""


@dataclass(frozen=True, slots=True)
class WantedGroup:
    """A group by the name the store has for it. None: as the store says; () of both: none at all."""

    name: str
    categories: tuple[str, ...] | Literal["all"] | None = None
    discounts: tuple[WantedDiscount, ...] | None = None
    price_list: str = ""

    def names(self, kind: Kind) -> frozenset[str]:
        """What it names of this kind."""
        if kind == "price_list":
            return frozenset({self.price_list} - {""})
        listed = self.categories if kind == "category" and isinstance(self.categories, tuple) else ()
        return frozenset(listed) | {each.name for each in self.discounts or () if each.of == kind}


@dataclass(frozen=True, slots=True)
class Known:
    """The ids the store has, by name; several of one name are possible."""

    ids: Mapping[Kind, Mapping[str, tuple[int, ...]]] = field(default_factory=dict)

    @classmethod
    def of(cls, **pairs: Iterable[tuple[str, int]]) -> "Known":
        """From pairs of name and id: `Known.of(category=[("Phones", 7)])`."""
        ids: dict[str, dict[str, tuple[int, ...]]] = {kind: {} for kind in _WHERE}
        for kind, several in pairs.items():
            for name, number in several:
                ids[kind][name] = (*ids[kind].get(name, ()), number)
        return cls(ids)  # type: ignore[arg-type]  # the keys of `_WHERE`


class Unresolved(Exception):
    """A name the store does not have, or has more than once. `code` names which; `hint` says what to write."""

    def __init__(self, code: Literal["unknown_name", "ambiguous_name"], message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


def access_wanted(group: WantedGroup, known: Known) -> CategoryAccess | None:
    """None when the group says nothing of it. Raises `Unresolved`."""
    if group.categories is None or group.categories == "all":
        return None if group.categories is None else CategoryAccess("all")
    ids = frozenset(_resolved("category", name, known) for name in group.categories)
    return CategoryAccess("specific", ids) if ids else CategoryAccess("none")


def discounts_wanted(group: WantedGroup, known: Known) -> tuple[DiscountRule, ...] | None:
    """Every rule the group is to have, None when it says nothing of them. Raises `Unresolved`."""
    if group.price_list:
        return (DiscountRule("price_list", _resolved("price_list", group.price_list, known)),)
    if group.discounts is None:
        return None
    return tuple(_rule(each, known) for each in group.discounts)


def _rule(wanted: WantedDiscount, known: Known) -> DiscountRule:
    number = 0 if wanted.of == "store" else _resolved(wanted.of, wanted.name, known)
    if wanted.percent is not None:
        return DiscountRule(_TARGETS[wanted.of], number, "percent", Decimal(wanted.percent))
    return DiscountRule(_TARGETS[wanted.of], number, "fixed", wanted.amount)


def _resolved(kind: Kind, name: str, known: Known) -> int:
    """A name comes before an id that looks like it."""
    names = known.ids.get(kind, {})
    found = names.get(name, ())
    if len(found) > 1:
        listed = ", ".join(map(str, sorted(found)))
        raise Unresolved("ambiguous_name", f"the store has several called {name!r}: {listed}", "write one of these ids")
    if not found and name.isascii() and name.isdigit() and any(int(name) in ids for ids in names.values()):
        return int(name)
    if not found:
        close = get_close_matches(name, names, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"write a name or an id among the store's {_WHERE[kind]}"
        raise Unresolved("unknown_name", f"the store has no {kind.replace('_', ' ')} {name!r}", hint)
    return found[0]
