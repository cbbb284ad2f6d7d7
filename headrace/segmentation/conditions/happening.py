"""What an event carries that is no snapshot: the values of a cart, of a store's own event.

A value is compared as text; a list, an object and a key that is not there are unset. Never shown.
"""

from collections.abc import Callable
from typing import Any, Final

from headrace.contracts.events import CustomEvent, RefundRequested
from headrace.segmentation.facts import Facts, folded

EVENT: Final = "event."


def reader(field: str) -> Callable[[Facts], str | None]:
    """The folded text at a key of the event's payload; `event.page.kind` is `kind` within `page`."""
    key = field.removeprefix(EVENT)
    path = key.split(".")

    def read(facts: Facts) -> str | None:
        match facts.event:
            case CustomEvent(payload=payload):
                return _text(payload[key] if key in payload else _within(payload, path))
            case RefundRequested(reason=reason, order_id=order_id):
                return _text({"reason": reason, "order_id": order_id}.get(key))
            case _:
                return None

    return read


def _within(payload: Any, path: list[str]) -> Any:
    for part in path:
        if not isinstance(payload, dict):
            return None
        payload = payload.get(part)
    return payload


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return folded(value) or None
    return str(value) if isinstance(value, int | float) else None
