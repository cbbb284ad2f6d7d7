"""Tags and lists of one platform: what is wanted comes from `actions.email-tags`, for whom from `actions.contact`.

What is to be put on and taken off where is decided in `changes`; how, by the platform's `Audience`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from headrace.consumer import Applied, Arrival, Database, Finished, Result, Skip, Target, Task, TryAgain
from headrace.consumer.kind import APPLIED, Json, OutcomeKind
from headrace.consumer.ledger import load_applied, load_wanted, store_wanted
from headrace.consumer.patience import database_is_away
from headrace.contracts import topics
from headrace.contracts.actions import DesiredContact, DesiredEmailTags, Platform, Version
from services.actions.email_tags.accounts import Account
from services.actions.email_tags.audience import Audience, Change, together
from services.actions.email_tags.changes import (
    NOWHERE,
    Shared,
    call_back,
    ended,
    half_ended,
    leave,
    left_behind,
    merged,
    nothing_to_reach,
    reach,
    to_be_left,
)
from services.actions.email_tags.shared_addresses import Addresses, wishes

Wanted = dict[str, tuple[Version, Json]]
_DATABASE_AGAIN_S: Final = 1.0


class EmailTags:
    """The kind `email-tags.<platform>` (see `headrace.consumer.Kind`)."""

    decoders: Mapping[str, Callable[[bytes], Any]] = {
        topics.ACTIONS_EMAIL_TAGS: msgspec.json.Decoder(DesiredEmailTags).decode,
        topics.ACTIONS_CONTACT: msgspec.json.Decoder(DesiredContact).decode,
    }
    reads_back = False

    def __init__(self, audience: Audience, store: str, database: Database, account: Account | None = None) -> None:
        """`account`: with whom this store shares its contacts; without it, with nobody."""
        account = account or Account((store,))
        self._audience = audience
        self._store = store
        self._database = database
        self._contact = contact_kind(audience.platform)
        self.name = f"email-tags.{audience.platform}"
        self.group = f"actions.{self.name}"
        self.outcome: tuple[OutcomeKind, str] = ("tag", audience.platform)
        self.limits = audience.limits
        self._addresses = Addresses(self.name, store, sharing=account.stores)
        self._turns = account.turns
        self._reached: dict[str, tuple[Target, Result]] = {}
        """Who was reached by a batch that then failed to leave former addresses: by customer, target and result."""

    def prepare(self, connection: Connection, arrivals: Sequence[Arrival]) -> Sequence[Target | Finished]:
        """Keeps contact and tags as they come; whichever is second makes the target."""
        customers = list(dict.fromkeys(arrival.customer for arrival in arrivals))
        contacts = load_wanted(connection, self._contact, customers)
        tags = load_wanted(connection, self.name, customers)
        before = wishes(customers, contacts, tags)
        answers = [self._answer(arrival, contacts, tags) for arrival in arrivals]
        store_wanted(connection, self._contact, contacts)
        store_wanted(connection, self.name, tags)
        self._addresses.update(connection, before, wishes(customers, contacts, tags))
        rows = load_applied(connection, self.name, customers)
        return [
            answer if isinstance(answer, Finished) else _with_left(answer, rows.get(arrival.customer))
            for arrival, answer in zip(arrivals, answers, strict=True)
        ]

    def _answer(self, arrival: Arrival, contacts: Wanted, tags: Wanted) -> Target | Finished:
        customer, desired = arrival.customer, arrival.desired
        kept = contacts if isinstance(desired, DesiredContact) else tags
        if customer.partition(":")[0] != self._store:
            return Finished("skipped", "other_store", desired.version)
        if customer in kept and desired.version < kept[customer][0]:
            return Finished("stale", "older", desired.version)
        kept[customer] = desired.version, _kept(desired, self._audience.platform)
        return target_of(contacts.get(customer), tags.get(customer))

    async def read_back(self, customers: Sequence[str]) -> Mapping[str, Json]:
        """Never asked: setting a tag twice is harmless."""
        raise NotImplementedError

    async def perform(self, tasks: Sequence[Task]) -> Mapping[str, Result]:
        """First what is wanted where the customers are now, then off with it where they were."""
        places = {task.customer: {*left_behind(task), task.target.value["email"]} - {""} for task in tasks}
        async with self._turns.of(email for emails in places.values() for email in emails):
            shared = await self._of_others(places)
            results = await self._reach(tasks, shared)
            self._reached |= {
                task.customer: (task.target, results[task.customer]) for task in tasks if left_behind(task)
            }
            results = await self._leave(tasks, shared, results)
        for task in tasks:
            self._reached.pop(task.customer, None)
        return {task.customer: ended(task, results[task.customer]) for task in tasks}

    async def _of_others(self, places: Mapping[str, Collection[str]]) -> Mapping[str, Shared]:
        """As it is now: since the targets were made, others may have come to these addresses."""
        try:
            return await self._database.read(lambda connection: self._addresses.of_others(connection, places))
        except Exception as error:
            if not database_is_away(error):
                raise
            raise TryAgain("database", delay_s=_DATABASE_AGAIN_S) from error

    async def _reach(self, tasks: Sequence[Task], shared: Mapping[str, Shared]) -> dict[str, Result]:
        results = {task.customer: self._done_before(task) or nothing_to_reach(task) for task in tasks}
        todo = [task for task in tasks if self._done_before(task) is None]
        reached = [(task, change) for task in todo if (change := reach(task, shared[task.customer])) is not None]
        answers = await self._write([change for _, change in reached])
        return results | {task.customer: result for (task, _), result in zip(reached, answers, strict=True)}

    def _done_before(self, task: Task) -> Result | None:
        target, result = self._reached.get(task.customer, (None, None))
        same = target is not None and (target.version, target.value) == (task.target.version, task.target.value)
        return result if same else None

    async def _leave(
        self, tasks: Sequence[Task], shared: Mapping[str, Shared], results: dict[str, Result]
    ) -> dict[str, Result]:
        """If the new address was refused, the tags stay where they were, as the ledger says."""
        found = [
            (task, change)
            for task in tasks
            for change in (call_back if results[task.customer].result == "refused" else leave)(
                task, shared[task.customer]
            )
        ]
        answers = await self._write([change for _, change in found])
        failed = {
            task.customer: half_ended(task, results[task.customer], answer)
            for (task, _), answer in zip(found, answers, strict=True)
            if answer.result in ("refused", "overflow")
        }
        return results | failed

    async def _write(self, changes: Sequence[Change]) -> Sequence[Result]:
        """In as few calls as can be: what several customers of one address want is one change."""
        by_email: dict[str, list[Change]] = {}
        for change in changes:
            if change.put or change.take:
                by_email.setdefault(change.email, []).append(change)
        todo = [merged(several) for several in by_email.values()]
        results: dict[str, Result] = {}
        for start in range(0, len(todo), self.limits.batch):
            part = todo[start : start + self.limits.batch]
            answers = await self._audience.write(part)
            results |= {change.email: answer for change, answer in zip(part, answers, strict=True)}
        return [results.get(change.email, APPLIED) if change.put or change.take else APPLIED for change in changes]


def contact_kind(platform: Platform) -> str:
    """Under which name a platform's consumer keeps contacts. Mailchimp's, the first, has no platform in its name."""
    return "contact" if platform == "mailchimp" else f"contact.{platform}"


def target_of(contact: tuple[Version, Json] | None, tags: tuple[Version, Json] | None) -> Target:
    """The target of what is kept of a customer, one of them at least; its version is that of the newer."""
    version = max(kept[0] for kept in (contact, tags) if kept is not None)
    email = contact[1].get("email") if contact else None
    if contact is None:
        return Target(version, skip=Skip("skipped", "no_contact_yet"))
    if not email:
        return Target(version, NOWHERE)  # what we put at a former address is taken off
    if tags is None or not (tags[1]["present"] or tags[1]["absent"]):
        return Target(version, skip=Skip("skipped", "no_tags"))
    return Target(
        version,
        {"email": email, "tags": tags[1]["present"]},
        extra={"absent": tags[1]["absent"], "subscribed": contact[1].get("subscribed")},
    )


def _with_left(target: Target, row: Applied | None) -> Target:
    if target.skip is not None or row is None:
        return target
    left = to_be_left(row.value, row.intent, target.value["email"])
    return replace(target, value={**target.value, "left": left}) if left else target


def _kept(desired: DesiredContact | DesiredEmailTags, platform: Platform) -> Json:
    if isinstance(desired, DesiredEmailTags):
        present = together(desired.present.get(platform, ()), desired.lists.get(platform, ()))
        absent = together(desired.absent.get(platform, ()), desired.lists_absent.get(platform, ()))
        return {"present": present, "absent": [name for name in absent if name not in present]}
    if desired.deleted or desired.personal is None or not desired.personal.email:
        return {}
    return {"email": desired.personal.email.strip().lower(), "subscribed": desired.subscribed}
