"""The platforms there are: what each needs to know, and how its adaptor is made. A new one is a line here."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import SecretStr

from headrace.platforms.http import VendorClient
from headrace.platforms.store import make_klaviyo, make_mailchimp, make_omnisend, make_sendgrid
from services.actions.email_tags.audience import Audience
from services.actions.email_tags.klaviyo import KlaviyoAudience
from services.actions.email_tags.mailchimp import MailchimpAudience
from services.actions.email_tags.omnisend import OmnisendAudience
from services.actions.email_tags.sendgrid import SendGridAudience
from services.actions.settings import (
    ActionsSettings,
    KlaviyoSettings,
    MailchimpSettings,
    OmnisendSettings,
    SendGridSettings,
)


@dataclass(frozen=True, slots=True)
class PlatformOf:
    """`client`, `audience` and `account` are given settings that are an instance of `settings`.

    `account` tells stores apart: those of which it says the same have their contacts in common.
    """

    settings: type[ActionsSettings]
    client: Callable[[Any], VendorClient]
    audience: Callable[[VendorClient, Any], Audience]
    account: Callable[[Any], Hashable]


def _client(make: Callable[..., VendorClient]) -> Callable[[ActionsSettings], VendorClient]:
    def made(settings: ActionsSettings) -> VendorClient:
        store = settings.store if settings.among else ""
        return make(settings, deadline_s=settings.vendor_deadline_s, store=store)

    return made


def _klaviyo(client: VendorClient, settings: KlaviyoSettings) -> Audience:
    return KlaviyoAudience(client, settings.klaviyo_property, settings.klaviyo_quota_share)


def _mailchimp(client: VendorClient, settings: MailchimpSettings) -> Audience:
    return MailchimpAudience(client, settings.mailchimp_list)


def _omnisend(client: VendorClient, _: OmnisendSettings) -> Audience:
    return OmnisendAudience(client)


def _sendgrid(client: VendorClient, settings: SendGridSettings) -> Audience:
    return SendGridAudience(client, settings.sendgrid_field)


def _of(*fields: str) -> Callable[[ActionsSettings], Hashable]:
    def identity(settings: ActionsSettings) -> Hashable:
        values = [getattr(settings, field) for field in fields]
        return tuple(value if isinstance(value, SecretStr) else value.rstrip("/") for value in values)

    return identity


PLATFORMS: Final[Mapping[str, PlatformOf]] = {
    "klaviyo": PlatformOf(
        KlaviyoSettings, _client(make_klaviyo), _klaviyo, _of("klaviyo_url", "klaviyo_key", "klaviyo_property")
    ),
    "mailchimp": PlatformOf(
        MailchimpSettings, _client(make_mailchimp), _mailchimp, _of("mailchimp_url", "mailchimp_key", "mailchimp_list")
    ),
    "omnisend": PlatformOf(OmnisendSettings, _client(make_omnisend), _omnisend, _of("omnisend_url", "omnisend_key")),
    "sendgrid": PlatformOf(
        SendGridSettings, _client(make_sendgrid), _sendgrid, _of("sendgrid_url", "sendgrid_key", "sendgrid_field")
    ),
}
"""By the name that `--platform` takes."""
