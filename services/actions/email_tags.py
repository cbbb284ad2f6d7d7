"""Tags on Mailchimp members: what is wanted comes from `actions.email-tags`, to whom from `actions.contact`.

Consent is respected, never changed: a member's status is its own; a member we make is subscribed only by consent.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from headrace.consumer import Arrival, Finished, Limits, Result, Skip, Target, Task, as_advised
from headrace.consumer.kind import APPLIED, Json, OutcomeKind
from headrace.consumer.ledger import load_wanted, store_wanted
from headrace.contracts import topics
from headrace.contracts.actions import DesiredContact, DesiredEmailTags, Version
from headrace.platforms import mailchimp
from headrace.platforms.errors import Rejected
from headrace.platforms.http import VendorClient
from services.actions.shared_addresses import Addresses, wishes

CONTACT: Final = "contact"
_REFUSALS: Final = {
    "Member In Compliance State": "compliance_state",
    "Forgotten Email Not Subscribed": "forgotten_email",
    "Invalid Resource": "invalid_email",
}
"""Mailchimp's titles for addresses it will not take, whatever we do."""

Wanted = dict[str, tuple[Version, Json]]


class MailchimpTags:
    """The kind `email-tags.mailchimp` (see `headrace.consumer.Kind`)."""

    name = "email-tags.mailchimp"
    group = "actions.email-tags.mailchimp"
    outcome: tuple[OutcomeKind, str] = ("tag", "mailchimp")
    decoders: Mapping[str, Callable[[bytes], Any]] = {
        topics.ACTIONS_EMAIL_TAGS: msgspec.json.Decoder(DesiredEmailTags).decode,
        topics.ACTIONS_CONTACT: msgspec.json.Decoder(DesiredContact).decode,
    }
    limits = Limits(batch=1, concurrency=8)
    reads_back = False

    def __init__(self, client: VendorClient, list_id: str, store: str) -> None:
        self._client = client
        self._list = list_id
        self._store = store
        self._addresses = Addresses(self.name, store)

    def prepare(self, connection: Connection, arrivals: Sequence[Arrival]) -> Sequence[Target | Finished]:
        """Keeps contact and tags as they come; whichever is second makes the target."""
        customers = list(dict.fromkeys(arrival.customer for arrival in arrivals))
        contacts = load_wanted(connection, CONTACT, customers)
        tags = load_wanted(connection, self.name, customers)
        before = wishes(customers, contacts, tags)
        answers = [self._answer(arrival, contacts, tags) for arrival in arrivals]
        store_wanted(connection, CONTACT, contacts)
        store_wanted(connection, self.name, tags)
        shared = self._addresses.update(connection, before, wishes(customers, contacts, tags))
        return [
            answer if isinstance(answer, Finished) else _with_shared(answer, shared[arrival.customer])
            for arrival, answer in zip(arrivals, answers, strict=True)
        ]

    def _answer(self, arrival: Arrival, contacts: Wanted, tags: Wanted) -> Target | Finished:
        customer, desired = arrival.customer, arrival.desired
        kept = contacts if isinstance(desired, DesiredContact) else tags
        if customer.partition(":")[0] != self._store:
            return Finished("skipped", "other_store", desired.version)
        if customer in kept and desired.version < kept[customer][0]:
            return Finished("stale", "older", desired.version)
        kept[customer] = desired.version, _kept(desired)
        return target_of(contacts.get(customer), tags.get(customer))

    async def read_back(self, customers: Sequence[str]) -> Mapping[str, Json]:
        """Never asked: setting a tag twice is harmless."""
        raise NotImplementedError

    async def perform(self, tasks: Sequence[Task]) -> Mapping[str, Result]:
        """One customer a call."""
        return {task.customer: await self._one(task) for task in tasks}

    async def _one(self, task: Task) -> Result:
        shared = _extra(task).get("shared", {})
        former = left_behind(task)
        try:
            if task.target.value["email"]:
                await self._reach(task, shared.get(task.target.value["email"], ()))
            # Only then: if the new address is refused, the tags stay where they were, as the ledger says.
            for email, names in former.items():
                await self._set(email, active=(), inactive=_without(names, shared.get(email, ())))
        except Rejected as error:
            title = error.message.partition(" ")[2]
            reason = next((reason for start, reason in _REFUSALS.items() if title.startswith(start)), None)
            if reason is None:
                return Result("refused", "vendor_rejected", error.message, dead_letter=True)
            return Result("refused", reason)
        return APPLIED if task.target.value["email"] or former else Result("skipped", "no_email")

    async def _reach(self, task: Task, shared: Collection[str]) -> None:
        email, present = task.target.value["email"], task.target.value["tags"]
        known = known_tags(task)
        if known is not None:
            active = [name for name in present if name not in known]
            inactive = _without(known, (*present, *shared))
            if await self._set(email, active=active, inactive=inactive):
                return
        if present:
            consented = _extra(task).get("subscribed") is True
            consent: mailchimp.StatusIfNew = "subscribed" if consented else "transactional"
            with as_advised():
                await self._client.call(mailchimp.upsert_member(self._list, email, consent))
        here = [value for value in (task.applied.value, task.applied.intent) if value and value["email"] == email]
        uncertain = [name for value in here for name in value["tags"]]
        inactive = sorted({*_extra(task).get("absent", ()), *uncertain})
        await self._set(email, active=present, inactive=_without(inactive, (*present, *shared)))

    async def _set(self, email: str, *, active: Sequence[str], inactive: Sequence[str]) -> bool:
        """False when there is no such member."""
        if not active and not inactive:
            return True
        try:
            with as_advised():
                await self._client.call(mailchimp.set_tags(self._list, email, active, inactive))
        except Rejected as error:
            if error.status != 404:
                raise
            return False
        return True


