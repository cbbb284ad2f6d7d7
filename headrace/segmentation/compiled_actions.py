"""Actions that are no claim of the moment, made ready to run: effects, and whatever waits for its time.

What is claimed at once needs nothing of this; when one of these is done, and whether, is in `effects.py`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from headrace.contracts.effects import MARKETING
from headrace.rules.model import (
    Action,
    AddAttribute,
    AddTag,
    AssignGroup,
    Condition,
    RemoveAttribute,
    RemoveTag,
    Send,
)
from headrace.segmentation.conditions.registry import CompiledCondition
from headrace.segmentation.conditions.terms import Terms
from headrace.segmentation.conditions.time import Edge, later_of
from headrace.segmentation.facts import Facts
from headrace.segmentation.rows import Row, compile_row, read_row


@dataclass(frozen=True, slots=True)
class CompiledAction:
    """`key` names it within its entry. `due`: from its cause to when it is done, None: at once."""

    key: str
    action: Action
    due: Edge | None = None
    unless: CompiledCondition | None = None
    row: Row = ()
    """Of `export_row`: what its columns are read by."""
    send: Send | None = None
    """The action, where it is an effect."""
    needs_consent: bool = False


class Fired(Struct, frozen=True):
    """An entry acted. `cause`: what it acted for; `fact_at`: when that happened.

    Of a segment or ladder `cause` is how it stands now, `entered` or `left`, and the fact is the newest that it reads.
    `follows`: from what the rules make of the customer, not from what happened. `waited`: the actions' time has come.
    `past`: an order from before the rule was looked at.
    """

    source: str
    actions: tuple[CompiledAction, ...]
    cause: str
    fact_at: datetime | None = None
    reads: frozenset[str] = frozenset()
    follows: bool = False
    waited: bool = False
    past: bool = False
    rows: Mapping[str, dict[str, Any]] | None = None
    """What the actions with a row read, by key."""


def at_once(actions: Iterable[Action]) -> tuple[Action, ...]:
    """Those that claim something the moment their entry acts."""
    return tuple(action for action in actions if action.after is None and not isinstance(action, Send))


def compile_actions(
    actions: Iterable[Action], terms: Terms, condition: Callable[[Condition], CompiledCondition]
) -> tuple[CompiledAction, ...]:
    """All others, in their order. A claim that waits is named by its kind and its number among those of its kind."""
    actions = tuple(actions)
    found, counts, taken = [], Counter[str](), {action.key for action in actions if isinstance(action, Send)}
    for action in actions:
        send = action if isinstance(action, Send) else None
        key = _numbered(action, counts, taken) if send is None else send.key
        if send is not None or action.after is not None:
            due = None if action.after is None else later_of(action.after, terms.timezone)
            unless = None if action.unless is None else condition(action.unless)
            row = () if send is None else compile_row(send, terms)
            found.append(CompiledAction(key, action, due, unless, row, send, _is_marketing(send)))
    return tuple(found)


def rows_of(actions: Sequence[CompiledAction], facts: Facts) -> dict[str, dict[str, Any]] | None:
    """The rows of those that have one, as of now."""
    for action in actions:
        if action.row:
            return {one.key: read_row(one.row, facts) for one in actions if one.row}
    return None


def explain_action(compiled: CompiledAction) -> str:
    """`send_email thank-you, after 30 days, unless customer.orders above 2`."""
    action = compiled.action
    words = [_sent(action) if isinstance(action, Send) else _KINDS[type(action)]]
    if action.after is not None:
        plural = "" if action.after.count == 1 else "s"
        words.append(f"after {action.after.count} {action.after.unit}{plural}")
    if compiled.unless is not None:
        words.append(f"unless {compiled.unless.text}")
    return ", ".join(words)


def _is_marketing(send: Send | None) -> bool:
    return send is not None and send.kind in MARKETING


def _sent(action: Send) -> str:
    name = next((str(action.with_[option]) for option in _SAID if option in action.with_), action.consumer)
    return f"{action.kind} {name}".rstrip()


_SAID: Final = ("template", "name", "channel", "file")
"""Options that tell one effect from another, and name nobody."""


def _numbered(action: Action, counts: Counter[str], taken: Collection[str]) -> str:
    kind, key = _KINDS[type(action)], ""
    while not key or key in taken:
        counts[kind] += 1
        key = kind if counts[kind] == 1 else f"{kind}-{counts[kind]}"
    return key


_KINDS: Final[dict[type[Action], str]] = {
    AssignGroup: "assign_group",
    AddAttribute: "add_attribute",
    RemoveAttribute: "remove_attribute",
    AddTag: "tag",
    RemoveTag: "untag",
}
