"""What can be changed of a customer so that one leaf comes out otherwise: each lever changes one fact by an amount.

Which amount is enough is found in `headrace.segmentation.smallest_change`, by trying.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from headrace.rules.model import Between, Leaf, Only
from headrace.segmentation.conditions import window
from headrace.segmentation.conditions.registry import ATTRIBUTES
from headrace.segmentation.conditions.sets import members
from headrace.segmentation.explaining.happenings import (
    Subject,
    cancelled,
    known,
    labelled,
    ordered,
    refunded,
    visited,
)
from headrace.segmentation.explaining.seen import ChangeKind, Shown
from headrace.segmentation.explaining.shown import shown_number
from headrace.segmentation.explaining.values import Value
from headrace.segmentation.facts import folded

Do = Callable[[Subject, int], Subject]
_MOST: Final = 200
"""So many orders, visits at most: more is no small change."""


@dataclass(frozen=True, slots=True)
class Lever:
    """`do` changes `fact` by an amount. `amounts`: those by which a leaf may come out otherwise, the smallest first.

    `by`: an amount as it is told. `from_zero`: an amount of 0 is something that happens too (an order of 0.00).
    `sign`: the leaf's number becomes larger (1) or smaller (-1) by just that amount; 0: the fact is not the leaf's.
    """

    fact: str
    kind: ChangeKind
    do: Do
    amounts: tuple[int, ...]
    by: Callable[[int], Shown]
    from_zero: bool = False
    sign: int = 0


def levers(leaf: Leaf, value: Value, bounds: frozenset[int], subject: Subject) -> Iterator[Lever]:
    """Of one leaf with this value; `bounds`: what the number is compared with, by whichever entry."""
    currency = subject.rules.rule_set.store.currency
    if leaf.field in _UP or leaf.field in _DOWN:
        yield from _numbers(leaf, value if isinstance(value, int) else 0, bounds, currency)
    elif leaf.field in _BY_ORDER_VALUE:
        amounts = _distances(_BY_ORDER_VALUE[leaf.field](subject, bound) for bound in _beside(bounds, 1))
        by = _told("order.value", 1, currency)
        yield Lever("order.value", "number", lambda one, amount: ordered(one, value=amount), amounts, by, True)  # noqa: FBT003
    elif leaf.field in _BY_ANY_ORDER:
        yield Lever("customer.orders", "number", lambda one, count: ordered(one, count=count), (1,), int)
    elif leaf.field.startswith(ATTRIBUTES):
        yield from _members(leaf, value if isinstance(value, tuple) else ())
    elif leaf.field == _SUBSCRIBED:
        yield _flag(leaf, value is True, lambda wanted, one: known(one, subscribed=wanted))
    elif leaf.field.startswith(_CONSENT):
        yield _flag(leaf, value is True, lambda wanted, one: _consented(one, leaf.field, wanted))


def bounds_of(leaf: Leaf) -> frozenset[int]:
    """The numbers a leaf compares with."""
    match leaf.operand:
        case bool():
            return frozenset()
        case int(bound):
            return frozenset({bound})
        case Between(low=low, high=high):
            return frozenset({low, high})
        case _:
            return frozenset()


def _raises_average(subject: Subject, wanted: int) -> int:
    """An average is rounded half up."""
    totals = subject.state.totals
    return -(-(2 * wanted - 1) * (totals.orders + 1) // 2) - totals.spend


_SUBSCRIBED: Final = "customer.subscribed"
_CONSENT: Final = "customer.consent."
_UP: Final[Mapping[str, Callable[[Subject, int, Only | None], Subject]]] = {
    "customer.spend": lambda one, amount, only: ordered(one, value=amount, only=only),
    "customer.items": lambda one, amount, only: ordered(one, units=amount, only=only) if amount else one,
    "customer.orders": lambda one, amount, only: ordered(one, count=amount, only=only),
    "customer.refunds": lambda one, amount, _: refunded(one, amount),
    "customer.visits": lambda one, amount, _: visited(one, amount),
    "customer.store_credit": lambda one, amount, _: _credited(one, amount),
    "order.items": lambda one, amount, _: ordered(one, units=amount),
}
_DOWN: Final[Mapping[str, Callable[[Subject, int, Only | None], Subject]]] = {
    "customer.spend": lambda one, amount, _: refunded(one, amount),
    "customer.orders": lambda one, amount, _: cancelled(one, amount),
    "customer.store_credit": lambda one, amount, _: _credited(one, -amount),
}
_BY_ORDER_VALUE: Final[Mapping[str, Callable[[Subject, int], int]]] = {
    "order.value": lambda _, wanted: wanted,
    "customer.largest_order": lambda _, wanted: wanted,
    "customer.average_order": _raises_average,
}
"""Field -> the value of one more order with which it reaches a number."""
_BY_ANY_ORDER: Final = frozenset(
    {"customer.first_order_at", "customer.last_order_at", "customer.days_since_last_order"}
)
_COUNTED: Final = frozenset({"customer.orders", "customer.visits", "order.items", "customer.items"})


def _numbers(leaf: Leaf, value: int, bounds: frozenset[int], currency: str) -> Iterator[Lever]:
    most = _MOST if leaf.field in _COUNTED else None
    for sign, table in ((1, _UP), (-1, _DOWN)):
        if leaf.field in table:
            change = table[leaf.field]
            amounts = _distances(((bound - value) * sign for bound in _beside(bounds, sign)), most)
            yield Lever(
                window.named(leaf),
                "number",
                lambda one, amount, change=change: change(one, amount, leaf.only),  # type: ignore[misc]
                amounts,
                _told(leaf.field, sign, currency),
                from_zero=leaf.field == "customer.spend" and sign > 0,
                sign=0 if leaf.field.startswith("order.") else sign,
            )


def _beside(bounds: frozenset[int], sign: int) -> frozenset[int]:
    """Where a comparison may change: at the bound, and one unit beyond."""
    return bounds | {bound + sign for bound in bounds}


def _distances(found: Iterator[int], most: int | None = None) -> tuple[int, ...]:
    return tuple(sorted({amount for amount in found if amount > 0 and (most is None or amount <= most)}))


def _told(field: str, sign: int, currency: str) -> Callable[[int], Shown]:
    return lambda amount: shown_number(field, amount * sign, currency)


def _members(leaf: Leaf, values: tuple[str, ...]) -> Iterator[Lever]:
    """One value more, or one that was set by hand less."""
    name = leaf.field.removeprefix(ATTRIBUTES)
    for member in sorted(members(leaf.operand)):
        word, has = ("remove", True) if member in values else ("add", False)
        yield Lever(
            leaf.field,
            "set",
            lambda one, _, member=member, has=has: _labelled(one, name, member, has),  # type: ignore[misc]
            (1,),
            lambda _, word=word, member=member: {word: member},  # type: ignore[misc]
        )


def _labelled(subject: Subject, name: str, member: str, has: bool) -> Subject:  # noqa: FBT001
    by_hand = subject.state.claims.manual.get(name, ())
    others = [value for value in by_hand if folded(value) != member]
    return labelled(subject, name, others if has else [*others, member])


def _flag(leaf: Leaf, held: bool, change: Callable[[bool, Subject], Subject]) -> Lever:  # noqa: FBT001
    return Lever(leaf.field, "flag", lambda one, _: change(not held, one), (1,), lambda _: not held)


def _consented(subject: Subject, field: str, wanted: bool) -> Subject:  # noqa: FBT001
    profile = subject.state.profile
    if profile is None:
        return subject
    return known(subject, consents={**profile.consents, field.removeprefix(_CONSENT): wanted})


def _credited(subject: Subject, amount: int) -> Subject:
    profile = subject.state.profile
    if profile is None or profile.store_credit is None or profile.store_credit + amount < 0:
        return subject
    return known(subject, store_credit=profile.store_credit + amount)
