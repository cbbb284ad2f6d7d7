"""What every route needs of a store: the database, the way into the log, and what the mirror knows."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from headrace.consumer import Database
from headrace.contracts.events import ATTRIBUTE_SET, AttributeSet, encode_event
from services.attributes.api.models import MAX_CUSTOMER
from services.attributes.definition_table import load_definitions
from services.attributes.definitions import Definitions
from services.attributes.layout import Room

Publish = Callable[[str, bytes], Awaitable[None]]
"""Writes an event under a customer's key; returns when Kafka has acknowledged."""


@dataclass(frozen=True, slots=True)
class Shop:
    """One store's."""

    database: Database
    store: str
    publish: Publish
    room: Callable[[], Room]
    scope: str = ""
    """Whose revisions of definitions (see `definition_table`)."""

    def has(self, customer: str) -> bool:
        """Whether a key is one of a customer of this store."""
        prefix, _, rest = customer.partition(":")
        return prefix == self.store and bool(rest) and len(customer) <= MAX_CUSTOMER and "\0" not in customer

    async def definitions(self) -> Definitions:
        """As they are now. Raises `sqlalchemy.exc.DBAPIError`."""
        return await self.database.read(lambda connection: load_definitions(connection, self.store))

    async def set(self, customer: str, name: str, values: tuple[str, ...], *, event_id: str) -> None:
        """Publishes the event of a value set by hand. Raises KafkaError, TimeoutError."""
        event = encode_event(
            AttributeSet(name=name, values=values),
            type=ATTRIBUTE_SET,
            id=event_id,
            store=self.store,
            subject=customer,
            time=datetime.now(UTC),
            origin="live",
        )
        await self.publish(customer, event)
