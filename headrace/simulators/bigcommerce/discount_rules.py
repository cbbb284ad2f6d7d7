"""A customer group's discount rules and category access as the store takes them: what it refuses, how it writes them.

The vendor's words for the refusals are not recorded: ours stand in their place.
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from headrace.simulators.people import Refused

_METHODS: Final = ("percent", "fixed", "price")
_ID_NAMES: Final = {"category": "category_id", "product": "product_id"}


def discount_rules(given: object, has_price_list: Callable[[int], bool]) -> tuple[dict[str, object], ...]:
    """The rules with amounts of four decimals; raises Refused for a mixture the store does not take."""
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise Refused("The field 'discount_rules' is invalid.")
    kinds = [each.get("type") for each in given]
    if "price_list" in kinds and len(given) > 1:
        raise Refused("The field 'discount_rules' is invalid: a price list must be the only rule.")
    if kinds.count("all") > 1:
        raise Refused("The field 'discount_rules' is invalid: only one store-wide rule is allowed.")
    return tuple(_rule(each, has_price_list) for each in given)


def category_access(given: object) -> tuple[str, tuple[int, ...]]:
    """The kind and, of `specific`, the categories; raises Refused."""
    kind = given.get("type") if isinstance(given, dict) else None
    if not isinstance(given, dict) or kind not in ("all", "specific", "none"):
        raise Refused("The field 'category_access' is invalid.")
    ids: Any = given.get("categories", []) if kind == "specific" else []
    if not isinstance(ids, list) or not all(_is_id(each) for each in ids):
        raise Refused("The field 'category_access' is invalid.")
    return kind, tuple(ids)


def _rule(given: dict[str, Any], has_price_list: Callable[[int], bool]) -> dict[str, object]:
    kind = given.get("type")
    if kind == "price_list":
        number = given.get("price_list_id")
        if not isinstance(number, int) or not has_price_list(number):
            raise Refused("The field 'price_list_id' is invalid.")
        return {"type": kind, "price_list_id": number}
    if kind not in ("all", "category", "product") or given.get("method") not in _METHODS:
        raise Refused("The field 'discount_rules' is invalid.")
    rule: dict[str, object] = {"type": kind, "method": given["method"], "amount": _amount(given.get("amount"))}
    if kind in _ID_NAMES:
        name = _ID_NAMES[kind]
        if not _is_id(given.get(name)):
            raise Refused(f"The field '{name}' is invalid.")
        rule[name] = given[name]
    return rule


def _amount(given: object) -> str:
    try:
        amount = Decimal(str(given))
        if amount.is_finite() and amount >= 0:
            return f"{amount:.4f}"
    except InvalidOperation:
        pass
    raise Refused("The field 'amount' is invalid.")


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
