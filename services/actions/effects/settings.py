"""Settings of the senders of effects: what is not set is not served, and nothing else is asked for."""

from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from headrace.consumer.effects.policy import OfUnknown, Policy
from headrace.platforms.mail import Security, address_of
from headrace.platforms.public_addresses import read_allowed
from headrace.platforms.webhooks_out import read_secrets
from services.actions.effects.filling import CUSTOMER
from services.actions.effects.notify import read_channels
from services.actions.settings import ActionsSettings

Email = Literal["smtp", "sendgrid", "mailchimp", "klaviyo", "omnisend"]
_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "smtp_host": ("smtp",),
    "effects_templates": ("smtp",),
    "mail_from": ("smtp", "sendgrid"),
    "sendgrid_key": ("sendgrid",),
    "mailchimp_key": ("mailchimp",),
    "mailchimp_url": ("mailchimp",),
    "mailchimp_list": ("mailchimp",),
    "klaviyo_key": ("klaviyo",),
    "omnisend_key": ("omnisend",),
}
"""What serves `send_email` cannot do without."""


class EffectsSettings(ActionsSettings):
    """For `effects`."""

    effects_email: Email | None = None
    """What mails to customers: `smtp` (with templates of ours), or a platform."""
    shop_name: str = ""
    """The shop's name, as templates and notes write it."""
    shop_url: str = ""
    """The shop's address, for templates."""

    smtp_host: str | None = Field(default=None, validate_default=True)
    """The mail server; it also takes notes to staff."""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    """Its port: 587 with `starttls`, 465 with `tls`."""
    smtp_security: Security = "starttls"
    """How it is spoken to: `starttls`, `tls`, or `none` for a server on this machine."""
    smtp_user: str = ""
    """Who logs in there; nobody without it."""
    smtp_password: SecretStr | None = None
    """The password."""
    mail_from: str | None = Field(default=None, validate_default=True)
    """The address that mails and notes are from; SPF and DKIM of its domain are your mail server's."""
    mail_from_name: str = ""
    """The name beside it."""
    mail_reply_to: str = ""
    """Where answers go, if elsewhere."""
    mail_unsubscribe: str = ""
    """https or mailto URL for who wants no more mail; `{customer}` in it stands for the customer's number."""
    effects_templates: Path | None = Field(default=None, validate_default=True)
    """Folder of the templates: `thank-you.html`, `thank-you.txt`."""

    sendgrid_url: str = Field(default="https://api.sendgrid.com", min_length=1)
    """The API's address; `https://api.eu.sendgrid.com` for accounts in the EU."""
    sendgrid_key: SecretStr | None = Field(default=None, validate_default=True)
    """API key that may send mail and read templates."""
    sendgrid_unsubscribe_group: int | None = None
    """The unsubscribe group that mails belong to."""
    mailchimp_url: str | None = Field(default=None, validate_default=True)
    """The API's address, with or without `/3.0`."""
    mailchimp_key: SecretStr | None = Field(default=None, validate_default=True)
    """API key of the Mailchimp account: also for sequences there."""
    mailchimp_list: str | None = Field(default=None, validate_default=True)
    """Id of the audience."""
    klaviyo_url: str = Field(default="https://a.klaviyo.com", min_length=1)
    """The API's address, with or without `/api`."""
    klaviyo_key: SecretStr | None = Field(default=None, validate_default=True)
    """Private API key of the Klaviyo account: also for sequences there."""
    klaviyo_quota_share: float = Field(default=0.8, gt=0)
    """Our part of the account's API limits."""
    omnisend_url: str = Field(default="https://api.omnisend.com", min_length=1)
    """The API's address, with or without `/api`."""
    omnisend_key: SecretStr | None = Field(default=None, validate_default=True)
    """API key of the Omnisend brand: also for sequences there."""
    omnisend_quota_share: float = Field(default=0.8, gt=0, le=1)
    """Our part of the calls that the brand may make in a minute."""

    bigcommerce_url: str = Field(default="https://api.bigcommerce.com", min_length=1)
    """The API's address without `/stores/...`."""
    bigcommerce_token: SecretStr | None = None
    """Access token of the store's API account: makes coupons."""
    bigcommerce_quota_share: float = Field(default=0.5, gt=0, le=1)
    """Our part of the store's whole API quota."""
    effects_quota_weight: float = Field(default=0.02, gt=0, le=1)
    """This process's part of our share."""
    effects_coupon_key: SecretStr | None = None
    """Makes the codes of coupons nobody's guess, where `hash_key` shall not. It must stay the same: a coupon is found
    again by it."""
    hash_key: SecretStr | None = Field(default=None, validate_default=True)
    """The deployment's own key, never rotated: it also makes the codes of coupons nobody's guess."""

    effects_unknown: OfUnknown = "ask"
    """What may have been sent and cannot be asked for: `ask` a person (`headrace effects`), `resend`, `drop`."""
    effects_guard: int = Field(default=1000, ge=0)
    """So many effects of one entry within `effects_guard_minutes`, and further ones wait for a person; 0 = no limit."""
    effects_guard_minutes: float = Field(default=60.0, gt=0)
    """The time that counts."""

    effects_webhook_secret: SecretStr | None = None
    """`whsec_...`: signs webhooks; several, the newest first, while one takes another's place."""
    effects_webhook_allow: str = ""
    """Hosts (`erp.example.com`, `*.example.com`, `*`) and networks (`10.1.0.0/16`) that webhooks may go to; without
    it every public address."""
    effects_channels: SecretStr | None = None
    """Chats that notes go to, a line each: `vip: https://hooks.slack.com/...`."""
    effects_export_folder: Path | None = None
    """Folder that rows are exported into."""
    effects_timezone: str = "UTC"
    """The store's time zone, which tells the day of a row."""

    @property
    def policy(self) -> Policy:
        """For the loop."""
        return Policy(self.effects_unknown, self.effects_guard, self.effects_guard_minutes * 60)

    @field_validator(*_NEEDED)
    @classmethod
    def _needed_for_mail(cls, value: Any, info: ValidationInfo) -> Any:
        email = info.data.get("effects_email")
        if value in (None, "") and email in _NEEDED[str(info.field_name)]:
            raise ValueError(f"is missing: effects_email is {email}")
        return value

    @field_validator("hash_key")
    @classmethod
    def _needed_for_coupons(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is None and info.data.get("bigcommerce_token") and not info.data.get("effects_coupon_key"):
            raise ValueError("is missing: without it anybody could tell the codes of coupons")
        return value

    @field_validator("mail_from", "mail_reply_to")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        return address_of(value) if value else value

    @field_validator("mail_unsubscribe")
    @classmethod
    def _is_a_way_out(cls, value: str) -> str:
        if value and not value.replace(CUSTOMER, "0").startswith(("https://", "mailto:")):
            raise ValueError("must begin with https:// or mailto:")
        return value

    @field_validator("effects_webhook_secret")
    @classmethod
    def _signs(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            read_secrets(value.get_secret_value())
        return value

    @field_validator("effects_webhook_allow")
    @classmethod
    def _names_receivers(cls, value: str) -> str:
        read_allowed(value)
        return value

    @field_validator("effects_channels")
    @classmethod
    def _names_channels(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            read_channels(value.get_secret_value())
        return value

    @field_validator("effects_timezone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is no time zone: write Europe/Berlin or America/New_York") from None
        return value
