"""The smallest single change that moves a customer: 38.20 more spend by 24 November, a flag, a value, or time alone.

Nothing is guessed: a change is told only if trying it moves the customer, and trying one unit less does not.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from headrace.rules.catalogue import MEMBERSHIPS
from headrace.rules.model import Leaf
from headrace.segmentation.conditions import window
from headrace.segmentation.conditions.registry import ATTRIBUTES, TAGS
from headrace.segmentation.explaining.happenings import Subject, passed
from headrace.segmentation.explaining.lens import Lens
from headrace.segmentation.explaining.levers import Lever, bounds_of, levers
from headrace.segmentation.explaining.seen import ChangeKind, Shown
from headrace.segmentation.explaining.tree import Test, said
from headrace.segmentation.explaining.values import Value
from headrace.segmentation.settle import wake_at

Placed = tuple[str, Test]
"""A leaf with its path."""
Aim = Callable[[Subject], bool]
"""Whether the customer has moved."""


class Change(Struct, frozen=True):
    """`fact` changed by `by` at any moment before `until` (None: whenever) moves the customer.

    Of kind time: nothing happens, and at `until` the customer moves.
    """

    fact: str
    by: Shown
    until: datetime | None
    kind: ChangeKind


_MOMENT: Final = timedelta(microseconds=1)
_AMOUNTS: Final = 300
"""So many amounts of one fact are tried, the smallest first."""
_DAYS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
"""Whether a change still works is looked at after so many days too: what it needs may end without a timer."""
_MOMENTS: Final = 60
"""So many moments ahead are looked at."""


class Search:
    """Looks for changes of one customer, leaf by leaf; paths are of no use here."""

    def __init__(self, subject: Subject, lens: Lens) -> None:
        self._subject = subject
        self._lens = lens
        self._facts = lens.facts(subject.state, subject.now, subject.pages)
        self._leaves = tuple(test for test in lens.tests if isinstance(test, Leaf))
        self._tried: dict[tuple[str, str, int], Subject] = {}
        self._ahead: list[tuple[datetime, Subject]] | None = None

    def smallest(self, tests: Sequence[Placed], aim: Aim, *, leaving: bool) -> Change | None:
        """The first of the leaves, in the order they are written, that alone can do it; time alone comes last.

        `leaving`: time comes first. None: no single change does it, or the customer is there.
        """
        if aim(self._subject):
            return None
        tests = self._with_others(tests)
        by_time = self._by_time(tests, aim)
        if leaving and by_time is not None:
            return by_time
        found = next(self._by_levers(tests, aim), None)
        if found is None:
            return by_time
        amount, lever = found
        return Change(lever.fact, lever.by(amount), self._until(lever, amount, tests, aim), lever.kind)

    def keeping(self, tests: Sequence[Placed], stays: Aim) -> Change | None:
        """What must happen so that time alone does not end what is now; None: it does not, or nothing prevents it."""
        tests = self._with_others(tests)
        ended = self._by_time(tests, lambda one: not stays(one))
        if ended is None or ended.until is None:
            return None
        end = ended.until
        found = next(self._by_levers(tests, lambda one: one is not self._subject and stays(passed(one, end))), None)
        if found is None:
            return None
        amount, lever = found
        late = lever.do(passed(self._subject, end - _MOMENT), amount)
        return Change(lever.fact, lever.by(amount), end, lever.kind) if stays(passed(late, end)) else None

    def _by_levers(self, tests: Sequence[Placed], aim: Aim) -> Iterator[tuple[int, Lever]]:
        """Of each leaf that can do it the least amount, with its lever."""
        for _, leaf in tests:
            if isinstance(leaf, Leaf):
                value = self._lens.value(leaf, self._facts)
                found = [
                    (amount, lever)
                    for lever in levers(leaf, value, self._bounds(leaf), self._subject)
                    if (amount := self._least(lever, aim)) is not None and self._is_told(leaf, value, lever, amount)
                ]
                if found:
                    yield min(found, key=lambda one: one[0])

    def _least(self, lever: Lever, aim: Aim) -> int | None:
        """The least of the lever's amounts that moves the customer, if one unit less does not."""
        amount = next((amount for amount in lever.amounts[:_AMOUNTS] if aim(self._after(lever, amount))), None)
        if amount is None:
            return None
        needed = amount > 1 or lever.from_zero
        return None if needed and aim(self._after(lever, amount - 1)) else amount

    def _is_told(self, leaf: Leaf, value: Value, lever: Lever, amount: int) -> bool:
        """Whether the leaf's own number changes by just that amount: an order may lie outside its window."""
        if not lever.sign:
            return True
        after = self._after(lever, amount)
        found = self._lens.value(leaf, self._lens.facts(after.state, after.now, after.pages))
        return isinstance(found, int) and found == (value if isinstance(value, int) else 0) + lever.sign * amount

    def _after(self, lever: Lever, amount: int) -> Subject:
        """The customer after that change now; entries share what was tried."""
        key = (lever.fact, str(lever.by(amount)), amount)
        if key not in self._tried:
            self._tried[key] = lever.do(self._subject, amount)
        return self._tried[key]

    def _with_others(self, tests: Sequence[Placed]) -> Sequence[Placed]:
        """With the leaves of all entries behind them, where one reads what entries make of the customer."""
        if not any(test.field in MEMBERSHIPS or test.field.startswith((ATTRIBUTES, TAGS)) for _, test in tests):
            return tests
        own = {said(test) for _, test in tests}
        return (*tests, *((test.field, test) for test in self._lens.tests if said(test) not in own))

    def _bounds(self, leaf: Leaf) -> frozenset[int]:
        same = (other for other in self._leaves if window.named(other) == window.named(leaf))
        return frozenset[int]().union(bounds_of(leaf), *map(bounds_of, same))

    def _until(self, lever: Lever, amount: int, tests: Sequence[Placed], aim: Aim) -> datetime | None:
        """The first moment at which this is too late, or no longer needed. None: not within the time looked at."""
        now = self._subject.now
        if now is None:
            return None
        probes = [moment for days in _DAYS if (moment := _later(now, days)) is not None]
        subject, held = self._subject, now
        for _ in range(_MOMENTS):
            due = self._next(subject, lever.do(subject, amount), tests)
            due = min((moment for moment in (due, *probes) if moment is not None and moment > held), default=None)
            if due is None:
                return None
            later = passed(subject, due)
            if aim(later) or not aim(lever.do(later, amount)):
                return _first_bad(held, due, partial(self._works, subject, lever, amount, aim))
            subject, held = later, due
        return None

    def _works(self, subject: Subject, lever: Lever, amount: int, aim: Aim, moment: datetime) -> bool:
        """Whether the change moves the customer then, who has not moved without it."""
        then = passed(subject, moment)
        return not aim(then) and aim(lever.do(then, amount))

    def _by_time(self, tests: Sequence[Placed], aim: Aim) -> Change | None:
        before = self._subject
        for due, subject in self._path():
            if aim(subject):
                return Change(self._timed(tests, before, due), self._wait(due), due, "time")
            before = subject
        return None

    def _path(self) -> list[tuple[datetime, Subject]]:
        """The customer at each moment ahead, if nothing happens."""
        if self._ahead is None:
            self._ahead, subject = [], self._subject
            while len(self._ahead) < _MOMENTS and (due := self._next(subject, subject, ())) is not None:
                subject = passed(subject, due)
                self._ahead.append((due, subject))
        return self._ahead

    def _next(self, subject: Subject, changed: Subject, tests: Sequence[Placed]) -> datetime | None:
        """When time alone may change something of the customer, as it is or as it would be with the change."""
        facts = [self._lens.facts(one.state, one.now, one.pages) for one in (subject, changed)] if tests else []
        dues = [wake_at(subject.state), wake_at(changed.state)]
        dues += [self._lens.next_change(test, each) for _, test in tests for each in facts]
        now = subject.now
        return None if now is None else min((due for due in dues if due is not None and due > now), default=None)

    def _timed(self, tests: Sequence[Placed], subject: Subject, due: datetime) -> str:
        """The fact of the leaf that time changes then."""
        facts = self._lens.facts(subject.state, subject.now, subject.pages)
        timed = [test for _, test in tests if self._lens.next_change(test, facts) == due]
        named = [window.named(test) if isinstance(test, Leaf) else test.field for test in timed]
        return next(iter(named), "time")

    def _wait(self, due: datetime) -> Shown:
        now = self._subject.now
        assert now is not None
        zone = ZoneInfo(self._subject.rules.rule_set.store.timezone)
        days = (due.astimezone(zone).date() - now.astimezone(zone).date()).days
        return {"days": days} if days else {"hours": -(-(due - now) // timedelta(hours=1))}


def _later(now: datetime, days: int) -> datetime | None:
    try:
        return now + timedelta(days=days)
    except OverflowError:
        return None


def _first_bad(good: datetime, bad: datetime, works: Callable[[datetime], bool]) -> datetime:
    """The moment between the two, to the microsecond, from which on it no longer works."""
    while bad - good > _MOMENT:
        middle = good + (bad - good) // 2
        good, bad = (middle, bad) if works(middle) else (good, middle)
    return bad
