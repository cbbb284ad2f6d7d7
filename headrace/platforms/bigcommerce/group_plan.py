"""What would make the store's groups those that are wanted: groups to create, groups to change. Never one to delete."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from headrace.platforms.bigcommerce.discounts import DiscountRule
from headrace.platforms.bigcommerce.groups import (
    CategoryAccess,
    CustomerGroup,
    create_customer_group,
    update_customer_group,
)
from headrace.platforms.bigcommerce.wanted_groups import (
    Known,
    Unresolved,
    WantedGroup,
    access_wanted,
    discounts_wanted,
)
from headrace.platforms.http import Request


@dataclass(frozen=True, slots=True)
class Change:
    """A group to create (`before` None), or to change where `access` and `discounts` are not None."""

    name: str
    before: CustomerGroup | None
    access: CategoryAccess | None = None
    discounts: tuple[DiscountRule, ...] | None = None

    @property
    def action(self) -> Literal["create", "update"]:
        """What is to be done."""
        return "create" if self.before is None else "update"

    def request(self) -> Request:
        """The one call that does it."""
        if self.before is None:
            return create_customer_group(self.name, access=self.access, discounts=self.discounts)
        return update_customer_group(self.before.id, access=self.access, discounts=self.discounts)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a group cannot be planned, and what to do."""

    code: str
    group: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """`unchanged` are as wanted; `unmanaged` are the store's own, of which nobody here speaks."""

    changes: tuple[Change, ...]
    unchanged: tuple[str, ...]
    unmanaged: tuple[str, ...]
    problems: tuple[Problem, ...]


def plan_groups(wanted: Sequence[WantedGroup], store: Iterable[CustomerGroup], known: Known) -> GroupPlan:
    """Compares each wanted group with the store's of that name. A group with a problem is not in `changes`."""
    held = list(store)
    times = Counter(group.name for group in wanted)
    names = [group.name for group in held]
    changes, unchanged, problems = [], [], []
    for group in wanted:
        found = _problem(group, names, times) or _compared(group, _named(group.name, held), known)
        if isinstance(found, Problem):
            problems.append(found)
        elif found is None:
            unchanged.append(group.name)
        else:
            changes.append(found)
    unmanaged = sorted(set(names) - times.keys())
    return GroupPlan(tuple(changes), tuple(unchanged), tuple(unmanaged), tuple(problems))


def _problem(group: WantedGroup, names: Collection[str], times: Counter[str]) -> Problem | None:
    """What stands in the way before anything is compared."""
    name = group.name
    if times[name] > 1:
        return Problem("same_name", name, f"two groups would be called {name!r} in the store", "correct an alias")
    alike = [each for each in names if each.casefold() == name.casefold()]
    if alike and name not in alike:
        hint = f"write {alike[0]!r} as its name, or as its alias: {{bigcommerce: ...}}"
        return Problem("similar_name", name, f"the store calls this group {alike[0]!r}", hint)
    if sum(each == name for each in names) > 1:
        return Problem("ambiguous_group", name, f"the store has several groups called {name!r}", "rename one of them")
    return None


def _named(name: str, held: Sequence[CustomerGroup]) -> CustomerGroup | None:
    return next((group for group in held if group.name == name), None)


def _compared(group: WantedGroup, held: CustomerGroup | None, known: Known) -> Change | Problem | None:
    try:
        change = Change(group.name, held, access_wanted(group, known), discounts_wanted(group, known))
    except Unresolved as error:
        return Problem(error.code, group.name, error.message, error.hint)
    if held is None:
        return change
    if change.discounts is not None and held.unread:
        message = "the store has discounts of it that this release cannot read, and would replace"
        return Problem("unreadable_discounts", group.name, message, "remove them at the store, or discounts: here")
    if change.access == held.access:
        change = replace(change, access=None)
    if change.discounts is not None and Counter(change.discounts) == Counter(held.discounts):
        change = replace(change, discounts=None)
    return None if change.access is None and change.discounts is None else change
