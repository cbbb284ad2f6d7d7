"""May an effect go out now? Pure: the customer, the store's clock and what was sent before are arguments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from headrace.consumer.effects.sender import Contact
from headrace.contracts.effects import MARKETING, Effect, Quiet

GO: Final = "go"
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Later:
    """Not before `until`, on the store's clock."""

    until: datetime
    reason: Literal["quiet_hours", "frequency_cap"]


@dataclass(frozen=True, slots=True)
class Never:
    """It will not be done."""

    state: Literal["cancelled", "expired"]
    reason: Literal["too_old", "customer_gone", "no_contact", "consent_withdrawn"]


def look(
    effect: Effect, contact: Contact | None, *, now: datetime, sent: Sequence[datetime] = ()
) -> Literal["go"] | Later | Never:
    """`sent`: when marketing was sent to this customer, on the store's clock, in any order.

    An effect of a customer who is gone is not done; one for marketing needs consent as it stands now.
    """
    if now >= effect.expires_at:
        return Never("expired", "too_old")
    if contact is not None and contact.deleted:
        return Never("cancelled", "customer_gone")
    if effect.kind not in MARKETING:
        return GO
    if contact is None:
        return Never("cancelled", "no_contact")
    if contact.subscribed is not True:
        return Never("cancelled", "consent_withdrawn")
    if effect.quiet is not None and (until := quiet_until(effect.quiet, now)) is not None:
        return Later(until, "quiet_hours")
    if effect.cap is not None and (
        free := _free_at(sent, effect.cap.at_most, timedelta(seconds=effect.cap.per_s), now)
    ):
        return Later(free, "frequency_cap")
    return GO


def quiet_until(quiet: Quiet, now: datetime) -> datetime | None:
    """When the quiet hours end that `now` falls into, by the clocks of their zone; None outside of them.

    The first minute is quiet, the last is not. A time that a day leaves out counts as an hour later.
    """
    zone = ZoneInfo(quiet.zone)
    local = now.astimezone(zone)
    start, end = time.fromisoformat(quiet.start), time.fromisoformat(quiet.end)
    clock = local.time().replace(fold=0)
    if not (start <= clock < end if start < end else clock >= start or clock < end):
        return None
    day = local.date() + (_DAY if start > end and clock >= start else timedelta())
    ends = datetime.combine(day, end, zone).astimezone(now.tzinfo)
    return ends if ends > now else ends + timedelta(hours=1)  # the hour that comes twice


def _free_at(sent: Sequence[datetime], at_most: int, per: timedelta, now: datetime) -> datetime | None:
    """When the cap lets one more through; None: now."""
    within = sorted(at for at in sent if at > now - per)
    return within[-at_most] + per if len(within) >= at_most else None
