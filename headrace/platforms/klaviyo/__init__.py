"""Klaviyo, API revision 2026-07-15: requests for profiles, lists, events and jobs, and what the replies say. Pure.

Consent is never written: nothing here subscribes, unsubscribes or suppresses, or lifts a suppression. Sources: the
vendor's OpenAPI files; what they leave open is said where it matters.
"""

from headrace.platforms.klaviyo.events import Event, send_event, send_events
from headrace.platforms.klaviyo.jobs import Job, import_errors, import_job, import_profiles, job_of
from headrace.platforms.klaviyo.lists import (
    LISTS_A_DAY,
    add_to_list,
    create_list,
    find_lists,
    list_of,
    lists_of,
    remove_from_list,
)
from headrace.platforms.klaviyo.pace import LIMITS, Limit, Pace, limit_of
from headrace.platforms.klaviyo.pages import next_cursor
from headrace.platforms.klaviyo.profiles import (
    Patch,
    Profile,
    Suppression,
    list_suppressed_profiles,
    patch_profile,
    profile_of,
    profiles_by_email,
    profiles_of,
    set_values,
    suppressed_profiles,
    upsert_profile,
)

REVISION = "2026-07-15"
"""Of the API, sent with every call: without it the call is refused."""

__all__ = [
    "LIMITS",
    "LISTS_A_DAY",
    "REVISION",
    "Event",
    "Job",
    "Limit",
    "Pace",
    "Patch",
    "Profile",
    "Suppression",
    "add_to_list",
    "create_list",
    "find_lists",
    "import_errors",
    "import_job",
    "import_profiles",
    "job_of",
    "limit_of",
    "list_of",
    "list_suppressed_profiles",
    "lists_of",
    "next_cursor",
    "patch_profile",
    "profile_of",
    "profiles_by_email",
    "profiles_of",
    "remove_from_list",
    "send_event",
    "send_events",
    "set_values",
    "suppressed_profiles",
    "upsert_profile",
]
