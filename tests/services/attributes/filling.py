"""Values put into a database as the action topic would."""

from collections.abc import Sequence
from datetime import UTC, datetime

from headrace.consumer.database import Database
from headrace.contracts.actions import Cause, DesiredAttributes
from services.attributes.store import keep


async def fill(database: Database, customers: Sequence[str], **present: Sequence[str]) -> None:
    """These values for each of these customers."""
    values = {name: tuple(several) for name, several in present.items()}
    cause, at = Cause(event="e"), datetime(2026, 1, 1, tzinfo=UTC)
    records = [
        DesiredAttributes(customer=one, version=(1, 1, 0), present=values, absent={}, cause=cause, rules_version=1)
        for one in customers
    ]
    await database.write(lambda c: keep(c, [(record, at) for record in records]))
