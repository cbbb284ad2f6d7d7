"""What a customer group's members pay less: the rules of its `discount_rules`, to and from JSON.

Either one price list alone, or rules for categories and products with at most one for the whole store.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from headrace.platforms.replies import decimal

Method = Literal["percent", "fixed", "price"]
Target = Literal["all", "category", "product", "price_list"]
_METHODS: Final = frozenset({"percent", "fixed", "price"})
_ID_NAMES: Final[dict[str, str]] = {
    "category": "category_id",
    "product": "product_id",
    "price_list": "price_list_id",
}


@dataclass(frozen=True, slots=True)
class DiscountRule:
    """`percent` off, `fixed` amount off (in the store's currency), or the `price` itself; a price list has neither.

    `target_id` is the category's, product's or price list's id, 0 for the whole store. By the API, a category's rule
    holds for its subcategories too.
    """

    target: Target
    target_id: int = 0
    method: Method | None = None
    amount: Decimal | None = None


def discount_of(row: Any) -> DiscountRule | None:
    """The rule a row states; None for one of a kind we do not know. Amounts come as "10.0000", "10" or 10."""
    if not isinstance(row, dict):
        return None
    target, method = row.get("type"), row.get("method")
    if target == "price_list":
        number = _identity(row, "price_list_id")
        return None if number is None else DiscountRule("price_list", number)
    amount = _amount(row.get("amount"))
    if target not in ("all", "category", "product") or method not in _METHODS or amount is None:
        return None
    number = 0 if target == "all" else _identity(row, _ID_NAMES[target])
    return None if number is None else DiscountRule(target, number, method, amount)


def discount_json(rule: DiscountRule) -> dict[str, Any]:
    """The rule as the vendor reads it; amounts as text with four decimals, as it writes them."""
    body: dict[str, Any] = {"type": rule.target}
    if rule.target in _ID_NAMES:
        body[_ID_NAMES[rule.target]] = rule.target_id
    if rule.target != "price_list":
        body |= {"method": rule.method, "amount": f"{rule.amount or 0:.4f}"}
    return body


def _identity(row: dict[str, Any], name: str) -> int | None:
    value = row.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _amount(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal) or value == "":
        return None
    try:
        return decimal(value)
    except ValueError:
        return None
