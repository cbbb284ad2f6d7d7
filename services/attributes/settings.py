"""Settings of the attributes service."""

from typing import Literal

from pydantic import Field, SecretStr

from headrace.consumer.guard_settings import GuardSettings


class KeepingSettings(GuardSettings):
    """Where it keeps and serves; enough for a store that it does not mirror to."""

    database_url: SecretStr = SecretStr("sqlite:///headrace.db")
    """Where the values and the applied ledger are: `sqlite:///file` or `postgresql://...`."""
    port: int = Field(default=8081, ge=0, le=65535)
    """Port of the API."""
    host: str = "127.0.0.1"
    """Address the API listens at."""
    api_key: SecretStr | None = None
    """Asked of every caller (`Authorization: Bearer` or `X-Api-Key`) when it is set."""
    mirror_attribute: str = Field(default="headrace", min_length=1, max_length=255)
    """Name of the store's customer attribute that mirrors all values without a mirror of their own."""
    mirror_overflow: Literal["metafield", "keep"] = "metafield"
    """Values too long for a store attribute (255 characters) go to a metafield, or are kept here only."""


class AttributesSettings(KeepingSettings):
    """And how it mirrors."""

    bigcommerce_url: str = Field(default="https://api.bigcommerce.com", min_length=1)
    """The API's address without `/stores/...`."""
    bigcommerce_token: SecretStr
    """Access token of the store's API account."""
    bigcommerce_quota_share: float = Field(default=0.5, gt=0, le=1)
    """Our part of the store's whole API quota."""
    quota_weight: float = Field(default=0.20, gt=0, le=1)
    """This process's part of our share."""
    vendor_deadline_s: float = Field(default=10.0, gt=0, le=30)
    """How long one call to a vendor may take. A crashed worker's calls are waited out for twice as long."""
