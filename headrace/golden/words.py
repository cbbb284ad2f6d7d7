"""The words of each step of a case: its keys, and by which reader each is read."""

from typing import Any, Final

from headrace.contracts.effects import EFFECT_KINDS
from headrace.golden import values
from headrace.golden.model import StepKind, WantedEffect, World
from headrace.golden.values import Reader, amount, by_name, flag, moment, number, texts, words
from headrace.rules.catalogue import STATUSES
from headrace.rules.effects import EFFECTS
from headrace.rules.findings import Refused
from headrace.rules.reading import mapping, single_pair
from headrace.rules.yaml_source import Items, Mapping, Node, Scalar


def fields_of(node: Node, what: str, world: World, readers: dict[str, Reader]) -> dict[str, Any]:
    """The values of a mapping that has only these keys."""
    found: dict[str, Any] = {}
    for key, value in mapping(node, what).pairs:
        if key.text not in readers:
            hint = f"{what} has: {', '.join(readers)}"
            raise Refused("unknown_key", key.place, f"{what} has no {key.text!r}", hint)
        found[key.text] = readers[key.text](value, f"{key.text} of {what}", world)
    return found


def _each(what: str, readers: dict[str, Reader]) -> Reader:
    """A reader of a list of such mappings."""

    def reader(node: Node, where: str, world: World) -> tuple[dict[str, Any], ...]:
        if not isinstance(node, Items):
            raise Refused("wrong_shape", node.place, f"{where} is a list", "write [{...}, {...}]")
        return tuple(fields_of(item, what, world, readers) for item in node.items)

    return reader


def _group(node: Node, what: str, world: World) -> str | None:
    """A group's name, "" for none; null (or nothing) where the customer is not ours to move."""
    if isinstance(node, Scalar) and not node.quoted and node.text in ("", "null", "~"):
        return None
    return words(node, what, world)


def _effects(node: Node, what: str, world: World) -> tuple[WantedEffect, ...]:
    nodes = node.items if isinstance(node, Items) else (node,)
    return tuple(_effect(item, world) for item in nodes)


def _effect(node: Node, world: World) -> WantedEffect:
    """`send_email`, `{send_email: thank-you}`, `{send_email: {template: x}}`, `{do: {cards: {print: gold}}}`."""
    if not isinstance(node, Mapping):
        return WantedEffect(values.one_of(*EFFECT_KINDS)(node, "an effect", world), {})
    key, value = single_pair(node, "an effect", "{send_email: {template: thank-you}}")
    kind = values.one_of(*EFFECT_KINDS)(key, "an effect", world)
    if kind == "do" and isinstance(value, Mapping):
        consumer, said = single_pair(value, "do", "{cards: {print: gold}}")
        return WantedEffect(kind, {"consumer": consumer.text, **values.plain(said, "do", world)})
    said = values.plain(value, kind, world)
    short = EFFECTS[kind].short if kind in EFFECTS else "consumer"
    if not isinstance(said, dict) and not short:
        raise Refused("wrong_shape", value.place, f"{kind} is a mapping here", f"write {kind} alone, or {{...}}")
    return WantedEffect(kind, said if isinstance(said, dict) else {short: said})


_STATUS: Final = values.one_of(*STATUSES)
ADDRESS: Final[dict[str, Reader]] = dict.fromkeys(("country", "country_code", "state", "city", "zip"), words)
_ADDRESSES: Final = _each("an address", ADDRESS)
LINE: Final[dict[str, Reader]] = {
    "product": words,
    "name": words,
    "sku": words,
    "brand": words,
    "category": texts,
    "quantity": number,
    "price": amount,
    "backordered": number,
}
_LINES: Final = _each("a line", LINE)
_MEMBERSHIPS: Final[dict[str, Reader]] = {
    "group": _group,
    "attributes": by_name(texts),
    "tags": by_name(texts),
    "lists": by_name(texts),
    "segments": texts,
    "rungs": by_name(words),
    "effects": _effects,
}


def _absent(node: Node, what: str, world: World) -> dict[str, Any]:
    return fields_of(node, "not", world, _MEMBERSHIPS)


