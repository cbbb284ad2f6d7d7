"""Makes the senders that the settings name, and what they stand on: the only place that builds their clients."""

from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from headrace.consumer.effects import Sender
from headrace.contracts.effects import EffectKind
from headrace.platforms.http import VendorClient
from headrace.platforms.mail import SmtpClient
from headrace.platforms.public_addresses import EVERYWHERE, read_allowed
from headrace.platforms.safe_http import SafeClient
from headrace.platforms.store import make_bigcommerce, make_klaviyo, make_mailchimp, make_omnisend, make_sendgrid
from headrace.platforms.webhooks_out import read_secrets
from services.actions.effects.coupon import Coupons, CouponSender
from services.actions.effects.events import Events, KlaviyoEvents, MailchimpEvents, OmnisendEvents, SendGridEvents
from services.actions.effects.export import ExportSender
from services.actions.effects.filling import Shop
from services.actions.effects.mail_event import EventMailSender, SequenceSender
from services.actions.effects.mail_sendgrid import SendGridMailSender
from services.actions.effects.mail_smtp import From, SmtpMailSender
from services.actions.effects.notify import NotifySender, read_channels
from services.actions.effects.settings import EffectsSettings
from services.actions.effects.templates import Templates
from services.actions.effects.webhook import Receivers, WebhookSender

_BY: Final[dict[EffectKind, str]] = {
    "send_email": "mail",
    "start_sequence": "sequence",
    "stop_sequence": "sequence",
    "issue_coupon": "coupon",
    "notify_staff": "notify",
    "webhook": "webhook",
    "export_row": "export",
}
"""Whose name begins how."""


def build_senders(settings: EffectsSettings, stack: AsyncExitStack) -> list[Sender]:
    """One for each kind that the settings say enough of; `stack` closes what they hold. Names are never two's."""
    parts = _Parts(settings, stack)
    found: list[Sender] = [
        *_mail(parts),
        *(SequenceSender(events) for events in parts.events.values()),
        *([CouponSender(parts.coupons)] if parts.coupons else []),
        *_notes(parts),
        *_webhooks(parts),
    ]
    if settings.effects_export_folder is not None:
        folder = settings.effects_export_folder
        rows = ExportSender(
            folder / settings.store if settings.among else folder, zone=ZoneInfo(settings.effects_timezone)
        )
        stack.push_async_callback(rows.aclose)
        found.append(rows)
    return found


def served(senders: Iterable[Sender]) -> frozenset[EffectKind]:
    """The kinds of effects that some of them do."""
    names = {sender.name.partition(".")[0] for sender in senders}
    return frozenset(kind for kind, name in _BY.items() if name in names)


class _Parts:
    """What several senders share."""

    def __init__(self, settings: EffectsSettings, stack: AsyncExitStack) -> None:
        self.settings = settings
        self.stack = stack
        self.shop = Shop(settings.shop_name, settings.shop_url, settings.mail_unsubscribe)
        self.sender = (
            From(settings.mail_from, settings.mail_from_name, settings.mail_reply_to) if settings.mail_from else None
        )
        self.coupons = self._coupons()
        self.events = self._events()
        self.smtp = self._smtp()

    def client(self, made: VendorClient) -> VendorClient:
        """To be closed at the end."""
        self.stack.push_async_callback(made.aclose)
        return made

    def safe(self, made: SafeClient) -> SafeClient:
        """The same."""
        self.stack.push_async_callback(made.aclose)
        return made

    def _coupons(self) -> Coupons | None:
        settings = self.settings
        key = settings.effects_coupon_key or settings.hash_key
        if settings.bigcommerce_token is None:
            return None
        store = make_bigcommerce(
            cast("Any", settings), settings.effects_quota_weight, deadline_s=settings.vendor_deadline_s
        )
        return Coupons(self.client(store), key.get_secret_value().encode() if key else b"")

    def _events(self) -> dict[str, Events]:
        settings, within = cast("Any", self.settings), self.settings.vendor_deadline_s
        found: dict[str, Events] = {}
        if settings.mailchimp_key and settings.mailchimp_url and settings.mailchimp_list:
            client = self.client(make_mailchimp(settings, deadline_s=within))
            found["mailchimp"] = MailchimpEvents(client, settings.mailchimp_list)
        if settings.klaviyo_key:
            found["klaviyo"] = KlaviyoEvents(self.client(make_klaviyo(settings, deadline_s=within)))
        if settings.omnisend_key:
            found["omnisend"] = OmnisendEvents(self.client(make_omnisend(settings, deadline_s=within)))
        if settings.sendgrid_key:
            found["sendgrid"] = SendGridEvents()
        return found

    def _smtp(self) -> SmtpClient | None:
        settings = self.settings
        if not settings.smtp_host:
            return None
        return SmtpClient(
            settings.smtp_host,
            settings.smtp_port,
            security=settings.smtp_security,
            user=settings.smtp_user,
            password=settings.smtp_password.get_secret_value() if settings.smtp_password else "",
            deadline_s=settings.vendor_deadline_s,
        )


def _mail(parts: _Parts) -> list[Sender]:
    settings, chosen = parts.settings, parts.settings.effects_email
    if chosen == "smtp":
        assert parts.smtp is not None
        assert parts.sender is not None
        assert settings.effects_templates is not None
        templates = Templates(settings.effects_templates)
        parts.stack.push_async_callback(templates.aclose)
        return [SmtpMailSender(parts.smtp, templates, parts.sender, parts.shop, parts.coupons)]
    if chosen == "sendgrid":
        assert parts.sender is not None
        client = parts.client(make_sendgrid(cast("Any", settings), deadline_s=settings.vendor_deadline_s))
        group = settings.sendgrid_unsubscribe_group
        return [SendGridMailSender(client, parts.sender, parts.shop, parts.coupons, group=group)]
    return [EventMailSender(parts.events[chosen], parts.coupons)] if chosen else []


def _notes(parts: _Parts) -> list[Sender]:
    settings = parts.settings
    channels = read_channels(settings.effects_channels.get_secret_value()) if settings.effects_channels else {}
    if not channels and (parts.smtp is None or parts.sender is None):
        return []
    client = parts.safe(SafeClient(EVERYWHERE, name="chat", deadline_s=settings.vendor_deadline_s))
    return [NotifySender(mail=parts.smtp, sender=parts.sender, channels=channels, client=client, shop=parts.shop)]


def _webhooks(parts: _Parts) -> list[Sender]:
    settings = parts.settings
    if settings.effects_webhook_secret is None:
        return []
    allowed = read_allowed(settings.effects_webhook_allow)
    client = parts.safe(SafeClient(allowed, deadline_s=settings.vendor_deadline_s))
    secrets = read_secrets(settings.effects_webhook_secret.get_secret_value())
    return [WebhookSender(client, secrets, receivers=Receivers())]
