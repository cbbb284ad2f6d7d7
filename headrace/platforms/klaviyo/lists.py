"""Lists by name and who is on them. Being on a list is no consent, and being taken off takes none away."""

from collections.abc import Sequence
from typing import Any, Final

from headrace.platforms.http import Request
from headrace.platforms.klaviyo.pages import any_of, paged, rows

LISTS_PER_PAGE: Final = 10
PROFILES_PER_CALL: Final = 1000
LISTS_A_DAY: Final = 150
"""So many may be made in a day, by all apps of the account together."""


def find_lists(names: Sequence[str], cursor: str | None = None) -> Request:
    """The lists of these names, the oldest first. Several may have one name."""
    params = (("filter", any_of("name", names)), ("sort", "created"), *paged(LISTS_PER_PAGE, cursor))
    return Request("GET", "/api/lists", params=params)


def create_list(name: str) -> Request:
    """Makes a list, with the account's own opt-in process. Done twice, there are two of that name."""
    body = {"data": {"type": "list", "attributes": {"name": name}}}
    return Request("POST", "/api/lists", json=body, repeatable=False)


def add_to_list(list_id: str, profile_ids: Sequence[str]) -> Request:
    """Puts up to 1000 profiles, by id, on a list. Nobody is subscribed by it. 404 (`Rejected`) without the list."""
    return _members("POST", list_id, profile_ids)


def remove_from_list(list_id: str, profile_ids: Sequence[str]) -> Request:
    """Takes up to 1000 profiles, by id, off a list. Nobody is unsubscribed by it."""
    return _members("DELETE", list_id, profile_ids)


def lists_of(body: Any) -> dict[str, str]:
    """Name -> id of the lists of a reply; of several with one name the first."""
    found: dict[str, str] = {}
    for key, attributes in rows(body, "list"):
        name = attributes.get("name")
        if isinstance(name, str):
            found.setdefault(name, key)
    return found


def list_of(body: Any) -> str | None:
    """The id of the list of a reply about one; None where there is none."""
    return next((key for key, _ in rows(body, "list")), None)


def _members(method: str, list_id: str, profile_ids: Sequence[str]) -> Request:
    if not 1 <= len(profile_ids) <= PROFILES_PER_CALL:
        raise ValueError(f"1 to {PROFILES_PER_CALL} profiles in one call")
    return Request(
        method,
        f"/api/lists/{list_id}/relationships/profiles",
        json={"data": [{"type": "profile", "id": each} for each in profile_ids]},
        repeatable=True,
        pattern="/api/lists/{}/relationships/profiles",
    )
