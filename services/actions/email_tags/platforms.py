"""The platforms there are: what each needs to know, and how its adaptor is made. A new one is a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from headrace.platforms.http import VendorClient
from headrace.platforms.store import make_mailchimp
from services.actions.email_tags.audience import Audience
from services.actions.email_tags.mailchimp import MailchimpAudience
from services.actions.settings import ActionsSettings, MailchimpSettings


@dataclass(frozen=True, slots=True)
class PlatformOf:
    """`client` and `audience` are given settings that are an instance of `settings`."""

    settings: type[ActionsSettings]
    client: Callable[[Any], VendorClient]
    audience: Callable[[VendorClient, Any], Audience]


def _mailchimp(client: VendorClient, settings: MailchimpSettings) -> Audience:
    return MailchimpAudience(client, settings.mailchimp_list)


PLATFORMS: Final[Mapping[str, PlatformOf]] = {
    "mailchimp": PlatformOf(MailchimpSettings, make_mailchimp, _mailchimp),
}
"""By the name that `--platform` takes."""
