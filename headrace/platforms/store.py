"""Clients for a deployment's vendors, from its settings.

What is called through them does not live here.
"""

import math
import time
from typing import Final, Protocol

from pydantic import SecretStr

from headrace.platforms import klaviyo, omnisend
from headrace.platforms.gate import Gate
from headrace.platforms.http import VENDOR_RETRY, VendorClient
from headrace.platforms.klaviyo.gates import Gates
from headrace.platforms.quota import Windows
from headrace.platforms.sliding import Both, SlidingWindow
from headrace.runtime.retry import RetryPolicy

MAILCHIMP_CONNECTIONS: Final = 8
"""Mailchimp allows 10 at a time per key, over all apps."""
KLAVIYO_CONNECTIONS: Final = 24
"""Klaviyo names no limit; as many as wait at the doors of slow endpoints must leave some for the others."""
_MINUTE_S: Final = 60.0
CALL_DEADLINE_S: Final = 10.0
"""How long one call may take, connection and all."""
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


class KlaviyoSettings(Protocol):
    """The fields of a service's settings that a Klaviyo client needs."""

    @property
    def klaviyo_url(self) -> str: ...
    @property
    def klaviyo_key(self) -> SecretStr: ...
    @property
    def klaviyo_quota_share(self) -> float: ...


class OmnisendSettings(Protocol):
    """The fields of a service's settings that an Omnisend client needs."""

    @property
    def omnisend_url(self) -> str: ...
    @property
    def omnisend_key(self) -> SecretStr: ...
    @property
    def omnisend_quota_share(self) -> float: ...


class SendGridSettings(Protocol):
    """The fields of a service's settings that a SendGrid client needs."""

    @property
    def sendgrid_url(self) -> str: ...
    @property
    def sendgrid_key(self) -> SecretStr: ...


def writes_at_once(weight: float, whole: float) -> int:
    """For a replica: the store allows so many to a role (`whole`, its part of our share), `weight` of it is ours."""
    return max(1, min(BIGCOMMERCE_WRITES_AT_ONCE, math.floor(BIGCOMMERCE_WRITES_AT_ONCE * weight / whole + 1e-9)))


def make_bigcommerce(
    settings: BigCommerceSettings,
    weight: float,
    *,
    max_concurrency: int = BIGCOMMERCE_WRITES_AT_ONCE,
    deadline_s: float = CALL_DEADLINE_S,
    retry: RetryPolicy = VENDOR_RETRY,
) -> VendorClient:
    """A client that has `weight` (0 to 1) of our share of the store's quota, and what the others leave of it.

    The sum of all roles' weights must not exceed 1; replicas of one divide its weight by `VendorClient.weigh`. Paths
    begin with `/v2` or `/v3`.
    """
    windows = Windows(settings.bigcommerce_quota_share, weight)
    return VendorClient(
        "bigcommerce",
        base_url=f"{settings.bigcommerce_url.rstrip('/')}/stores/{settings.store}",
        headers={"X-Auth-Token": settings.bigcommerce_token.get_secret_value()},
        gate=Gate(windows),
        weigh=lambda part: windows.weigh(part, time.monotonic()),
        store=settings.store,
        max_concurrency=max_concurrency,
        deadline_s=deadline_s,
        retry=retry,
    )


def make_mailchimp(
    settings: MailchimpSettings, *, deadline_s: float = CALL_DEADLINE_S, store: str = ""
) -> VendorClient:
    """A client for the Marketing API; paths begin with `/lists`. `store`: where there are several, whose it is."""
    base = settings.mailchimp_url.rstrip("/")
    return VendorClient(
        "mailchimp",
        store=store,
        base_url=base if base.endswith("/3.0") else f"{base}/3.0",
        auth=("headrace", settings.mailchimp_key.get_secret_value()),
        max_concurrency=MAILCHIMP_CONNECTIONS,
        deadline_s=deadline_s,
    )


def make_sendgrid(settings: SendGridSettings, *, deadline_s: float = CALL_DEADLINE_S, store: str = "") -> VendorClient:
    """A client for the Marketing API; paths begin with `/v3`. Its limits are told by refusals alone."""
    return VendorClient(
        "sendgrid",
        store=store,
        base_url=settings.sendgrid_url,
        headers={"Authorization": f"Bearer {settings.sendgrid_key.get_secret_value()}"},
        deadline_s=deadline_s,
    )


def make_klaviyo(settings: KlaviyoSettings, *, deadline_s: float = CALL_DEADLINE_S, store: str = "") -> VendorClient:
    """A client for an account, its calls spread so that our share of each endpoint's limits is kept. Paths begin with
    `/api`."""
    return VendorClient(
        "klaviyo",
        store=store,
        base_url=settings.klaviyo_url.rstrip("/").removesuffix("/api"),
        headers={
            "Accept": "application/vnd.api+json",
            "Authorization": f"Klaviyo-API-Key {settings.klaviyo_key.get_secret_value()}",
            "Content-Type": "application/vnd.api+json",
            "revision": klaviyo.REVISION,
        },
        gate_for=Gates(settings.klaviyo_quota_share),
        max_concurrency=KLAVIYO_CONNECTIONS,
        deadline_s=deadline_s,
    )


def make_omnisend(settings: OmnisendSettings, *, deadline_s: float = CALL_DEADLINE_S, store: str = "") -> VendorClient:
    """A client for a brand's contacts, its calls spread so that our share of a minute's is kept."""
    base = settings.omnisend_url.rstrip("/")
    every = SlidingWindow(_part(omnisend.CALLS_A_MINUTE, settings), _MINUTE_S)
    tags = Gate(Both(SlidingWindow(_part(omnisend.TAG_CALLS_A_MINUTE, settings), _MINUTE_S), every))
    others = Gate(every)
    return VendorClient(
        "omnisend",
        store=store,
        base_url=base if base.endswith("/api") else f"{base}/api",
        headers={
            "Authorization": f"Omnisend-API-Key {settings.omnisend_key.get_secret_value()}",
            "Omnisend-Version": omnisend.VERSION,
        },
        gate_for=lambda request: tags if request.path == omnisend.TAGS_PATH else others,
        deadline_s=deadline_s,
    )


def _part(calls: int, settings: OmnisendSettings) -> int:
    return max(1, int(calls * settings.omnisend_quota_share))
