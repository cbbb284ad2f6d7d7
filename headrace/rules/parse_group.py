"""What the customers of a group see and pay: categories, discounts, a price list.

They are the store's settings of the group; no rule depends on them.
"""

from typing import Any, Final, Literal

from headrace.rules import scalars
from headrace.rules.findings import Refused, quoted
from headrace.rules.model import Discount
from headrace.rules.reading import Reading, items, keys, one_or_more
from headrace.rules.yaml_source import Mapping, Node, Scalar

_DISCOUNTS: Final = "discounts: [{percent: 10}, {percent: 20, category: Phones}]"


def sees(found: dict[str, Node], reading: Reading) -> dict[str, Any]:
    """`categories`, `discounts` and `price_list` of a group, where they are written."""
    report = reading.report
    values: dict[str, Any] = {}
    if "categories" in found:
        values["categories"] = report.tried(_categories, found["categories"], reading)
    if "discounts" in found:
        values["discounts"] = report.tried(_discounts, found["discounts"], reading)
    if "price_list" in found:
        values["price_list"] = report.tried(_price_list, found["price_list"], found) or ""
    return values


def _categories(node: Node, reading: Reading) -> tuple[str, ...] | Literal["all"]:
    if isinstance(node, Scalar) and not node.quoted and node.text in ("all", "none"):
        return "all" if node.text == "all" else ()
    names = one_or_more(node, "categories", reading.report, lambda one: scalars.text(one, "a category"))
    return tuple(dict.fromkeys(names))


def _discounts(node: Node, reading: Reading) -> tuple[Discount, ...]:
    """A list of them, one alone, or `none`."""
    if isinstance(node, Scalar) and not node.quoted and node.text == "none":
        return ()
    nodes = (node,) if isinstance(node, Mapping) else items(node, "discounts", _DISCOUNTS)
    seen: set[tuple[str, str]] = set()
    kept: list[Discount] = []
    for one in nodes:
        discount = reading.report.tried(_discount, one, reading)
        if discount is None:
            continue
        if (discount.of, discount.name) in seen:
            what = "the whole store" if discount.of == "store" else f"the {discount.of} {quoted(discount.name)}"
            reading.report.add("discounted_twice", one.place, f"{what} has a discount already", "keep one of them")
        seen.add((discount.of, discount.name))
        kept.append(discount)
    return tuple(kept)


def _discount(node: Node, reading: Reading) -> Discount:
    found = keys(node, "a discount", reading.report, known=("percent", "amount", "category", "product"))
    if ("percent" in found) is ("amount" in found):
        both = "percent" in found
        reason = "both a percentage and an amount" if both else "neither a percentage nor an amount"
        raise Refused("wrong_shape", node.place, f"this discount has {reason}", f"write {_DISCOUNTS}")
    if "category" in found and "product" in found:
        reason = "a discount is of a category or of a product"
        raise Refused("wrong_shape", found["product"].place, reason, "write one discount for each")
    of = "category" if "category" in found else "product" if "product" in found else "store"
    name = "" if of == "store" else scalars.text(found[of], of)
    if "amount" in found:
        amount = scalars.money(found["amount"], "amount", currency=reading.currency)
        return Discount(amount=amount, of=of, name=name)  # type: ignore[arg-type]  # one of the three
    percent = scalars.whole_number(found["percent"], "percent")
    if not 1 <= percent <= 100:
        raise Refused("not_a_whole_number", found["percent"].place, "percent is 1 to 100", "write percent: 10")
    return Discount(percent=percent, of=of, name=name)  # type: ignore[arg-type]  # one of the three


def _price_list(node: Node, found: dict[str, Node]) -> str:
    if "discounts" in found:
        reason = "a group has a price list or discounts, not both: the store takes only one of them"
        raise Refused("given_twice", node.place, reason, "remove discounts: or price_list:")
    return scalars.text(node, "price_list")
