"""SendGrid Marketing: requests for contacts, lists and custom fields, and what the replies say. Pure.

It has no tags: they are kept together in one text field of a contact. Writes are jobs that end a while after the reply.
Source: the vendor's OpenAPI files; identifiers, jobs and limits as in design/vendors.md 5.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from headrace.platforms.http import Reply, Request

EMAILS_PER_SEARCH: Final = 100
CONTACTS_PER_CALL: Final = 1000
"""The vendor takes 30,000 or 6 MB; ours are searched for first."""
IDS_PER_REMOVAL: Final = 100
"""Ids of contacts in an address: keeps it under 4 kB."""
PAGE: Final = 1000
MAX_FIELD_CHARACTERS: Final = 1000
"""Of a text field."""
_IDENTIFIERS: Final = ("phone_number_id", "external_id", "anonymous_id")
"""Besides the address: all that a contact has must go along when it is written, else another contact is meant."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact as it was found. `fields`: custom fields by name (some replies: by id).

    `email`: its own address, which may be another than the one it was found by.
    """

    id: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    lists: frozenset[str] = frozenset()
    identifiers: Mapping[str, str] = field(default_factory=dict)
    email: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """How far a job is. `errored`: rows that were not taken; `failed`: nobody knows which were."""

    finished: bool
    errored: int = 0
    failed: bool = False


def search_emails(emails: Sequence[str]) -> Request:
    """Contacts of these addresses (`contacts_of`). 404 (`Rejected`) when there is none of them."""
    if not 1 <= len(emails) <= EMAILS_PER_SEARCH:
        raise ValueError(f"1 to {EMAILS_PER_SEARCH} addresses in one call")
    return Request("POST", "/v3/marketing/contacts/search/emails", json={"emails": list(emails)}, repeatable=True)


def upsert_contacts(contacts: Sequence[Mapping[str, Any]], list_ids: Sequence[str] = ()) -> Request:
    """Makes or changes contacts (`contact_row`) and puts all of them on these lists: a job (`job_of`)."""
    if not 1 <= len(contacts) <= CONTACTS_PER_CALL:
        raise ValueError(f"1 to {CONTACTS_PER_CALL} contacts in one call")
    body: dict[str, Any] = {"contacts": list(contacts)}
    return Request("PUT", "/v3/marketing/contacts", json={"list_ids": list(list_ids), **body} if list_ids else body)


def contact_row(email: str, fields: Mapping[str, str], known: Contact | None = None) -> dict[str, Any]:
    """A contact to be written; `fields` by the ids of custom fields. What is left out stays as it is.

    One that was found by an alternate address is written by its own.
    """
    identifiers = known.identifiers if known else {}
    return {
        "email": (known.email if known else "") or email,
        **identifiers,
        **({"custom_fields": dict(fields)} if fields else {}),
    }


def job(job_id: str) -> Request:
    """How far a job of `upsert_contacts` is (`job_state`)."""
    return Request("GET", f"/v3/marketing/contacts/imports/{job_id}", pattern="/v3/marketing/contacts/imports/{}")


def remove_from_list(list_id: str, contact_ids: Sequence[str]) -> Request:
    """Takes contacts off a list, a while after the reply. The ids are told only once a contact's job has ended."""
    if not 1 <= len(contact_ids) <= IDS_PER_REMOVAL:
        raise ValueError(f"1 to {IDS_PER_REMOVAL} contacts in one call")
    return Request(
        "DELETE",
        f"/v3/marketing/lists/{list_id}/contacts",
        params=(("contact_ids", ",".join(contact_ids)),),
        pattern="/v3/marketing/lists/{}/contacts",
    )


def lists(page_token: str = "") -> Request:
    """Lists (`ids_by_name`, `next_token`)."""
    params = (("page_size", str(PAGE)), *((("page_token", page_token),) if page_token else ()))
    return Request("GET", "/v3/marketing/lists", params=params)


def create_list(name: str) -> Request:
    """Makes a list; 400 (`Rejected`) when there is one of that name. The reply is the list."""
    return Request("POST", "/v3/marketing/lists", json={"name": name})


def field_definitions() -> Request:
    """Custom fields (`fields_by_name`): at most 500 an account."""
    return Request("GET", "/v3/marketing/field_definitions")


def create_field(name: str) -> Request:
    """Makes a text field; its name is letters, digits and `_`, and unlike any other's in capitals too."""
    return Request("POST", "/v3/marketing/field_definitions", json={"name": name, "field_type": "Text"})


def contacts_of(reply: Reply) -> dict[str, Contact]:
    """Address in small letters -> contact, of those that were found."""
    result = _dict(_dict(reply.json).get("result"))
    rows = {str(email).lower(): _dict(_dict(row).get("contact")) for email, row in result.items()}
    return {email: _contact(row) for email, row in rows.items() if isinstance(row.get("id"), str)}


def job_of(reply: Reply) -> str | None:
    """The id of the job that a write became."""
    found = _dict(reply.json).get("job_id")
    return found if isinstance(found, str) and found else None


def job_state(reply: Reply) -> Job:
    """From the reply to `job`. A job that failed as a whole counts one row at least."""
    body = _dict(reply.json)
    status, errored = body.get("status"), _dict(body.get("results")).get("errored_count")
    count = errored if isinstance(errored, int) and not isinstance(errored, bool) and errored > 0 else 0
    if status in ("errored", "failed"):
        return Job(finished=True, errored=max(1, count), failed=status == "failed")
    return Job(finished=status == "completed", errored=count)


def ids_by_name(reply: Reply) -> dict[str, str]:
    """Of lists."""
    return _named(_dict(reply.json).get("result"))


def fields_by_name(reply: Reply) -> dict[str, str]:
    """Custom fields: name in small letters -> id."""
    return {name.lower(): key for name, key in _named(_dict(reply.json).get("custom_fields")).items()}


def made_id(reply: Reply) -> str | None:
    """The id of a list or field that was made."""
    found = _dict(reply.json).get("id")
    return found if isinstance(found, str) and found else None


def next_token(reply: Reply) -> str | None:
    """Of the page after this one; None at the end."""
    address = _dict(_dict(reply.json).get("_metadata")).get("next")
    if not isinstance(address, str):
        return None
    try:
        found = parse_qs(urlsplit(address).query)
    except ValueError:
        return None
    return found.get("page_token", [None])[0] or None


def encode_tags(tags: Iterable[str]) -> str:
    """`;Gold;VIP;`, sorted, so that a segment can ask for `;VIP;`; "" for none. A semicolon in a tag is written %3B."""
    names = sorted({tag.replace("%", "%25").replace(";", "%3B") for tag in tags})
    return f";{';'.join(names)};" if names else ""


def decode_tags(text: str) -> list[str]:
    """What `encode_tags` put together."""
    return [name.replace("%3B", ";").replace("%25", "%") for name in text.split(";") if name]


def _contact(row: Mapping[str, Any]) -> Contact:
    ids = row.get("list_ids")
    return Contact(
        row["id"],
        _dict(row.get("custom_fields")),
        frozenset(one for one in ids if isinstance(one, str)) if isinstance(ids, list) else frozenset(),
        {name: row[name] for name in _IDENTIFIERS if isinstance(row.get(name), str) and row[name]},
        row["email"] if isinstance(row.get("email"), str) else "",
    )


def _named(rows: Any) -> dict[str, str]:
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    pairs = [(row.get("name"), row.get("id")) for row in found]
    return {name: key for name, key in pairs if isinstance(name, str) and isinstance(key, str)}


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
