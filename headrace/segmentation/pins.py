"""Pins: a person's decision which group a customer is in, whatever the rules say, until it ends or is taken off.

Pure; the group counts only while the rule set has it.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from headrace.contracts.events import CustomerPinned
from headrace.segmentation.state import Pin, State, Timer

PIN: Final = "pin"
"""Source of the pin's claim and timer, and the part of the state that an event of pins changes."""
NO_GROUP: Final = ""


def pin_of(pinned: CustomerPinned, at: datetime) -> Pin:
    """The pin an event made."""
    return Pin(pinned.group, pinned.reason, at, pinned.until)


def pinned_group(pin: Pin | None, groups: Collection[str], default_group: str) -> str | None:
    """The group the customer is pinned to; None without a pin, or while the rule set does not have its group."""
    return pin.group if pin is not None and can_be_pinned(pin.group, groups, default_group) else None


def can_be_pinned(group: str, groups: Collection[str], default_group: str) -> bool:
    """Whether a rule set with these groups has it: "" is no group."""
    return group in groups or group in (NO_GROUP, default_group)


def has_ended(pin: Pin, now: datetime | None) -> bool:
    """Whether its end has come."""
    return pin.until is not None and now is not None and pin.until <= now


def pin_timer(state: State, now: datetime | None) -> Timer | None:
    """When the pin must be taken off."""
    if state.pin is None or state.pin.until is None or has_ended(state.pin, now):
        return None
    return Timer(state.pin.until, PIN)
