"""Visits: how often a customer came to the shop, by days of the store's zone, as `custom.visit` events tell.

Days longer ago than any window reaches are added up in one number.
"""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from headrace.segmentation.days import day_bucket
from headrace.segmentation.state import Series
from headrace.segmentation.windows import Buckets, add_to, series_of

VISIT: Final = "custom.visit"
"""The type of the event that is a visit."""
KEPT_DAYS: Final = 400
LONG_AGO: Final = 0
"""The bucket of the days that are no longer kept one by one."""


def visited(visits: Series, at: datetime, zone: ZoneInfo, now: datetime | None) -> Series:
    """With one more visit."""
    visits = add_to(visits, ((day_bucket(at, zone), 1),))
    if now is None:
        return visits
    oldest, kept = int((now - timedelta(days=KEPT_DAYS)).timestamp()), Buckets()
    for bucket, amount in zip(visits.at, visits.amounts, strict=True):
        place = bucket if bucket >= oldest else LONG_AGO
        kept[place] = kept.get(place, 0) + amount
    return series_of(kept)
