"""Customers of whom a plan says the same, counted together: few outlooks are met among many customers.

Sums are `plan_sum.py`'s; here it is only found out what need not be added up one by one.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

from headrace.segmentation.foreseen import Wanted
from headrace.segmentation.plan import Outlook
from headrace.segmentation.plan_sum import SAMPLES, PlanSum
from headrace.segmentation.shared import Shared

KEPT: Final = 4096
"""Different outlooks in memory; when there are more, those so far are added to the sum."""


@dataclass(slots=True)
class _Alike:
    """`outlook`: of one of them; `changes`: whether it is a change. `names`: some of them, the first by key."""

    outlook: Outlook
    changes: bool
    count: int = 0
    spend: int = 0
    names: list[str] = field(default_factory=list)


class PlanTally:
    """A sum that grows customer by customer."""

    def __init__(self) -> None:
        self._sum = PlanSum()
        self._alike: dict[Hashable, _Alike] = {}
        self._numbers: dict[Hashable, int] = {}
        self._number = Shared[Wanted, int](lambda wanted: self._numbers.setdefault(_said(wanted), len(self._numbers)))
        """Of what is wanted, by what it says: quick to compare."""

    def add(self, outlook: Outlook) -> bool:
        """One more customer; whether anything changes for it."""
        if len(self._alike) >= KEPT:
            self._add_up()
        number = self._number.of
        key = (
            number(outlook.before),
            number(outlook.after),
            outlook.effects,
            outlook.only_by_unset,
            outlook.observed,
        )
        alike = self._alike.get(key)
        if alike is None:
            alike = self._alike[key] = _Alike(outlook, outlook.changes)
        alike.count += 1
        if alike.changes:
            alike.spend += outlook.spend
            _name(alike.names, outlook.customer)
        return alike.changes

    def sum(self) -> PlanSum:
        """Of all so far."""
        self._add_up()
        return self._sum

    def _add_up(self) -> None:
        for alike in self._alike.values():
            self._sum.add_alike(alike.outlook, count=alike.count, spend=alike.spend, names=alike.names)
        self._alike.clear()
        self._numbers.clear()
        self._number.clear()


def _name(names: list[str], name: str) -> None:
    if len(names) < SAMPLES:
        names.append(name)
        names.sort()
    elif name < names[-1]:
        names[-1] = name
        names.sort()


def _said(wanted: Wanted) -> Hashable:
    """All of it."""
    return wanted.group, wanted.segments, tuple(wanted.attributes.items()), tuple(wanted.tags.items())
