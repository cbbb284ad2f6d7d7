"""Jobs that change who may be mailed. They answer 202 without a word of what becomes of it.

Subscribing lifts suppressions; unsubscribing from a list whose member somebody is not ends all mail.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from headrace.simulators.call import Answer
from headrace.simulators.klaviyo.account import Account, Invalid, is_email
from headrace.simulators.klaviyo.wire import HOST, answer

_KINDS: Final[Mapping[str, tuple[str, int]]] = {
    "/api/profile-subscription-bulk-create-jobs": ("profile-subscription-bulk-create-job", 1000),
    "/api/profile-subscription-bulk-delete-jobs": ("profile-subscription-bulk-delete-job", 100),
    "/api/profile-suppression-bulk-create-jobs": ("profile-suppression-bulk-create-job", 100),
    "/api/profile-suppression-bulk-delete-jobs": ("profile-suppression-bulk-delete-job", 100),
}
TEMPLATES: Final = tuple(_KINDS)


def accept(account: Account, template: str, body: Any) -> tuple[Answer, Callable[[], None]]:
    """The answer, and what is to be done later. Raises Invalid."""
    kind, most = _KINDS[template]
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict) or data.get("type") != kind:
        raise Invalid(f"A {kind} is required.", "/data")
    attributes = data.get("attributes") or {}
    list_id = _list_of(account, data)
    emails = _emails(attributes, most)
    if template.endswith("subscription-bulk-create-jobs"):
        _check_history(attributes)
    act = {
        "profile-subscription-bulk-create-job": lambda email: account.subscribe(email, list_id),
        "profile-subscription-bulk-delete-job": lambda email: account.unsubscribe(email, list_id),
        "profile-suppression-bulk-create-job": account.suppress,
        "profile-suppression-bulk-delete-job": account.unsuppress,
    }[kind]

    def work() -> None:
        for email in emails:
            act(email)

    return _taken_in(kind, template, len(emails)), work


def _emails(attributes: Mapping[str, Any], most: int) -> list[str]:
    entries = (attributes.get("profiles") or {}).get("data")
    if not isinstance(entries, list) or not 1 <= len(entries) <= most:
        raise Invalid(f"1 to {most} profiles are required.", "/data/attributes/profiles/data")
    found = []
    for number, entry in enumerate(entries):
        email = ((entry.get("attributes") or {}) if isinstance(entry, dict) else {}).get("email")
        if not is_email(email):
            raise Invalid("Invalid email address", f"/data/attributes/profiles/data/{number}/attributes/email")
        found.append(str(email))
    return found


def _check_history(attributes: Mapping[str, Any]) -> None:
    """A date of consent belongs to an import of the past, and only there."""
    past = bool(attributes.get("historical_import"))
    for number, entry in enumerate(attributes["profiles"]["data"]):
        channels = entry["attributes"].get("subscriptions") or {}
        marketing = (channels.get("email") or {}).get("marketing") or {}
        if past != ("consented_at" in marketing):
            where = f"/data/attributes/profiles/data/{number}/attributes/subscriptions/email/marketing/consented_at"
            raise Invalid("consented_at is required with historical_import, and not allowed without it.", where)


def _list_of(account: Account, data: Mapping[str, Any]) -> str | None:
    named = ((data.get("relationships") or {}).get("list") or {}).get("data") or {}
    list_id = named.get("id")
    if list_id is not None and list_id not in account.lists:
        raise Invalid("The list does not exist.", "/data/relationships/list/data/id")
    return list_id


def _taken_in(kind: str, path: str, count: int) -> Answer:
    """Of suppressions a job is shown, of subscriptions nothing."""
    if "subscription" in kind:
        return Answer(202)
    attributes = {"status": "queued", "created_at": "2026-01-01T00:00:00+00:00", "total_count": count}
    resource = {"type": kind, "id": "01SIMJOB", "attributes": attributes, "links": {"self": f"{HOST}{path}/01SIMJOB"}}
    return answer({"data": resource}, 202)
