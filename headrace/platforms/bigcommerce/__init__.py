"""BigCommerce REST: requests for what we read and write, and the rows of its replies. Pure.

What the rows mean to us (snapshots, events) is in `services/ingest`; what is written when, in the consumers.
Sources: the vendor's OpenAPI files; facts about v2's empty replies and filters as in design/vendors.md 2.
"""

from headrace.platforms.bigcommerce.calls import (
    IDS_PER_CALL,
    INCLUDED_ADDRESSES,
    PAGE_LIMIT,
    WRITE_LIMIT,
)
from headrace.platforms.bigcommerce.carts import (
    cart,
)
from headrace.platforms.bigcommerce.catalogue import (
    brands,
    categories,
    currencies,
    products_by_id,
)
from headrace.platforms.bigcommerce.customer_attributes import (
    attribute_values,
    attributes,
    create_attribute,
    upsert_attribute_values,
)
from headrace.platforms.bigcommerce.customers import (
    addresses_of,
    customers_after,
    customers_by_email,
    customers_by_id,
    customers_modified,
    update_customer_groups,
)
from headrace.platforms.bigcommerce.groups import (
    create_customer_group,
    customer_groups,
)
from headrace.platforms.bigcommerce.newsletter import (
    NEWSLETTER,
    other_consents,
    subscribed,
    subscribers,
    subscribers_by_email,
)
from headrace.platforms.bigcommerce.orders import (
    orders_by_span,
    orders_modified,
    refunds_of,
)
from headrace.platforms.bigcommerce.pages import (
    Row,
    next_cursor_of,
    next_page_of,
    rows_of,
)
from headrace.platforms.bigcommerce.webhooks import (
    activate_hook,
    create_hook,
    hooks,
)

__all__ = [
    "IDS_PER_CALL",
    "INCLUDED_ADDRESSES",
    "NEWSLETTER",
    "PAGE_LIMIT",
    "WRITE_LIMIT",
    "Row",
    "activate_hook",
    "addresses_of",
    "attribute_values",
    "attributes",
    "brands",
    "cart",
    "categories",
    "create_attribute",
    "create_customer_group",
    "create_hook",
    "currencies",
    "customer_groups",
    "customers_after",
    "customers_by_email",
    "customers_by_id",
    "customers_modified",
    "hooks",
    "next_cursor_of",
    "next_page_of",
    "orders_by_span",
    "orders_modified",
    "other_consents",
    "products_by_id",
    "refunds_of",
    "rows_of",
    "subscribed",
    "subscribers",
    "subscribers_by_email",
    "update_customer_groups",
    "upsert_attribute_values",
]
