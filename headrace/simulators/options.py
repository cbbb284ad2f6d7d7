"""Options of a simulated store: one frozen object.

`__main__` reads them from the command line; tests build them directly.
"""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`*_s` are store seconds, `latency_ms` real milliseconds; port 0 takes a free one."""

    store: str = "store"
    speed: float = 1.0
    seed: int = 1
    host: str = "127.0.0.1"
    bigcommerce_port: int = 0
    mailchimp_port: int = 0
    klaviyo_port: int = 0
    omnisend_port: int = 0
    sendgrid_port: int = 0
    smtp_port: int = 0
    receiver_port: int = 0
    access_token: str = "token"  # noqa: S105 - a simulated store's
    client_secret: str = "secret"  # noqa: S105
    webhook_header: tuple[str, str] | None = None
    """Sent with every webhook besides the hook's own headers."""
    mailchimp_key: str = "key-us1"
    list_id: str = "list"
    klaviyo_key: str = "klaviyo-key"
    klaviyo_delay_s: float = 0.5
    """From what Klaviyo takes in with 202 to when it is done."""
    omnisend_key: str = "omnisend-key"
    sendgrid_key: str = "sendgrid-key"
    smtp_user: str = ""
    smtp_password: str = ""
    """With a user, mail is taken from who logs in with these only."""
    receiver_secret: str = ""
    """`whsec_...`: what webhooks are signed with; "" takes any. Of one name: `POST /_sim/hooks`."""
    quota: int = 450
    window_ms: int = 30_000
    """Store milliseconds; what the headers state is divided by the speed."""
    other_app_share: float = 0.0
    duplicates: float = 0.0
    reorders: float = 0.0
    max_delay_s: float = 30.0
    hook_start_delay_s: float = 0.0
    read_lag_s: float = 0.0
    latency_ms: float = 0.0
    start_time: datetime = datetime(2026, 1, 1, tzinfo=UTC)
