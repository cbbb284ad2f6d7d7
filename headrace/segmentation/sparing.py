"""When customers are left alone: quiet hours by their own clocks, and how often they are written to.

It is told with each marketing effect; who sends it keeps to it, since only that one knows when it goes out.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from headrace.contracts.effects import Cap, Quiet
from headrace.rules.model import Duration, RuleSet
from headrace.rules.zones import zone_of
from headrace.segmentation.state import Profile

_LENGTHS: Final = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "month": timedelta(days=30),
    "year": timedelta(days=365),
}
"""A cap is counted in seconds: a month is thirty days."""


@dataclass(frozen=True, slots=True)
class Sparing:
    """`quiet`: in the store's zone."""

    quiet: Quiet | None
    cap: Cap | None

    def quiet_for(self, profile: Profile | None) -> Quiet | None:
        """By the clocks where the customer's first address is, else by the store's."""
        if self.quiet is None or profile is None:
            return self.quiet
        zones = (zone_of(place.country, place.state) for place in profile.places)
        zone = next((zone for zone in zones if zone is not None), None)
        return self.quiet if zone is None else Quiet(start=self.quiet.start, end=self.quiet.end, zone=zone)


def sparing_of(rule_set: RuleSet) -> Sparing | None:
    """None where the rules name neither."""
    hours, often = rule_set.quiet_hours, rule_set.frequency_cap
    if hours is None and often is None:
        return None
    return Sparing(
        quiet=None if hours is None else Quiet(start=hours.start, end=hours.end, zone=rule_set.store.timezone),
        cap=None if often is None else Cap(at_most=often.count, per_s=_seconds(often.per)),
    )


def _seconds(per: Duration) -> int:
    return int((per.count * _LENGTHS[per.unit]).total_seconds())
