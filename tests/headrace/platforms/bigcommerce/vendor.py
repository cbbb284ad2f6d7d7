"""BigCommerce's OpenAPI files, and what they are known to have wrong (see also the README beside them)."""

from typing import Final

from tests.headrace.platforms.openapi import Specs

VENDOR: Final = Specs(
    "bigcommerce",
    beyond={
        "custom_status",
        "variant_id",
        "category_access",
        "shopper_profile_id",
        "segment_ids",
        "owner_client_id",
        "links",
    },
    nullable={"channel_ids"},  # null means every channel, says the text
    params={
        "id",  # a subscriber's: "required" in the file, and the list is documented without it
        "sort",  # of orders: `:asc` and `:desc` are in its text only
        "namespace",  # of one customer's metafields: as in the batch
    },
    needless={"price_list"},  # a rule's `price_list_id`, misspelt where it is required
)
