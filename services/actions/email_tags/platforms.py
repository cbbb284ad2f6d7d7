"""The platforms there are: what each needs to know, and how its adaptor is made. A new one is a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from headrace.platforms.http import VendorClient
from headrace.platforms.store import make_klaviyo, make_mailchimp, make_omnisend, make_sendgrid, omnisend_tag_calls
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
    """`client` and `audience` are given settings that are an instance of `settings`."""

    settings: type[ActionsSettings]
    client: Callable[[Any], VendorClient]
    audience: Callable[[VendorClient, Any], Audience]


def _klaviyo_client(settings: KlaviyoSettings) -> VendorClient:
    return make_klaviyo(settings, deadline_s=settings.vendor_deadline_s)


def _klaviyo(client: VendorClient, settings: KlaviyoSettings) -> Audience:
    return KlaviyoAudience(client, settings.klaviyo_property, settings.klaviyo_quota_share)


def _mailchimp(client: VendorClient, settings: MailchimpSettings) -> Audience:
    return MailchimpAudience(client, settings.mailchimp_list)


def _omnisend(client: VendorClient, settings: OmnisendSettings) -> Audience:
    return OmnisendAudience(client, omnisend_tag_calls(settings))


def _sendgrid(client: VendorClient, settings: SendGridSettings) -> Audience:
    return SendGridAudience(client, settings.sendgrid_field)


PLATFORMS: Final[Mapping[str, PlatformOf]] = {
    "klaviyo": PlatformOf(KlaviyoSettings, _klaviyo_client, _klaviyo),
    "mailchimp": PlatformOf(MailchimpSettings, make_mailchimp, _mailchimp),
    "omnisend": PlatformOf(OmnisendSettings, make_omnisend, _omnisend),
    "sendgrid": PlatformOf(SendGridSettings, make_sendgrid, _sendgrid),
}
"""By the name that `--platform` takes."""
