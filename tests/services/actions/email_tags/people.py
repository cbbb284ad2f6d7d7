"""A consumer's kind with a ledger of its own and contacts that hold what they are told: no Kafka, no vendor."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from headrace.consumer import Applied, Arrival, Database, Limits, Result, Target, Task, open_database
from headrace.consumer.dispatch import settled
from headrace.consumer.kind import APPLIED, Pending, Source
from headrace.consumer.ledger import load_applied, migrate_ledger, store_applied
from headrace.contracts.actions import Cause, ContactPersonal, DesiredContact, DesiredEmailTags, Platform
from services.actions.email_tags.audience import Change, together
from services.actions.email_tags.kind import EmailTags

STORE: Final = "s"
_SOURCE: Final = Source("actions.contact", 0, 0, None, None, datetime(2026, 1, 1, tzinfo=UTC))


@dataclass
class Contacts:
    """An audience: labels by address. `answers` may answer, or fail, instead of it."""

    labels: dict[str, set[str]] = field(default_factory=dict)
    answers: list[Callable[[Sequence[Change]], Sequence[Result] | None]] = field(default_factory=list)
    platform: Platform = "mailchimp"
    limits: Limits = field(default_factory=lambda: Limits(batch=10))
    written: list[Change] = field(default_factory=list)

    async def write(self, changes: Sequence[Change]) -> Sequence[Result]:
        """Puts and takes."""
        answer = self.answers.pop(0)(changes) if self.answers else None
        if answer is not None:
            return answer
        self.written += changes
        for change in changes:
            have = self.labels.setdefault(change.email, set())
            have |= {*together(change.put.tags, change.put.lists)}
            have -= {*together(change.take.tags, change.take.lists)}
        return [APPLIED] * len(changes)


@dataclass
class People:
    """What the loop does with a kind, a step at a time."""

    kind: EmailTags
    database: Database
    platform: Platform
    version: int = 0

    async def want(
        self, customer: str, email: str | None = None, *tags: str, subscribed: bool | None = True, absent: Any = ()
    ) -> Target:
        """Publishes a contact, or tags where `email` is None; gives the target."""
        self.version += 1
        common: dict[str, Any] = {"version": (1, self.version, 0), "cause": Cause(event="e"), "rules_version": 1}
        desired: Any
        if email is None:
            present, gone = {self.platform: tags}, {self.platform: tuple(absent)}
            desired = DesiredEmailTags(customer=customer, present=present, absent=gone, **common)
        else:
            desired = DesiredContact(
                customer=customer, subscribed=subscribed, personal=ContactPersonal(email=email), **common
            )
        arrival = Arrival(customer, desired, _SOURCE)
        (target,) = await self.database.write(lambda connection: self.kind.prepare(connection, [arrival]))
        assert isinstance(target, Target)
        return target

    async def wanted(self, customer: str, email: str, *tags: str, subscribed: bool | None = True) -> Target:
        """Contact and tags; gives the target of both."""
        await self.want(customer, None, *tags)
        return await self.want(customer, email, subscribed=subscribed)

    async def applied(self, customer: str) -> Applied:
        """The ledger's row."""
        rows = await self.database.read(lambda connection: load_applied(connection, self.kind.name, [customer]))
        return rows.get(customer, Applied())

    async def doubt(self, customer: str, target: Target) -> None:
        """A call for this target was begun, and nothing is known of it."""
        row = await self.applied(customer)
        value = row.intent if row.value is None else row.value
        await self._keep(customer, Applied(row.version, value, target.value, target.version))

    async def perform(self, *wanted: tuple[str, Target]) -> dict[str, Result]:
        """Does it in one batch, and keeps what came of it."""
        before = {customer: await self.applied(customer) for customer, _ in wanted}
        results = await self.kind.perform([Task(customer, target, before[customer]) for customer, target in wanted])
        for customer, target in wanted:
            pending = Pending(customer, target, _SOURCE, 0.0, before[customer], fresh=False)
            await self._keep(customer, settled(pending, results[customer]))
        return dict(results)

    async def _keep(self, customer: str, row: Applied) -> None:
        await self.database.write(lambda connection: store_applied(connection, self.kind.name, {customer: row}))


@asynccontextmanager
async def people_of(audience: Any, folder: Path) -> AsyncIterator[People]:
    """With a fresh database."""
    database = open_database(f"sqlite:///{folder / 'ledger.db'}")
    try:
        migrate_ledger(database)
        yield People(EmailTags(audience, STORE, database), database, audience.platform)
    finally:
        await database.close()
