"""Measures a run under a tight quota: how much of our share was used, and how full the group writes were.

Samples the simulator's own counts and Kafka's lags; nothing is asked of the services.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka.errors import KafkaError

from headrace.contracts import topics
from headrace.demo.control import SimulatorControl
from headrace.demo.observer import Observer

BUSY_LAG: Final = 100
_EVERY_S: Final = 0.25


@dataclass
class Pressure:
    """What was seen of a store while at least 100 group actions waited. Windows are the quota's."""

    group_calls: int = 0
    group_customers: int = 0
    busy: dict[int, bool] = field(default_factory=dict)
    """index of a quota window -> whether at least 100 waited at every look in it."""
    seen: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    """index -> calls of ours, calls of others, quota."""

    @property
    def windows(self) -> dict[int, tuple[int, int, int]]:
        """The whole windows of the busy time: its first and its last are not whole."""
        ends = {min(self.busy, default=0), max(self.busy, default=0)}
        return {i: self.seen[i] for i, busy in self.busy.items() if busy and i not in ends and i in self.seen}


def batch_mean(stores: Sequence[Pressure]) -> float | None:
    """Customers per group write while at least 100 waited; None if that never was."""
    calls = sum(each.group_calls for each in stores)
    return sum(each.group_customers for each in stores) / calls if calls else None


def share_used(stores: Sequence[Pressure], share: float) -> float | None:
    """Our calls as part of what was ours to use in the busy windows; None if there was no whole one."""
    allowed = sum(quota for _, _, quota in _windows(stores)) * share
    return sum(ours for ours, _, _ in _windows(stores)) / allowed if allowed else None


def others_share(stores: Sequence[Pressure]) -> float | None:
    """What the other apps used of the whole quota in those windows."""
    whole = sum(quota for _, _, quota in _windows(stores))
    return sum(others for _, others, _ in _windows(stores)) / whole if whole else None


def _windows(stores: Sequence[Pressure]) -> list[tuple[int, int, int]]:
    return [window for each in stores for window in each.windows.values()]


async def sample(observer: Observer, control: SimulatorControl, pressure: Pressure) -> None:
    """Runs until cancelled, filling `pressure`."""
    before, was_busy = await control.calls(), False
    while True:
        await asyncio.sleep(_EVERY_S)
        try:
            busy = await observer.lag("actions.group", [topics.ACTIONS_GROUP]) >= BUSY_LAG
        except KafkaError:
            busy = False  # the broker is away on purpose
        calls = await control.calls()
        note(pressure, before, calls, busy=busy and was_busy)
        before, was_busy = calls, busy


def note(pressure: Pressure, before: dict[str, Any], after: dict[str, Any], *, busy: bool) -> None:
    """One look: what was called since the last one, and whether at least 100 waited at both."""
    if busy:
        pressure.group_calls += after["group_writes"]["calls"] - before["group_writes"]["calls"]
        pressure.group_customers += after["group_writes"]["customers"] - before["group_writes"]["customers"]
    for window in after["quota"]["windows"]:
        pressure.seen[window["index"]] = (window["ours"], window["others"], window["quota"])
    for index in range(_newest(before), _newest(after) + 1):
        pressure.busy[index] = pressure.busy.get(index, True) and busy


def _newest(calls: dict[str, Any]) -> int:
    return max((window["index"] for window in calls["quota"]["windows"]), default=0)
