"""Measures a run under a tight quota: how much of our share was used, and how full the group writes were.

Samples the simulator's own counts and Kafka's lags; nothing is asked of the services.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from headrace.contracts import topics
from headrace.demo.control import SimulatorControl
from headrace.demo.observer import Observer

BUSY_LAG: Final = 100
_EVERY_S: Final = 0.25


@dataclass
class Pressure:
    """What was seen while at least 100 group actions waited. Windows are the quota's."""

    group_calls: int = 0
    group_customers: int = 0
    windows: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    """index -> calls of ours, calls of others, quota: whole windows of that time only."""

    @property
    def batch_mean(self) -> float | None:
        """Customers per group write while at least 100 waited; None if that never was."""
        return self.group_customers / self.group_calls if self.group_calls else None

    def share_used(self, share: float) -> float | None:
        """Our calls as part of what was ours to use in those windows; None if there was no whole one."""
        allowed = sum(quota for _, _, quota in self.windows.values()) * share
        return sum(ours for ours, _, _ in self.windows.values()) / allowed if allowed else None

    @property
    def others_share(self) -> float | None:
        """What the other apps used of the whole quota in those windows."""
        whole = sum(quota for _, _, quota in self.windows.values())
        return sum(others for _, others, _ in self.windows.values()) / whole if whole else None


async def sample(observer: Observer, control: SimulatorControl, pressure: Pressure) -> None:
    """Runs until cancelled, filling `pressure`."""
    before: dict[str, Any] | None = None
    while True:
        busy = await observer.lag("actions.group", [topics.ACTIONS_GROUP]) >= BUSY_LAG
        calls = await control.calls()
        if before is not None and busy:
            _add(pressure, before, calls)
        before = calls if busy else None
        await asyncio.sleep(_EVERY_S)


def _add(pressure: Pressure, before: dict[str, Any], after: dict[str, Any]) -> None:
    was, now = before["group_writes"], after["group_writes"]
    pressure.group_calls += now["calls"] - was["calls"]
    pressure.group_customers += now["customers"] - was["customers"]
    first = max((w["index"] for w in before["quota"]["windows"]), default=0)
    last = max((w["index"] for w in after["quota"]["windows"]), default=0)
    for window in after["quota"]["windows"]:
        if first < window["index"] < last:
            pressure.windows[window["index"]] = (window["ours"], window["others"], window["quota"])
