"""The HTTP API of the attribute store."""

from services.attributes.api.app import BODY_LIMIT_BYTES, BULK_LIMIT_BYTES, create_app
from services.attributes.api.shop import Publish, Shop

__all__ = ["BODY_LIMIT_BYTES", "BULK_LIMIT_BYTES", "Publish", "Shop", "create_app"]
