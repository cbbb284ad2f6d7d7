"""Every request against the vendor's own file."""

import pytest

from headrace.platforms import mailchimp
from headrace.platforms.http import Request
from tests.headrace.platforms.openapi import Specs

MAILCHIMP = Specs("mailchimp")
REQUESTS = (
    mailchimp.upsert_member("a1b2", "ann@x.example", "transactional", {"FNAME": "Ann"}),
    mailchimp.upsert_member("a1b2", "ann@x.example", "subscribed"),
    mailchimp.set_tags("a1b2", "ann@x.example", ["VIP"], ["Old"], is_syncing=True),
    mailchimp.member("a1b2", "ann@x.example"),
)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: one.route)
def test_requests__are_in_the_vendors_files(request_: Request) -> None:
    assert MAILCHIMP.request_problems(request_) == []
