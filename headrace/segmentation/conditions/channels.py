"""Channels: the one an order came through, those a customer bought through, and the share of one of them.

A channel is written by its name under `channels`, or as the store's id. What a customer bought through a channel is
kept as the number of counted orders filtered by it, like any other filtered aggregate.
"""

from collections.abc import Callable, Mapping
from typing import Final

from headrace.rules.model import Leaf, Only, Operand
from headrace.segmentation.conditions import number, text
from headrace.segmentation.conditions.terms import Terms
from headrace.segmentation.conditions.window import compile_number
from headrace.segmentation.facts import Facts
from headrace.segmentation.written import written

OF_ORDER: Final = "order.channel"
OF_CUSTOMER: Final = "customer.channels"
SHARE: Final = "customer.channel_share."
OPERATORS: Final = ("is", "is_not", "in", "not_in", "is_set", "is_unset")
SET_OPERATORS: Final = ("has_any", "has_all", "has_none")
_ORDERS: Final = "customer.orders"
Channels = Mapping[str, tuple[int, ...]]


def ids_of(name: str, channels: Channels) -> tuple[int, ...]:
    """The store's ids behind a name. Raises ValueError for a name that is none."""
    return channels[name] if name in channels else (int(name),)


def compile_of_order(leaf: Leaf, terms: Terms) -> Callable[[Facts], bool]:
    """The test of an order's channel; a channel the store did not name is unset."""
    test = compile_test(leaf, terms.channels)
    return lambda facts: test(None if facts.order is None else facts.order.channel)


def compile_test(leaf: Leaf, channels: Channels) -> Callable[[int | None], bool]:
    """On a channel's id. Raises ValueError for an operator the family does not have."""
    if leaf.operator in ("is_set", "is_unset"):
        wanted = leaf.operator == "is_set"
        return lambda channel: (channel is not None) is wanted
    if leaf.operator not in OPERATORS:
        raise ValueError(f"no operator {leaf.operator!r} on a channel ({leaf.field})")
    ids = frozenset(one for name in _names(leaf.operand) for one in ids_of(name, channels))
    if leaf.operator in text.NEGATIONS:
        return lambda channel: channel not in ids
    return lambda channel: channel in ids


def compile_of_customer(leaf: Leaf, terms: Terms) -> Callable[[Facts], bool]:
    """The test of the channels of the counted orders. Raises ValueError."""
    counts = [_orders_through(name, terms) for name in _names(leaf.operand)]
    if leaf.operator == "has_any":
        return lambda facts: any(count(facts) for count in counts)
    if leaf.operator == "has_all":
        return lambda facts: all(count(facts) for count in counts)
    if leaf.operator == "has_none":
        return lambda facts: not any(count(facts) for count in counts)
    raise ValueError(f"no operator {leaf.operator!r} on channels ({leaf.field})")


def compile_share(field: str, terms: Terms) -> Callable[[Facts], int | None]:
    """Whole percent of the counted orders that came through one channel, rounded down; unset without orders."""
    through = _orders_through(field.removeprefix(SHARE), terms)
    return written(
        "100 * ({through}(facts) or 0) // orders if (orders := facts.totals.orders) else None", through=through
    )


def explain(leaf: Leaf) -> str:
    """`order.channel is online`, `customer.channels has any of online, 3`, `customer.channel_share.online above 80`."""
    if leaf.field.startswith(SHARE):
        return number.explain(leaf.field, leaf.operator, leaf.operand)
    said = leaf.operator.replace("_", " ")
    if leaf.operator in ("is_set", "is_unset"):
        return f"{leaf.field} {said}"
    of = " of" if leaf.operator in SET_OPERATORS else ""
    return f"{leaf.field} {said}{of} {', '.join(_names(leaf.operand))}"


def _orders_through(name: str, terms: Terms) -> Callable[[Facts], int | None]:
    return compile_number(_ORDERS, None, Only(channel=ids_of(name, terms.channels)), terms).read


def _names(operand: Operand) -> tuple[str, ...]:
    return tuple(map(str, operand)) if isinstance(operand, tuple) else (str(operand),)
