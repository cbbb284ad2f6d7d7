"""Visits: how often a customer came to the shop, by days of the store's zone, as `custom.visit` events tell.

Days longer ago than any window reaches are added up in one number.
"""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from headrace.segmentation.days import day_bucket
from headrace.segmentation.state import Series
from headrace.segmentation.windows import add_to

VISIT: Final = "custom.visit"
"""The type of the event that is a visit."""
KEPT_DAYS: Final = 400
LONG_AGO: Final = 0
"""The bucket of the days that are no longer kept one by one."""


def visited(visits: Series, at: datetime, zone: ZoneInfo | None, now: datetime | None) -> Series:
    """With one more visit. Before the zone is known, by the second."""
    visits = add_to(visits, ((int(at.timestamp()) if zone is None else day_bucket(at, zone), 1),))
    if now is None:
        return visits
    oldest = int((now - timedelta(days=KEPT_DAYS)).timestamp())
    old = bisect_left(visits.at, oldest)
    if not old or visits.at[:old] == (LONG_AGO,):
        return visits
    return Series((LONG_AGO, *visits.at[old:]), (sum(visits.amounts[:old]), *visits.amounts[old:]))


def by_days(visits: Series, zone: ZoneInfo | None) -> Series:
    """The same in days of the zone, now that it is known."""
    if zone is None or not visits.at:
        return visits
    days = [bucket and day_bucket(datetime.fromtimestamp(bucket, UTC), zone) for bucket in visits.at]
    return visits if tuple(days) == visits.at else add_to(Series(), zip(days, visits.amounts, strict=True))