TOTALS: Final[dict[str, Reader]] = {
    **dict.fromkeys(("spend", "refunds", "largest"), amount),
    **dict.fromkeys(("orders", "items"), number),
}
STEPS: Final[dict[StepKind, dict[str, Reader]]] = {
    "clock": {},
    "customer": {
        **dict.fromkeys(("email", "first_name", "last_name", "phone", "company", "group"), words),
        "created": moment,
        "subscribed": flag,
        "addresses": _ADDRESSES,
        "birthday": values.a_day,
        "form": by_name(words),
        "consents": by_name(flag),
        "store_credit": amount,
        "channels": values.numbers,
    },
    "order": {
        "id": words,
        "created": moment,
        "value": amount,
        "status": _STATUS,
        "items": number,
        "channel": number,
        "shipping": amount,
        "store_credit": amount,
        "archived": flag,
        "lines": _LINES,
        "ship_to": _ADDRESSES,
        "told": lambda node, what, world: tuple(values.one_of(*STATUSES)(item, what, world) for item in _pair(node)),
    },
    "refund": {"order": words, "amount": amount, "items": number, "status": _STATUS},
    "status": {"order": words, "to": _STATUS},
    "event": {},
    "cart": {"id": words, "abandoned": amount, "converted": amount, "lines": _LINES},
    "refund_requested": {"order": words, "reason": words},
    "attribute": {"name": words, "values": texts},
    "pin": {"group": words, "reason": words, "until": moment},
    "unpin": {"reason": words},
    "deleted": {},
    "rules": {},
    "expect": {
        **_MEMBERSHIPS,
        "not": _absent,
        "deleted": flag,
        "totals": lambda node, what, world: fields_of(node, what, world, TOTALS),
        "actions": texts,
    },
}
"""By kind of step: its keys; `at` and `origin` stand beside them in all."""
REQUIRED: Final[dict[StepKind, tuple[str, ...]]] = {
    "order": ("id",),
    "refund": ("order", "amount"),
    "status": ("order", "to"),
    "refund_requested": ("order",),
    "attribute": ("name", "values"),
    "pin": ("group",),
}
BARE: Final[frozenset[StepKind]] = frozenset({"deleted", "unpin"})
"""May stand without anything: `- unpin:`."""


def _pair(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Items) and len(node.items) == 2:
        return node.items
    raise Refused("wrong_shape", node.place, "told is the status before and the one after", "write [pending, shipped]")


DOCS: Final[dict[StepKind, str]] = {
    "clock": "time goes on to this moment, and whoever is due is looked at",
    "customer": "the account is new or was changed; what is left out stays as it was; its `group` is what the"
    " store has it in, by the rules' name where they have one",
    "order": "an order is new or was changed; without `lines` it is one line of `items` units that amounts to `value`",
    "refund": "money is given back on an order, and `items` units",
    "status": "the status of an order changes",
    "event": "an event of your own: `{custom.visit: {page: home}}`",
    "cart": "a cart was `abandoned`, or `converted` into an order; the amount is its value",
    "refund_requested": "the customer asks for money back",
    "attribute": "somebody sets all values of an attribute by hand",
    "pin": "somebody puts the customer into a group by hand, as `headrace pin` does",
    "unpin": "the pin is taken off: the rules decide again",
    "deleted": "the store has deleted the customer",
    "rules": "from here on these rules are in force, written out as a text of several lines",
    "expect": "what must be so now; only what is named is compared",
}
EXPECTATIONS: Final[dict[str, str]] = {
    "group": 'the group we want the customer in; `""` = none; `null` = not ours to move',
    "attributes": "all values of each attribute that is named; `{}` = there are none at all",
    "tags": "all tags on each platform that is named; `{}` = none",
    "lists": "all lists on each platform that is named; `{}` = none",
    "segments": "ids of all segments the customer is in",
    "rungs": "the rung on each ladder that is named: its group, or its number from the lowest",
    "effects": "all effects released since the last `expect` (or the start), in any order:"
    " `send_email`, or more of it: `{send_email: {template: thank-you}}`",
    "not": "any of the above, which must not be so: `{segments: [vip]}`",
    "totals": "`spend`, `orders`, `items`, `refunds`, `largest`",
    "deleted": "true: nothing is kept of the customer any more",
    "actions": "everything the sinks were told so far, in order and in short words: `group Gold`",
}
"""What stands under `expect`."""
