"""Clients for a deployment's vendors, from its settings.

What is called through them does not live here.
"""

from typing import Final, Protocol

from pydantic import SecretStr

from headrace.platforms.gate import Gate
from headrace.platforms.http import VendorClient
from headrace.platforms.quota import Windows

MAILCHIMP_CONNECTIONS: Final = 8
"""Mailchimp allows 10 at a time per key, over all apps."""
BIGCOMMERCE_WRITES_AT_ONCE: Final = 3
"""What BigCommerce allows for customers, attributes and attribute values."""


class BigCommerceSettings(Protocol):
    """The fields of a service's settings that a BigCommerce client needs."""

    @property
    def store(self) -> str: ...
    @property
    def bigcommerce_url(self) -> str: ...
    @property
    def bigcommerce_token(self) -> SecretStr: ...
    @property
    def bigcommerce_quota_share(self) -> float: ...


class MailchimpSettings(Protocol):
    """The fields of a service's settings that a Mailchimp client needs."""

    @property
    def mailchimp_url(self) -> str: ...
    @property
    def mailchimp_key(self) -> SecretStr: ...


def make_bigcommerce(
    settings: BigCommerceSettings, weight: float, *, max_concurrency: int = BIGCOMMERCE_WRITES_AT_ONCE
) -> VendorClient:
    """A client whose calls stay inside `weight` (0 to 1) of our share of the store's quota.

    The sum of all processes' weights must not exceed 1. Paths begin with `/v2` or `/v3`.
    """
    return VendorClient(
        "bigcommerce",
        base_url=f"{settings.bigcommerce_url.rstrip('/')}/stores/{settings.store}",
        headers={"X-Auth-Token": settings.bigcommerce_token.get_secret_value()},
        gate=Gate(Windows(settings.bigcommerce_quota_share * weight)),
        max_concurrency=max_concurrency,
    )


def make_mailchimp(settings: MailchimpSettings) -> VendorClient:
    """A client for the Marketing API; paths begin with `/lists`."""
    base = settings.mailchimp_url.rstrip("/")
    return VendorClient(
        "mailchimp",
        base_url=base if base.endswith("/3.0") else f"{base}/3.0",
        auth=("headrace", settings.mailchimp_key.get_secret_value()),
        max_concurrency=MAILCHIMP_CONNECTIONS,
    )
