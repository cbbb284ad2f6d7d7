"""The receiver of `docs/effects.md`, as it stands there, takes what our sender signs and nothing else."""

import base64
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.platforms.webhooks_out import read_secrets, signed_headers
from services.actions.effects.webhook import body_of
from tests.docs.effects_book import VIP, an_effect
from tests.docs.test_commands import text_of

SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-nine bytes").decode()
Receive = Callable[[Mapping[str, str], bytes], int]


@pytest.fixture
def receive(monkeypatch: pytest.MonkeyPatch) -> Receive:
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    found = re.search(r"^```python\n(.*?)^```$", text_of("docs/effects.md"), flags=re.MULTILINE | re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(found[1], names)  # noqa: S102 - the page is ours, and this is what it shows
    made: Receive = names["receive"]
    return made


def test_receiver__signed__done_once(receive: Receive, capsys: pytest.CaptureFixture[str]) -> None:
    effect = an_effect(7, 42, "webhook", VIP)
    body = body_of(effect)
    headers = signed_headers(read_secrets(SECRET), id=effect.id, at=datetime.now(UTC), body=body)
    assert [receive(headers, body), receive(headers, body)] == [204, 204]
    assert capsys.readouterr().out == "42\n"


@pytest.mark.parametrize("secret", ["whsec_" + base64.b64encode(b"some other secret, also long").decode(), SECRET])
def test_receiver__of_somebody_else__turned_away(receive: Receive, secret: str) -> None:
    body = body_of(an_effect(7, 42, "webhook", VIP))
    headers = signed_headers(read_secrets(secret), id="7", at=datetime.now(UTC), body=body)
    assert receive(headers, body + b" ") == 401


def test_page__body_of_a_webhook__has_the_fields_that_are_sent() -> None:
    found = re.search(r'^{"type": "headrace\.effect".*$', text_of("docs/effects.md"), flags=re.MULTILINE)
    assert found is not None
    shown, sent = json.loads(found[0]), json.loads(body_of(an_effect(7, 42, "webhook", VIP)))
    assert shown.keys() == sent.keys()
    assert shown["data"].keys() == sent["data"].keys()
    assert shown["data"]["cause"].keys() == sent["data"]["cause"].keys()
    assert (shown["data"]["id"], shown["data"]["entry"]) == (sent["data"]["id"], VIP)
