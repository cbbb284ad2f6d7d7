"""Three customers with the reason for their group, as the evaluator's own action records give it.

The reasons are read from `headrace.actions.group`; nothing is worked out anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from headrace.contracts.actions import DesiredGroup
from headrace.contracts.money import format_money
from headrace.demo.observer import Record
from headrace.demo.oracle import counted_amounts
from headrace.demo.scenario import CURRENCY, Scenario


@dataclass(frozen=True, slots=True)
class Sample:
    """A customer, the group they are in at the store, and why."""

    customer: str
    group: str
    reason: str


def pick_samples(
    topics: Iterable[Sequence[Record]], truth: Mapping[str, Any], scenario: Scenario, *, store: str, wanted: int = 3
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
    return tuple(
        Sample(action.customer, action.value or "(no group)", f"{reason(action)}; {_bought(action.customer, scenario)}")
        for action in chosen
    )


def reason(action: DesiredGroup) -> str:
    """`ladder loyalty, at order 397`: who won the group, and the event that led to it."""
    winner = action.cause.rules[0].replace(":", " ") if action.cause.rules else "no claim is left"
    what, _, rest = action.cause.event.partition(":")
    return f"{winner}, at {what.removesuffix('.snapshot')} {rest.split(':')[0]}"


def _bought(customer: str, scenario: Scenario) -> str:
    """The shop's own figures, to compare with."""
    number = int(customer.partition(":")[2])
    amounts = counted_amounts(scenario)
    orders = [order.id for order in scenario.shop.orders if order.customer == number and amounts[order.id]]
    spent = format_money(sum(amounts[order] for order in orders), CURRENCY)
    return f"{spent} in {len(orders)} order{'' if len(orders) == 1 else 's'}"


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
