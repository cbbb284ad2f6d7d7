"""Settings of the three ingest processes, read once at start."""

from typing import Literal

from pydantic import Field, SecretStr, field_validator

from headrace.runtime.settings import ServiceSettings

SignatureMode = Literal["enforce", "log", "off"]


class ReceiveSettings(ServiceSettings):
    """`python -m services.ingest receive`."""

    hash_key: SecretStr
    """Keys the hash that stands for a guest's e-mail. Never rotated."""
    bigcommerce_client_secret: SecretStr | None = None
    """Of the API account that made the hooks: the key of their signature. Without it the store's webhooks are refused,
    unless signatures are off; own events need none."""
    bigcommerce_webhook_header: SecretStr | None = None
    """`Name: value` that every delivery must carry."""
    bigcommerce_webhook_signature: SignatureMode = "enforce"
    """What becomes of a delivery whose signature is wrong: refused, logged and taken, or not even looked at."""
    mailchimp_webhook_token: SecretStr | None = None
    """For Mailchimp's audience webhooks: what `?token=` in their address must be. One of the two must be set."""
    mailchimp_webhook_key: SecretStr | None = None
    """The key of their signature, where the account has signed webhooks."""
    klaviyo_webhook_key: SecretStr | None = None
    """The secret key of Klaviyo's system webhooks, which sign with it; without it they are not listened to."""
    webhook_tolerance_s: int = Field(default=300, ge=1)
    """How far a signature's time may be from ours, either way."""
    api_key: SecretStr | None = None
    """For POST /v1/events, which refuses everybody without it. It opens each store that has no key of its own."""
    own_snapshots: bool = False
    """Take customers and orders by POST /v1/events too: for a store that is not on BigCommerce. Of one that feed and
    hydrate read, the store itself is the source."""
    host: str = "127.0.0.1"
    """Address the webhooks and own events arrive at."""
    port: int = Field(default=8080, ge=0, le=65535)
    """Port they arrive at."""
    produce_deadline_s: float = Field(default=3.0, gt=0)
    """How long a delivery waits for Kafka before it is answered 503."""

    @field_validator("bigcommerce_webhook_header")
    @classmethod
    def _named(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().partition(":")[0].strip():
            raise ValueError("must be `Name: value`")
        return value


class StoreSettings(ServiceSettings):
    """What both readers of the store need."""

    hash_key: SecretStr
    """Keys the hash that stands for a guest's e-mail. Never rotated."""
    bigcommerce_url: str = "https://api.bigcommerce.com"
    """The API's address without `/stores/...`."""
    bigcommerce_token: SecretStr
    """Access token of the store's API account."""
    bigcommerce_quota_share: float = Field(default=0.5, gt=0, le=1)
    """Our share of the store's API quota, all our processes together."""
    bigcommerce_webhook_header: SecretStr | None = None
    """`Name: value` for the hooks we make."""
    webhook_url: str | None = None
    """Where the store reaches `receive`; missing hooks to it are made at start. `{store}`: its hash, of several."""
    unauthorized_retry_s: float = Field(default=15.0, gt=0)
    """How long a process that the store turned away (401) waits before it asks again."""


class HydrateSettings(StoreSettings):
    """`python -m services.ingest hydrate`."""

    quota_weight: float = Field(default=0.4, gt=0, le=1)
    """The role's part of our share; its replicas divide it by themselves."""
    stale_slack_s: float = Field(default=3.0, ge=0)
    """A notice is stamped this much later than the change it tells of, at most (seen: 1 to 2 s)."""
    reread_delays_s: tuple[float, ...] = (2.0, 5.0, 15.0)
    """When a read that is older than its notice is repeated, real seconds."""
    batch_orders: int = Field(default=500, ge=1)
    """Resources read together, at most."""
    pending_limit: int = Field(default=50_000, ge=1)
    """Notices held; above, no more are taken from Kafka."""


class ClockSettings(ServiceSettings):
    """`python -m services.ingest clock`."""

    pass_every_s: float = Field(default=10.0, gt=0)
    """Seconds between two clock records."""
    settle_s: int = Field(default=5, ge=0)
    """How far the clock is behind real time: an own event has so long to arrive."""


class SuppressionSettings(ServiceSettings):
    """`python -m services.ingest suppressions`."""

    hash_key: SecretStr
    """Keys the hash that stands for an e-mail address. Never rotated."""
    klaviyo_url: str = Field(default="https://a.klaviyo.com", min_length=1)
    """The API's address, with or without `/api`."""
    klaviyo_key: SecretStr
    """Private API key of the Klaviyo account, for profiles."""
    klaviyo_quota_share: float = Field(default=0.2, gt=0)
    """This process's part of the account's API limits, which all its private keys share."""
    every_s: float = Field(default=300.0, gt=0)
    """Seconds between two looks."""
    unauthorized_retry_s: float = Field(default=60.0, gt=0)
    """How long it waits when the key was refused before it asks again."""


class FeedSettings(StoreSettings):
    """`python -m services.ingest feed`."""

    quota_weight: float = Field(default=0.1, gt=0, le=1)
    """The role's part of our share; its replicas divide it by themselves."""
    backfill: bool = False
    """Bring in the store's past first, unless that is recorded as done."""
    settle_s: int = Field(default=120, ge=0)
    """Rows are published when they were modified at least this long ago, by the store's clock."""
    overlap_s: int = Field(default=60, ge=0)
    """Store seconds each pass reads again."""
    pass_every_s: float = Field(default=10.0, gt=0)
    """Store seconds between two passes, and so between two clock records."""
    clock_rate: float = Field(default=10.0, gt=0)
    """Clock records per second of real time, at most."""


class HookSettings(ServiceSettings):
    """`python -m services.ingest hooks`, which `headrace hooks sync` starts."""

    kafka_bootstrap_servers: str = ""
    bigcommerce_url: str = "https://api.bigcommerce.com"
    """The API's address without `/stores/...`."""
    bigcommerce_token: SecretStr
    """Access token of the store's API account."""
    bigcommerce_quota_share: float = Field(default=0.5, gt=0, le=1)
    """Our share of the store's API quota, all our processes together."""
    bigcommerce_webhook_header: SecretStr | None = None
    """`Name: value` for the hooks we make."""
    webhook_url: str = Field(min_length=1)
    """Where the store reaches `receive`."""
