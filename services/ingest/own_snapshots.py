"""Customers and orders as a store's own system posts them: for shops that are not on BigCommerce. Pure.

Their shapes are those of the log (`schemas/events/`), so nothing is guessed; who posts them is `own_events`'.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from headrace.contracts.events import (
    ATTRIBUTE_SET,
    CART_ABANDONED,
    CART_CONVERTED,
    CUSTOMER_DELETED,
    CUSTOMER_SNAPSHOT,
    ORDER_REMOVED,
    ORDER_SNAPSHOT,
    CustomerDeleted,
    CustomerSnapshot,
    EventData,
    OrderRemoved,
    OrderSnapshot,
    event_types,
    revision,
)

POSTED: Final = (
    *(CUSTOMER_SNAPSHOT, CUSTOMER_DELETED, ORDER_SNAPSHOT, ORDER_REMOVED),
    *(CART_ABANDONED, CART_CONVERTED, ATTRIBUTE_SET),
)
"""What may be posted besides `custom.*` and `refund.requested`."""


class Misshapen(ValueError):
    """It is not what its schema says. `field` is where; the message repeats nothing of it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def read_posted(kind: str, payload: Mapping[str, Any], customer: str) -> EventData:
    """The data of the event. `customer`: the id it is posted for. Raises `Misshapen`."""
    try:
        data: EventData = msgspec.convert(payload, event_types()[kind])  # type: ignore[assignment]  # one struct a type
    except msgspec.ValidationError as error:
        path = str(error).rpartition("`$")[2].rstrip("`").lstrip(".") if "`$" in str(error) else ""
        field = ".".join(filter(None, ("payload", path)))
        raise Misshapen(field, f"is not what schemas/events/{kind}.schema.json says") from error
    if isinstance(data, CustomerSnapshot | CustomerDeleted) and data.customer_id != customer:
        raise Misshapen("payload.customer_id", "differs from customer")
    return data


def moment_and_revision(data: EventData, time: datetime, now: datetime) -> tuple[datetime, str | None]:
    """When it happened, and the revision of a snapshot: when it was changed, and when we were told."""
    if isinstance(data, CustomerSnapshot | OrderSnapshot):
        return data.modified_at.astimezone(UTC), revision(data.modified_at, now)
    if isinstance(data, CustomerDeleted | OrderRemoved):
        return time, revision(time, now)
    return time, None


def refuse_future(data: EventData, now: datetime, ahead: timedelta) -> None:
    """Raises `Misshapen` for dates that are further ahead."""
    for name in ("created_at", "modified_at"):
        at = getattr(data, name, None)
        if isinstance(at, datetime) and at > now + ahead:
            raise Misshapen(f"payload.{name}", "is more than 5 minutes ahead")
