"""Signatures as every library of the standard verifies them."""

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from headrace.platforms.webhooks_out import RETRY_AFTER_S, read_secrets, signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def test_signed_headers__the_standards_own_vector__its_signature() -> None:
    headers = signed_headers(
        read_secrets(SECRET),
        id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=datetime.fromtimestamp(1614265330, UTC),
        body=b'{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"


def test_signed_headers__two_secrets__a_receiver_of_either_is_content() -> None:
    at = datetime.now(timezone(timedelta(hours=5)))
    headers = signed_headers(read_secrets(f"{OTHER} {SECRET}"), id="x", at=at, body='{"a":"ü"}'.encode())
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (SECRET, OTHER):
        assert Webhook(secret).verify('{"a":"ü"}', headers) == {"a": "ü"}


@pytest.mark.parametrize("changed", [{"webhook-id": "y"}, {"webhook-timestamp": "1"}, {"webhook-signature": "v1,AAAA"}])
def test_signed_headers__one_changed__not_verified(changed: dict[str, str]) -> None:
    headers = signed_headers(read_secrets(SECRET), id="x", at=datetime.now(UTC), body=b"{}")
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify("{}", headers | changed)


@pytest.mark.parametrize("words", ["", " , ", "whsec_", "whsec_c2hvcnQ=", "geheim!", "whsec_" + "A" * 200])
def test_read_secrets__none_or_no_good__says_so_without_it(words: str) -> None:
    with pytest.raises(ValueError, match="secret: write whsec_ and") as caught:
        read_secrets(words)
    assert "c2hvcnQ" not in str(caught.value)


def test_retries__as_recommended__over_three_days() -> None:
    assert RETRY_AFTER_S[:4] == (5, 300, 1800, 7200)
    assert sum(RETRY_AFTER_S) > 3 * 86400
