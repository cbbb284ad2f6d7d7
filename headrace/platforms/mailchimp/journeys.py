"""Journeys: a member is sent into one at a step with the API's trigger. It takes no values and has no key. Pure."""

import re
from typing import Final

from headrace.platforms.http import Request

_STEP: Final = re.compile(r"(?:journey:)?([0-9]{1,12})/([0-9]{1,12})")


def step_of(name: str) -> tuple[int, int] | None:
    """`journey:123/456` or `123/456`: journey and step, as the vendor's address of the trigger has them; else None."""
    match = _STEP.fullmatch(name.strip())
    return (int(match[1]), int(match[2])) if match else None


def trigger_step(journey: int, step: int, email: str) -> Request:
    """204; 400 or 404 (`Rejected`) for who is not subscribed to the journey's audience, or no such step."""
    return Request(
        "POST",
        f"/customer-journeys/journeys/{journey}/steps/{step}/actions/trigger",
        json={"email_address": email.strip()},
        repeatable=False,
        pattern="/customer-journeys/journeys/{}/steps/{}/actions/trigger",
    )
