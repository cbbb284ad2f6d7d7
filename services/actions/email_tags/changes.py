"""What is to be done at which address so that a customer's tags end as wanted, by what the ledger knows. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from headrace.consumer import Result, Task
from headrace.consumer.kind import APPLIED, Json
from services.actions.email_tags.audience import Change, Labels, labels_of, together

Shared = Mapping[str, Sequence[str]]
"""Address -> what others want there."""
NOBODY: Final[Shared] = {}
NOWHERE: Final = {"email": "", "tags": []}
"""The ledger's value of a customer who has nothing of ours anywhere."""


def reach(task: Task, shared: Shared = NOBODY) -> Change | None:
    """What to do about the customer's address; None without one."""
    email, present = task.target.value["email"], task.target.value["tags"]
    if not email:
        return None
    extra: Mapping[str, Any] = task.target.extra or {}
    others, known = shared.get(email, ()), known_tags(task)
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
        labels_of(_without(gone, (*present, *others))),
        labels_of((*present, *others)),
        certain,
        extra.get("subscribed"),
        doubtful=task.applied.intent is not None,
    )


def leave(task: Task, shared: Shared = NOBODY) -> list[Change]:
    """What to take off the customer's former addresses."""
    return [_off(task, email, names, shared) for email, names in left_behind(task).items()]


def call_back(task: Task, shared: Shared = NOBODY) -> list[Change]:
    """When the customer's address is refused: what the ledger forgets then, since only calls in doubt may have put it.

    What stands in its applied value stays where it is.
    """
    value = task.applied.value or NOWHERE
    found: dict[str, list[str]] = {}
    for email, names in _places(task.applied.intent, task.target.value):
        rest = _without(names, value["tags"] if email == value["email"] else ())
        if rest and email != task.target.value["email"]:
            found[email] = sorted({*found.get(email, ()), *rest})
    return [_off(task, email, names, shared) for email, names in found.items()]


def known_tags(task: Task) -> list[str] | None:
    """Our tags on the contact of this very address; None when that is not known for sure."""
    applied = task.applied.value
    if task.applied.intent is not None or applied is None or applied["email"] != task.target.value["email"]:
        return None
    return list(applied["tags"])


def left_behind(task: Task) -> dict[str, list[str]]:
    """Former addresses of the customer, and our tags that may still be there."""
    found: dict[str, list[str]] = {}
    for email, names in _places(task.applied.value, task.applied.intent, task.target.value):
        if email != task.target.value["email"]:
            found[email] = sorted({*found.get(email, ()), *names})
    return found


def to_be_left(value: Json, intent: Json, email: str) -> dict[str, list[str]]:
    """Addresses that only an open intent knows of, which the next one takes the place of: they go along in that."""
    known = "" if value is None else value["email"]
    return {place: sorted(names) for place, names in _places(intent) if place not in (email, known)}


def ended(task: Task, result: Result) -> Result:
    """The result as the ledger has to keep it."""
    if result.result == "skipped" and task.applied.value not in (None, NOWHERE):
        # Not to be reached there, and taken off where it was.
        return replace(result, result="unchanged", value=NOWHERE)
    if result.value is None and "left" in task.target.value:
        return replace(result, value=_plain(task.target.value))
    return result


def half_ended(task: Task, reached: Result, left: Result) -> Result:
    """Where the customer is now all is done; a former address is given up."""
    if reached.result == "refused":
        return reached
    there = NOWHERE if reached.result == "skipped" else _plain(task.target.value)
    value = there if reached.value is None else reached.value
    return Result("overflow", left.reason, left.detail, dead_letter=True, value=value)


def nothing_to_reach(task: Task) -> Result:
    """For a customer without an address."""
    return APPLIED if left_behind(task) else Result("skipped", "no_email")


def merged(changes: Sequence[Change]) -> Change:
    """Of one address, for several customers: all that any of them wants."""
    if len(changes) == 1:
        return changes[0]
    wanted = _labels(changes, "wanted")
    consents = {change.subscribed for change in changes}
    return Change(
        changes[0].email,
        _labels(changes, "put"),
        labels_of(_without(together(*_pair(_labels(changes, "take"))), together(*_pair(wanted)))),
        wanted,
        certain=all(change.certain for change in changes),
        subscribed=next((word for word in (True, False) if word in consents), None),
        doubtful=any(change.doubtful for change in changes),
    )


def _labels(changes: Sequence[Change], which: Literal["put", "take", "wanted"]) -> Labels:
    every: list[Labels] = [getattr(change, which) for change in changes]
    return labels_of(label for labels in every for label in together(*_pair(labels)))


def _pair(labels: Labels) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return labels.tags, labels.lists


def _off(task: Task, email: str, names: Iterable[str], shared: Shared) -> Change:
    others = shared.get(email, ())
    take = labels_of(_without(names, others))
    doubtful = task.applied.intent is not None
    return Change(email, Labels(), take, labels_of(others), certain=True, doubtful=doubtful)


def _places(*values: Json) -> Iterator[tuple[str, Sequence[str]]]:
    for value in values:
        if value is None:
            continue
        if value["email"] and value["tags"]:
            yield value["email"], value["tags"]
        yield from value.get("left", {}).items()


def _plain(value: Json) -> Json:
    return {"email": value["email"], "tags": value["tags"]}


def _without(names: Iterable[str], kept: Collection[str]) -> list[str]:
    return [name for name in names if name not in kept]
