"""Three customers with the reason for their group, as the evaluator's own action records give it.

The reasons are read from `headrace.actions.group`; nothing is worked out anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from headrace.contracts.actions import DesiredGroup
from headrace.demo.observer import Record


@dataclass(frozen=True, slots=True)
class Sample:
    """A customer, the group they are in at the store, and why."""

    customer: str
    group: str
    reason: str


def pick_samples(
    topics: Iterable[Sequence[Record]], truth: Mapping[str, Any], store: str, *, wanted: int = 3
) -> tuple[Sample, ...]:
    """One customer of each of the rarest groups: those have the most to tell."""
    newest = _newest(topics)
    by_group: dict[str, list[DesiredGroup]] = {}
    for number, end in truth["customers"].items():
        action = newest.get(f"{store}:{number}")
        if action is not None and action.value == end["group"]:
            by_group.setdefault(end["group"], []).append(action)
    rarest = sorted(by_group, key=lambda group: (len(by_group[group]), group))
    chosen = [max(by_group[group], key=lambda action: action.version) for group in rarest[:wanted]]
    return tuple(Sample(action.customer, action.value or "(no group)", reason(action)) for action in chosen)


def reason(action: DesiredGroup) -> str:
    """`segment vip, since order.snapshot 4711 (rule set 1)`."""
    rules = ", ".join(rule.replace(":", " ") for rule in action.cause.rules) or "no claim is left"
    what, _, rest = action.cause.event.partition(":")
    return f"{rules}; decided at {what} {rest.split(':')[0]} ({action.cause.origin}, rule set {action.rules_version})"


def _newest(topics: Iterable[Sequence[Record]]) -> dict[str, DesiredGroup]:
    decode = msgspec.json.Decoder(DesiredGroup).decode
    newest: dict[str, DesiredGroup] = {}
    for records in topics:
        for record in records:
            if record.value is None:
                continue
            action = decode(record.value)
            before = newest.get(action.customer)
            if before is None or before.version < action.version:
                newest[action.customer] = action
    return newest