def target_of(contact: tuple[Version, Json] | None, tags: tuple[Version, Json] | None) -> Target:
    """The target of what is kept of a customer, one of them at least; its version is that of the newer."""
    version = max(kept[0] for kept in (contact, tags) if kept is not None)
    email = contact[1].get("email") if contact else None
    if contact is None:
        return Target(version, skip=Skip("skipped", "no_contact_yet"))
    if not email:
        return Target(version, {"email": "", "tags": []})  # what we put at a former address is taken off
    if tags is None or not (tags[1]["present"] or tags[1]["absent"]):
        return Target(version, skip=Skip("skipped", "no_tags"))
    return Target(
        version,
        {"email": email, "tags": tags[1]["present"]},
        extra={"absent": tags[1]["absent"], "subscribed": contact[1].get("subscribed")},
    )


def known_tags(task: Task) -> list[str] | None:
    """Our tags on the member of this very address; None when that is not known for sure."""
    applied = task.applied.value
    if task.applied.intent is not None or applied is None or applied["email"] != task.target.value["email"]:
        return None
    return list(applied["tags"])


def left_behind(task: Task) -> dict[str, list[str]]:
    """Former addresses of the customer, and our tags that may still be there."""
    found: dict[str, list[str]] = {}
    for value in (task.applied.value, task.applied.intent):
        if value is not None and value["tags"] and value["email"] != task.target.value["email"]:
            found[value["email"]] = sorted({*found.get(value["email"], ()), *value["tags"]})
    return found


def _with_shared(target: Target, shared: Json) -> Target:
    return replace(target, extra={**(target.extra or {}), "shared": shared}) if target.skip is None else target


def _extra(task: Task) -> Mapping[str, Any]:
    return task.target.extra or {}


def _without(names: Iterable[str], kept: Collection[str]) -> list[str]:
    return [name for name in names if name not in kept]


def _kept(desired: DesiredContact | DesiredEmailTags) -> Json:
    if isinstance(desired, DesiredEmailTags):
        present = sorted(desired.present.get("mailchimp", ()))
        absent = sorted({*desired.absent.get("mailchimp", ())} - {*present})
        return {"present": present, "absent": absent}
    if desired.deleted or desired.personal is None or not desired.personal.email:
        return {}
    return {"email": desired.personal.email.strip().lower(), "subscribed": desired.subscribed}
