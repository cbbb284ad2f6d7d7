"""How many calls it takes to bring changes to the vendors, and how long: an estimate, from what each vendor takes.

Pure; the limits are those that our consumers keep to.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from headrace.platforms.bigcommerce import WRITE_LIMIT

STORE: Final = "bigcommerce"
DEFAULT_QUOTA: Final = 150
"""Calls a store of BigCommerce's Standard and Plus plans allows in a window; others allow more."""
WINDOW_S: Final = 30.0
GROUP_PART: Final = 0.30
MIRROR_PART: Final = 0.20
READ_PART: Final = 0.40
"""Parts of our share that the group consumer, the attribute mirror and `hydrate` have (decision 0002)."""


@dataclass(frozen=True, slots=True)
class Writes:
    """How many customers change: their group, their attributes, their tags by platform."""

    groups: int = 0
    attributes: int = 0
    tags: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """Calls by vendor, and how long all of it takes when the store is called as often as we may."""

    calls: dict[str, int]
    minutes: float

    @property
    def total(self) -> int:
        """All calls."""
        return sum(self.calls.values())


@dataclass(frozen=True, slots=True)
class Pace:
    """How an e-mail platform takes customers: `calls` for `customers` together, so many calls a second at most."""

    calls: int
    customers: int
    calls_a_second: float

    def calls_for(self, customers: int) -> int:
        """Of so many changes."""
        return math.ceil(customers / self.customers) * self.calls

    def seconds_for(self, customers: int) -> float:
        """The same in seconds."""
        return self.calls_for(customers) / self.calls_a_second


PACES: Final[Mapping[str, Pace]] = {
    "mailchimp": Pace(2, 1, 16.0),  # the member, then its tags; eight at once, half a second each
    "klaviyo": Pace(1, 1, 10.0),  # 750 a minute, of which 0.8 are ours
    "sendgrid": Pace(5, 100, 1.0),  # search, write, look twice at the job, search; jobs take seconds
    "omnisend": Pace(1, 1, 320 / 60),  # 400 a minute, of which 0.8 are ours; tags go together
}
"""By platform, as a first time: contacts that are there already take fewer calls."""


def cost_of(writes: Writes, *, share: float, quota: int = DEFAULT_QUOTA) -> Cost:
    """`share` of the store's `quota` (calls in 30 s) is ours.

    Our own echo is counted: the store tells of each customer whose group we changed, and those of one write are read
    again together. Of attributes that we write it tells nothing.
    """
    groups = math.ceil(writes.groups / WRITE_LIMIT)
    mirrored = math.ceil(writes.attributes / WRITE_LIMIT)
    echo = groups
    tags = {platform: PACES[platform].calls_for(count) for platform, count in (writes.tags or {}).items() if count}
    allowed = quota / WINDOW_S * share
    seconds = max(
        groups / (allowed * GROUP_PART),
        mirrored / (allowed * MIRROR_PART),
        echo / (allowed * READ_PART),
        *(PACES[platform].seconds_for(count) for platform, count in (writes.tags or {}).items()),
    )
    store = groups + mirrored + echo
    return Cost({**({STORE: store} if store else {}), **tags}, round(seconds / 60, 1))
