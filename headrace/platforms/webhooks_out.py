"""Webhooks that we send, signed as Standard Webhooks say, by each secret while one takes another's place. Pure.

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

PREFIX: Final = "whsec_"
RETRY_AFTER_S: Final[tuple[float, ...]] = tuple(
    float(each) for each in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
)
"""How long after the first, second, ... attempt the next one comes, as the standard recommends it."""
_SHORTEST, _LONGEST = 24, 64


def read_secrets(words: str) -> tuple[bytes, ...]:
    """`whsec_<base64>`, one or, while a new one takes its place, several by commas or blanks: the newest first.

    Raises ValueError that says what is wrong and never what it is.
    """
    found = tuple(_secret(word) for word in words.replace(",", " ").split())
    if not found:
        raise ValueError("has no secret: write whsec_ and 24 to 64 bytes in base64")
    return found


def signed_headers(secrets: Sequence[bytes], *, id: str, at: datetime, body: bytes) -> dict[str, str]:
    """`webhook-id`, `webhook-timestamp` (seconds), `webhook-signature`: an entry a secret. `at`: of this attempt."""
    utc = at.astimezone(UTC)  # the library takes any other zone's hours for UTC's
    signatures = (Webhook(secret).sign(id, utc, body.decode()) for secret in secrets)
    return {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _secret(word: str) -> bytes:
    written = word.removeprefix(PREFIX).rstrip("=")
    try:
        found = base64.b64decode(written + "==")
    except (binascii.Error, ValueError):
        found = b""
    # What is no base64 is passed over in silence, so what was read is written back and compared.
    if not _SHORTEST <= len(found) <= _LONGEST or base64.b64encode(found).decode().rstrip("=") != written:
        raise ValueError("is no webhook secret: write whsec_ and 24 to 64 bytes in base64")
    return found
