"""BigCommerce's REST API over the simulated world.

Routes by resource, one module each; quota, tokens and faults are the server's.
"""

from headrace.simulators.bigcommerce import (
    carts,
    catalog,
    coupons,
    customers,
    groups,
    metafields,
    orders,
    price_lists,
    segments,
    store_information,
    subscribers,
    webhooks,
)
from headrace.simulators.bigcommerce.writes import Writes
from headrace.simulators.call import Routes
from headrace.simulators.hooks import Hooks
from headrace.simulators.webhooks import WebhookQueue
from headrace.simulators.world import World

AT_ONCE = {
    "PUT /v3/customers": 3,
    "GET /v3/customers/attributes": 3,
    "POST /v3/customers/attributes": 3,
    "GET /v3/customers/attribute-values": 3,
    "PUT /v3/customers/attribute-values": 3,
    "GET /v2/customer_groups": 40,
    "POST /v3/segments/{uuid}/shopper-profiles": segments.AT_ONCE,
    "PUT /v3/pricelists/{id}/assignments": 25,
}
"""Calls of a route at one time (the vendor's concurrency limits)."""


def routes(world: World, hooks: Hooks, queue: WebhookQueue, writes: Writes, *, base: str) -> Routes:
    """Every handler; `base` is the store's address for links, without version."""
    return {
        **customers.routes(world, writes),
        **metafields.routes(world, writes),
        **groups.routes(world),
        **price_lists.routes(world),
        **coupons.routes(world),
        **segments.routes(world),
        **store_information.routes(world),
        **subscribers.routes(world),
        **orders.routes(world, base),
        **catalog.routes(world),
        **carts.routes(world),
        **webhooks.routes(world, hooks, queue),
    }
