"""Customer groups, which exist in v2 only: requests, and what a row says. No webhook tells of their changes.

There is no request here that deletes a group: that takes every member out of it, silently.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from headrace.platforms.bigcommerce.calls import PAGE_LIMIT, get
from headrace.platforms.bigcommerce.discounts import DiscountRule, discount_json, discount_of
from headrace.platforms.bigcommerce.pages import Row
from headrace.platforms.http import Request

GROUP_CALLS_AT_ONCE: Final = 40
PARTLY_SAVED: Final = 207
"""The status of a create or an update whose store-wide discount was not saved; all else was. Send it again."""


@dataclass(frozen=True, slots=True)
class CategoryAccess:
    """Which categories a group's members see. `categories` (ids) belongs to `specific` only."""

    kind: Literal["all", "specific", "none"]
    categories: frozenset[int] = frozenset()


EVERY_CATEGORY: Final = CategoryAccess("all")


@dataclass(frozen=True, slots=True)
class CustomerGroup:
    """A group as the store has it. `is_default`: who registers is put into it, after and besides our own wishes."""

    id: int
    name: str
    access: CategoryAccess = EVERY_CATEGORY
    discounts: tuple[DiscountRule, ...] = ()
    is_default: bool = False
    unread: bool = False
    """The row has discount rules we cannot read: to replace them would lose them."""


def customer_groups(page: int = 1) -> Request:
    """All customer groups (`group_of` reads a row). Past the end: 204, no body. Not every plan has groups."""
    return get("/v2/customer_groups", ("limit", PAGE_LIMIT), ("page", page))


def customer_group(group_id: int) -> Request:
    """One group. An unknown id is answered with 400, not 404."""
    return get(f"/v2/customer_groups/{group_id}")


def create_customer_group(
    name: str, *, access: CategoryAccess | None = None, discounts: Sequence[DiscountRule] | None = None
) -> Request:
    """Makes a group; the reply is the group itself, `PARTLY_SAVED` when its store-wide discount
    failed. Not to be sent twice."""
    return Request("POST", "/v2/customer_groups", json={"name": name, **_fields(access, discounts)})


def update_customer_group(
    group_id: int,
    *,
    name: str | None = None,
    access: CategoryAccess | None = None,
    discounts: Sequence[DiscountRule] | None = None,
) -> Request:
    """Changes what is given, None leaves as it is. `discounts` replaces *every* rule the group has; () takes all away.

    Answered with `PARTLY_SAVED` when the store-wide discount failed.
    """
    body = {**({} if name is None else {"name": name}), **_fields(access, discounts)}
    if not body:
        raise ValueError("an update of nothing")
    return Request("PUT", f"/v2/customer_groups/{group_id}", json=body)


def group_of(row: Row) -> CustomerGroup | None:
    """What a row says; None for one without id or name."""
    group_id, name = row.get("id"), row.get("name")
    if not isinstance(group_id, int) or isinstance(group_id, bool) or not isinstance(name, str):
        return None
    given = row.get("discount_rules")
    rules = [discount_of(each) for each in given] if isinstance(given, list) else []
    known = tuple(rule for rule in rules if rule is not None)
    unread = len(known) < len(rules) or not isinstance(given, list | None)
    return CustomerGroup(group_id, name, _access_of(row), known, row.get("is_default") is True, unread)


def _access_of(row: Row) -> CategoryAccess:
    given = row.get("category_access")
    kind = given.get("type") if isinstance(given, dict) else None
    if not isinstance(given, dict) or kind not in ("all", "specific", "none"):
        return EVERY_CATEGORY
    ids: Any = given.get("categories") if kind == "specific" else ()
    return CategoryAccess(kind, frozenset(_integers(ids)))


def _integers(values: Any) -> list[int]:
    return [each for each in values if isinstance(each, int)] if isinstance(values, list | tuple) else []


def _fields(access: CategoryAccess | None, discounts: Sequence[DiscountRule] | None) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if access is not None:
        listed = {"categories": sorted(access.categories)} if access.kind == "specific" else {}
        body["category_access"] = {"type": access.kind, **listed}
    if discounts is not None:
        body["discount_rules"] = [discount_json(rule) for rule in discounts]
    return body
