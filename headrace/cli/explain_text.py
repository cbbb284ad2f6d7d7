"""An explanation and a history as a shopkeeper reads them.

The figures and the reasons come from the evaluator; here they only become sentences.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from headrace.contracts.money import format_money

_SHOWN_ORDERS: Final = 8
_NAMES: Final = {
    "customer.spend": "spend",
    "customer.orders": "orders",
    "customer.items": "items",
    "customer.refunds": "refunds",
    "customer.visits": "visits",
    "customer.store_credit": "store credit",
    "order.items": "items in one order",
}
_MOVES: Final = {
    "enters": "puts the customer into",
    "leaves": "takes the customer out of",
    "stays": "keeps the customer in",
}
_ONE: Final = {"orders": "order", "items": "item", "visits": "visit", "items in one order": "item in one order"}


def explanation_text(found: dict[str, Any]) -> str:
    """The whole of it."""
    zone = ZoneInfo(found["timezone"])
    lines = [_headline(found, zone), *_moved(found), *_claims(found), *_memberships(found, zone), *_facts(found, zone)]
    lines += [*_waiting(found, zone), *_entries(found, zone)]
    lines += ["", f"To move: {change_text(found['smallest_change'], zone)}"]
    return "\n".join(lines)


def history_text(found: dict[str, Any]) -> str:
    """One line a change."""
    if not found["entries"]:
        return f"{found['customer']}: nothing has changed yet"
    zone = ZoneInfo(found["timezone"] or "UTC")
    rows = [(_at(one["at"], zone), _changed(one), _cause(one["cause"])) for one in found["entries"]]
    return "\n".join([found["customer"], *_table(rows)])


def change_text(change: dict[str, Any] | None, zone: ZoneInfo) -> str:
    """`38.20 GBP more spend before 24 November 2026 puts the customer into Gold (ladder loyalty)`."""
    if change is None:
        return "no single change of one figure, one flag, one value or of time alone does it"
    until = None if change["until"] is None else _day(change["until"], zone)
    moves = _moves(change)
    if change["kind"] == "time":
        return f"time alone, on {until}, {moves}"
    return f"{_by(change)}{'' if until is None else f' before {until}'} {moves}"


def _moves(change: dict[str, Any]) -> str:
    source = _source(change["entry"])
    if change["entry"] == f"rule:{change['to']}":
        return f"makes {source} fire"
    return f"{_MOVES[change['moves']]} " + (
        source if source == f"segment {change['to']}" else f"{change['to']} ({source})"
    )


def _headline(found: dict[str, Any], zone: ZoneInfo) -> str:
    at = "" if found["at"] is None else f", as of {_at(found['at'], zone)}"
    if found["group"] is None:
        return f"{found['customer']} is not moved: {found['not_ours']}{at}"
    group = found["group"] or "no group"
    why = f"because of {_source(found['won_by'])}" if found["won_by"] else "since nothing claims another"
    return f"{found['customer']} belongs in {group}, {why}{at}"


def _moved(found: dict[str, Any]) -> Iterator[str]:
    if found.get("moved_to") is not None:
        yield f"but somebody put it into {found['moved_to'] or 'no group'} in the store"


def _claims(found: dict[str, Any]) -> Iterator[str]:
    if found["claims"]:
        yield from ("", "Claims on the group")
        yield from _table(
            ("won" if one["won"] else "lost", one["group"], _source(one["rule"]), one["why"]) for one in found["claims"]
        )


def _memberships(found: dict[str, Any], zone: ZoneInfo) -> Iterator[str]:
    if found["memberships"]:
        yield from ("", "Is in")
        yield from _table((_membership(one), _since(one["since"], zone)) for one in found["memberships"])


def _membership(one: dict[str, Any]) -> str:
    if one["kind"] == "segment":
        return f"segment {one['id']}"
    return f"ladder {one['id']}, rung {one['rung']}" + (f" ({one['group']})" if one["group"] else "")


def _waiting(found: dict[str, Any], zone: ZoneInfo) -> Iterator[str]:
    if found.get("waiting"):
        yield from ("", "Still to come")
        yield from _table((_at(one["due"], zone), one["action"], _source(one["rule"])) for one in found["waiting"])


def _facts(found: dict[str, Any], zone: ZoneInfo) -> Iterator[str]:
    if found["facts"]:
        yield from ("", "What it goes by")
        yield from _table(
            (name, _value(fact["value"], zone), _orders(fact["from"])) for name, fact in sorted(found["facts"].items())
        )


def _entries(found: dict[str, Any], zone: ZoneInfo) -> Iterator[str]:
    for one in found["rules"]:
        yield from ("", f"{one['kind']} {one['id']}{_when(one)}: {_verdict(one)}")
        yield from _table(
            ("yes" if each["holds"] else "no", each["text"], _value(each["value"], zone)) for each in one["conditions"]
        )


def _when(one: dict[str, Any]) -> str:
    return f", on {one['when']}" if one["when"] else ""


def _verdict(one: dict[str, Any]) -> str:
    match one["kind"]:
        case "ladder":
            return str(one["text"])
        case "segment":
            return "in it" if one["holds"] else "not in it"
        case _:
            order = f" (looked at with order {one['order']})" if one["order"] else ""
            return ("has fired" if one["holds"] else "has not fired") + order


def _by(change: dict[str, Any]) -> str:
    by, fact = change["by"], change["fact"]
    if isinstance(by, bool):
        return f"{fact} {str(by).lower()}"
    if isinstance(by, dict) and "add" in by:
        return f'"{by["add"]}" among {fact}'
    if isinstance(by, dict) and "remove" in by:
        return f'"{by["remove"]}" no longer among {fact}'
    amount = by["amount_minor"] if isinstance(by, dict) else by
    shown = format_money(abs(amount), by["currency"]) if isinstance(by, dict) else f"{abs(amount):,}"
    if fact == "order.value":
        return f"an order of {shown}"
    name, _, window = fact.partition(" (")
    name = _NAMES.get(name, name)
    name = _ONE.get(name, name) if abs(amount) == 1 else name
    return f"{shown} {'more' if amount > 0 else 'less'} {name}{f' ({window}' if window else ''}"


def _source(source: str) -> str:
    return source.replace(":", " ", 1)


def _changed(one: dict[str, Any]) -> str:
    name, entered = one["name"], one["entered"]
    match one["kind"]:
        case "group":
            return f"{'moved to' if entered else 'no longer ours to move; was in'} {name or 'no group'}"
        case "drift":
            return f"put into {name or 'no group'} in the store, by somebody else"
        case "rung":
            ladder, _, rung = name.rpartition(":")
            group = f" ({one['group']})" if one.get("group") else ""
            return f"{'came to' if entered else 'left'} rung {rung}{group} of ladder {ladder}"
        case "claim":
            return f"rule {name} {'fired' if entered else 'was let go'}"
        case kind:
            return f"{'entered' if entered else 'left'} {kind} {name}"


def _cause(cause: str) -> str:
    what, _, rest = cause.partition(":")
    name = rest.partition(":")[0]
    match what:
        case "order.snapshot":
            return f"order {name}"
        case "customer.snapshot":
            return "the customer's account"
        case "activation":
            return "new rules"
        case "time":
            return "time passed"
        case _:
            return what


def _value(value: Any, zone: ZoneInfo) -> str:
    match value:
        case None:
            return "unset"
        case bool():
            return str(value).lower()
        case int():
            return f"{value:,}"
        case {"amount_minor": amount, "currency": currency}:
            return format_money(amount, currency)
        case {"matches": matches, "of": count}:
            return f"{matches} of {count}"
        case list():
            return ", ".join(value) or "none"
        case str() if _is_moment(value):
            return _at(value, zone)
        case _:
            return str(value)


def _orders(ids: list[str]) -> str:
    if not ids:
        return ""
    shown, more = ids[-_SHOWN_ORDERS:], len(ids) - _SHOWN_ORDERS
    first = f"{more} more, " if more > 0 else ""
    return f"from order{'' if len(ids) == 1 else 's'} {first}{', '.join(shown)}"


def _since(at: str | None, zone: ZoneInfo) -> str:
    return "" if at is None else f"since {_day(at, zone)}"


def _at(at: str | None, zone: ZoneInfo) -> str:
    if at is None:
        return "before the first clock"
    local = datetime.fromisoformat(at).astimezone(zone)
    return f"{local.day} {local:%B %Y %H:%M}"


def _day(at: str, zone: ZoneInfo) -> str:
    """The day, with the hour where it is not the day's beginning."""
    local = datetime.fromisoformat(at).astimezone(zone)
    return f"{local.day} {local:%B %Y}" + ("" if (local.hour, local.minute) == (0, 0) else f" {local:%H:%M}")


def _is_moment(text: str) -> bool:
    try:
        return len(text) > 15 and text[4] == "-" and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Columns side by side."""
    known = list(rows)
    widths = [max(map(len, column)) for column in zip(*known, strict=True)]
    for row in known:
        yield ("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()
