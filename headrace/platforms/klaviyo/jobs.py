"""Imports of many profiles in one job: taken in at once (202), done some time later, perhaps in part.

How long a job waits is not said and it cannot be called back: whoever changes the same profiles meanwhile may be
overtaken. For what has to keep its order there is `upsert_profile`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from headrace.platforms.http import Request
from headrace.platforms.klaviyo.pages import paged, rows
from headrace.platforms.klaviyo.profiles import Patch, resource

PROFILES_PER_JOB: Final = 10_000
_ERRORS_PER_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Job:
    """A job as a reply shows it. `status`: queued, processing, complete, cancelled."""

    id: str
    status: str
    total: int
    failed: int

    @property
    def is_over(self) -> bool:
        """True when it will do nothing any more."""
        return self.status in ("complete", "cancelled")


def import_profiles(profiles: Sequence[tuple[str, Patch | None]]) -> Request:
    """Makes or changes up to 10 000 profiles by address, within 5 MB. Consent is left as it is."""
    if not 1 <= len(profiles) <= PROFILES_PER_JOB:
        raise ValueError(f"1 to {PROFILES_PER_JOB} profiles in one job")
    data = [resource(email, patch) for email, patch in profiles]
    body = {"data": {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": data}}}}
    return Request("POST", "/api/profile-bulk-import-jobs", json=body, repeatable=False)


def import_job(job_id: str) -> Request:
    """How far a job is."""
    path = f"/api/profile-bulk-import-jobs/{job_id}"
    return Request("GET", path, pattern="/api/profile-bulk-import-jobs/{}")


def import_errors(job_id: str, cursor: str | None = None) -> Request:
    """Which profiles of a job failed, and why."""
    return Request(
        "GET",
        f"/api/profile-bulk-import-jobs/{job_id}/import-errors",
        params=paged(_ERRORS_PER_PAGE, cursor),
        pattern="/api/profile-bulk-import-jobs/{}/import-errors",
    )


def job_of(body: Any) -> Job | None:
    """The job of a reply; None where there is none."""
    for key, attributes in rows(body, "profile-bulk-import-job"):
        status = attributes.get("status")
        if isinstance(status, str):
            return Job(key, status, _count(attributes, "total_count"), _count(attributes, "failed_count"))
    return None


def _count(attributes: Mapping[str, Any], name: str) -> int:
    value = attributes.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
