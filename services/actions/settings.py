"""Settings of the action consumers; each kind and each platform asks only for what it needs."""

from pydantic import Field, SecretStr

from headrace.consumer.guard_settings import GuardSettings


class ActionsSettings(GuardSettings):
    """What every kind needs."""

    database_url: SecretStr = SecretStr("sqlite:///headrace.db")
    """Where the applied ledger is: `sqlite:///file` or `postgresql://...`."""
    vendor_deadline_s: float = Field(default=10.0, gt=0, le=30)
    """How long one call to a vendor may take. A crashed worker's are waited out: longer by up to 35 s."""


class GroupSettings(ActionsSettings):
    """For `group`."""

    bigcommerce_url: str = Field(default="https://api.bigcommerce.com", min_length=1)
    """The API's address without `/stores/...`."""
    bigcommerce_token: SecretStr
    """Access token of the store's API account."""
    bigcommerce_quota_share: float = Field(default=0.5, gt=0, le=1)
    """Our part of the store's whole API quota."""
    quota_weight: float = Field(default=0.30, gt=0, le=1)
    """The role's part of our share; its replicas divide it by themselves."""


class MailchimpSettings(ActionsSettings):
    """For `email-tags --platform mailchimp`."""

    mailchimp_url: str = Field(min_length=1)
    """The API's address, with or without `/3.0`."""
    mailchimp_key: SecretStr
    """API key of the Mailchimp account. Stores that write to one audience name the same key."""
    mailchimp_list: str = Field(min_length=1)
    """Id of the audience."""


class SendGridSettings(ActionsSettings):
    """For `email-tags --platform sendgrid`."""

    sendgrid_url: str = Field(default="https://api.sendgrid.com", min_length=1)
    """The API's address; `https://api.eu.sendgrid.com` for accounts in the EU."""
    sendgrid_key: SecretStr
    """API key with access to Marketing. Stores that write to one account name the same key."""
    sendgrid_field: str = Field(default="headrace_tags", pattern="^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)
    """Name of the contacts' text field that holds the tags: `;Gold;VIP;`. It is made when it is missing."""


class KlaviyoSettings(ActionsSettings):
    """For `email-tags --platform klaviyo`."""

    klaviyo_url: str = Field(default="https://a.klaviyo.com", min_length=1)
    """The API's address, with or without `/api`."""
    klaviyo_key: SecretStr
    """Private API key of the Klaviyo account. Stores that write to one account name the same key."""
    klaviyo_property: str = Field(default="Headrace tags", min_length=1)
    """The custom property of profiles whose list of values are the tags."""
    klaviyo_quota_share: float = Field(default=0.8, gt=0)
    """Our part of the account's limits; stores with one account divide it: two have 0.4 each. Above 1 if simulated."""


class OmnisendSettings(ActionsSettings):
    """For `email-tags --platform omnisend`."""

    omnisend_url: str = Field(default="https://api.omnisend.com", min_length=1)
    """The API's address, with or without `/api`."""
    omnisend_key: SecretStr
    """API key of the Omnisend brand. Stores that write to one brand name the same key."""
    omnisend_quota_share: float = Field(default=0.8, gt=0, le=1)
    """Our part of the calls that the brand may make in a minute; stores with one brand divide it: two have 0.4 each."""
