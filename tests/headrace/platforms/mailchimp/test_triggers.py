"""Events and journeys, against the vendor's files."""

from datetime import UTC, datetime

import pytest

from headrace.platforms.http import Request
from headrace.platforms.mailchimp.events import send_event
from headrace.platforms.mailchimp.journeys import step_of, trigger_step
from tests.headrace.platforms.openapi import Specs

MAILCHIMP = Specs("mailchimp", beyond={"effect"})
AT = datetime(2026, 1, 1, 12, 30, 5, 999, tzinfo=UTC)
REQUESTS = (
    send_event("a1b2", "Ann@x.example", "thank-you", AT, {"effect": "1"}),
    trigger_step(1, 2, " ann@x.example "),
)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.route)
def test_requests__are_in_the_vendors_files(request_: Request) -> None:
    assert MAILCHIMP.request_problems(request_) == []


def test_requests__not_to_be_repeated() -> None:
    assert [request.may_repeat for request in REQUESTS] == [False, False]
    assert REQUESTS[0].json["occurred_at"] == "2026-01-01T12:30:05+00:00"


@pytest.mark.parametrize("name", ["x", "x" * 31])
def test_send_event__a_name_it_does_not_take__is_no_request(name: str) -> None:
    with pytest.raises(ValueError, match="2 to 30"):
        send_event("a", "a@b.example", name, AT, {})


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("journey:12/34", (12, 34)),
        ("12/34", (12, 34)),
        ("thank-you", None),
        ("12", None),
        ("1/2/3", None),
        ("a/b", None),
    ],
)
def test_step_of(name: str, found: tuple[int, int] | None) -> None:
    assert step_of(name) == found
