"""A mail by a dynamic template, against the vendor's file."""

from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.platforms.http import Reply, Request
from headrace.platforms.sendgrid import mail
from tests.headrace.platforms.openapi import Specs

SENDGRID = Specs("sendgrid", beyond={"coupon", "code"})
MAIL = mail.send_mail(
    to=" a@b.example ",
    from_="shop@b.example",
    from_name="Shop",
    template_id="d-1",
    effect="e" * 32,
    data={"coupon": {"code": "X"}},
    group=7,
)


def _reply(body: Any, headers: dict[str, str] | None = None) -> Reply:
    return Reply(200, headers or {}, body, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "request_", [MAIL, mail.dynamic_templates(), mail.dynamic_templates("t")], ids=lambda request: request.route
)
def test_requests__are_in_the_vendors_files(request_: Request) -> None:
    assert SENDGRID.request_problems(request_) == []


def test_send_mail__not_to_be_repeated_and_named_by_the_effect() -> None:
    part = MAIL.json["personalizations"][0]
    assert (MAIL.may_repeat, part["custom_args"], part["to"]) == (
        False,
        {"headrace_effect": "e" * 32},
        [{"email": "a@b.example"}],
    )
    assert MAIL.json["asm"] == {"group_id": 7}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"result": [{"name": "a", "id": "d-1"}, {"name": 1}, 7]}, {"a": "d-1"}),
        ({"templates": [{"name": "a", "id": "d-1"}]}, {"a": "d-1"}),
        ({"result": 5}, {}),
        (None, {}),
        ([], {}),
    ],
)
def test_template_ids(body: Any, found: dict[str, str]) -> None:
    assert mail.template_ids(_reply(body)) == found


def test_sent_id__with_and_without() -> None:
    assert (mail.sent_id(_reply(None, {"x-message-id": "m1"})), mail.sent_id(_reply(None))) == ("m1", "")
