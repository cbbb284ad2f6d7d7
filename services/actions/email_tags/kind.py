"""Tags and lists of one platform: what is wanted comes from `actions.email-tags`, for whom from `actions.contact`.

What is to be put on and taken off where is decided here; how, by the platform's `Audience`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import Connection

from headrace.consumer import Arrival, Finished, Result, Skip, Target, Task
from headrace.consumer.kind import APPLIED, Json, OutcomeKind
from headrace.consumer.ledger import load_wanted, store_wanted
from headrace.contracts import topics
from headrace.contracts.actions import DesiredContact, DesiredEmailTags, Platform, Version
from services.actions.email_tags.audience import Audience, Change, Labels, labels_of, together
from services.actions.email_tags.shared_addresses import Addresses, wishes

Wanted = dict[str, tuple[Version, Json]]


class EmailTags:
    """The kind `email-tags.<platform>` (see `headrace.consumer.Kind`)."""

    decoders: Mapping[str, Callable[[bytes], Any]] = {
        topics.ACTIONS_EMAIL_TAGS: msgspec.json.Decoder(DesiredEmailTags).decode,
        topics.ACTIONS_CONTACT: msgspec.json.Decoder(DesiredContact).decode,
    }
    reads_back = False

    def __init__(self, audience: Audience, store: str) -> None:
        self._audience = audience
        self._store = store
        self._contact = contact_kind(audience.platform)
        self.name = f"email-tags.{audience.platform}"
        self.group = f"actions.{self.name}"
        self.outcome: tuple[OutcomeKind, str] = ("tag", audience.platform)
        self.limits = audience.limits
        self._addresses = Addresses(self.name, store)

    def prepare(self, connection: Connection, arrivals: Sequence[Arrival]) -> Sequence[Target | Finished]:
        """Keeps contact and tags as they come; whichever is second makes the target."""
        customers = list(dict.fromkeys(arrival.customer for arrival in arrivals))
        contacts = load_wanted(connection, self._contact, customers)
        tags = load_wanted(connection, self.name, customers)
        before = wishes(customers, contacts, tags)
        answers = [self._answer(arrival, contacts, tags) for arrival in arrivals]
        store_wanted(connection, self._contact, contacts)
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
        kept[customer] = desired.version, _kept(desired, self._audience.platform)
        return target_of(contacts.get(customer), tags.get(customer))

    async def read_back(self, customers: Sequence[str]) -> Mapping[str, Json]:
        """Never asked: setting a tag twice is harmless."""
        raise NotImplementedError

    async def perform(self, tasks: Sequence[Task]) -> Mapping[str, Result]:
        """First what is wanted where the customers are now, then off with it where they were."""
        results = {task.customer: _nothing_to_reach(task) for task in tasks}
        reached = [(task, change) for task in tasks if (change := reach(task)) is not None]
        for task, result in zip(
            [task for task, _ in reached], await self._write([change for _, change in reached]), strict=True
        ):
            results[task.customer] = result
        # Only then: if the new address is refused, the tags stay where they were, as the ledger says.
        left = [
            (task, change) for task in tasks if results[task.customer].result != "refused" for change in leave(task)
        ]
        for (task, _), result in zip(left, await self._write([change for _, change in left]), strict=True):
            if result.result == "refused":
                results[task.customer] = result
        return results

    async def _write(self, changes: Sequence[Change]) -> Sequence[Result]:
        """In as few calls as can be: two customers of one address go one after the other."""
        results: list[Result] = [APPLIED] * len(changes)
        waiting = [number for number, change in enumerate(changes) if change.put or change.take]
        while waiting:
            turn = {changes[number].email: number for number in reversed(waiting)}
            numbers = sorted(turn.values())[: self.limits.batch]
            answers = await self._audience.write([changes[number] for number in numbers])
            for number, answer in zip(numbers, answers, strict=True):
                results[number] = answer
            waiting = [number for number in waiting if number not in {*numbers}]
        return results


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
        return Target(version, {"email": "", "tags": []})  # what we put at a former address is taken off
    if tags is None or not (tags[1]["present"] or tags[1]["absent"]):
        return Target(version, skip=Skip("skipped", "no_tags"))
    return Target(
        version,
        {"email": email, "tags": tags[1]["present"]},
        extra={"absent": tags[1]["absent"], "subscribed": contact[1].get("subscribed")},
    )


def reach(task: Task) -> Change | None:
    """What to do about the customer's address; None without one."""
    email, present = task.target.value["email"], task.target.value["tags"]
    if not email:
        return None
    extra = _extra(task)
    shared, known = extra.get("shared", {}).get(email, ()), known_tags(task)
    certain = known is not None
    if known is None:
        here = [value for value in (task.applied.value, task.applied.intent) if value and value["email"] == email]
        known = [name for value in here for name in value["tags"]]
        put, gone = present, [*extra.get("absent", ()), *known]
    else:
        put, gone = [name for name in present if name not in known], known
    return Change(
        email,
        labels_of(put),
        labels_of(_without(gone, (*present, *shared))),
        labels_of((*present, *shared)),
        certain,
        extra.get("subscribed"),
    )


def leave(task: Task) -> list[Change]:
    """What to take off the customer's former addresses."""
    found = []
    for email, names in left_behind(task).items():
        shared = _extra(task).get("shared", {}).get(email, ())
        found.append(Change(email, Labels(), labels_of(_without(names, shared)), labels_of(shared), certain=True))
    return found


def known_tags(task: Task) -> list[str] | None:
    """Our tags on the contact of this very address; None when that is not known for sure."""
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


def _nothing_to_reach(task: Task) -> Result:
    return APPLIED if left_behind(task) else Result("skipped", "no_email")


def _with_shared(target: Target, shared: Json) -> Target:
    return replace(target, extra={**(target.extra or {}), "shared": shared}) if target.skip is None else target


def _extra(task: Task) -> Mapping[str, Any]:
    return task.target.extra or {}


def _without(names: Iterable[str], kept: Collection[str]) -> list[str]:
    return [name for name in names if name not in kept]


def _kept(desired: DesiredContact | DesiredEmailTags, platform: Platform) -> Json:
    if isinstance(desired, DesiredEmailTags):
        present = together(desired.present.get(platform, ()), desired.lists.get(platform, ()))
        absent = together(desired.absent.get(platform, ()), desired.lists_absent.get(platform, ()))
        return {"present": present, "absent": [name for name in absent if name not in present]}
    if desired.deleted or desired.personal is None or not desired.personal.email:
        return {}
    return {"email": desired.personal.email.strip().lower(), "subscribed": desired.subscribed}
