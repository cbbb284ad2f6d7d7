"""Who may ask about which store: a key opens stores, a request is about one of them, and all others are not there.

A customer's store is the beginning of its key; every other route is told by `store`, or by a key that opens one only.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from fastapi import Depends, Query, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from services.attributes.api.models import Customer
from services.attributes.api.problems import Refusal
from services.attributes.api.shop import Shop

_KEY: Final = APIKeyHeader(name="X-Api-Key", auto_error=False)
_BEARER: Final = HTTPBearer(auto_error=False)
Shops = Mapping[str, Shop]
"""By store."""


class Access:
    """`keys` by store. Without any everybody may ask about everything; with some, a store without one is closed."""

    def __init__(self, shops: Sequence[Shop], keys: Mapping[str, str]) -> None:
        self._shops = {shop.store: shop for shop in shops}
        self._keys = {store: key.encode() for store, key in keys.items()}

    def opened_by(self, given: str) -> Shops:
        """All stores that this key opens. It takes as long for a wrong key as for a right one."""
        if not self._keys:
            return self._shops
        said = given.encode()
        return {store: self._shops[store] for store, key in self._keys.items() if secrets.compare_digest(said, key)}


async def opened(
    request: Request,
    key: Annotated[str | None, Security(_KEY)] = None,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)] = None,
) -> Shops:
    """What the caller may ask about. Raises a Refusal when that is nothing."""
    access: Access = request.app.state.access
    shops = access.opened_by(key or (bearer.credentials if bearer else ""))
    if not shops:
        hint = "send it as X-Api-Key, or as Authorization: Bearer"
        raise Refusal(401, "unauthorized", "the API key is missing or wrong", hint=hint)
    return shops


async def _of_customer(customer: Customer, shops: Annotated[Shops, Depends(opened)]) -> Shop:
    shop = shops.get(customer.partition(":")[0])
    if shop is None or not shop.has(customer):
        # The same words for a store that is not opened, and for one that is not there.
        store = next(iter(shops)) if len(shops) == 1 else "the store's hash"
        hint = f"write {store}: and the customer's number"
        raise Refusal(404, "unknown_customer", "no customer of this store has such a key", hint=hint)
    return shop


async def _named(
    shops: Annotated[Shops, Depends(opened)],
    store: Annotated[
        str | None,
        Query(max_length=64, description="The store's hash; needed when the API key opens several stores."),
    ] = None,
) -> Shop:
    if store is None:
        if len(shops) > 1:
            hint = f"add ?store= and one of {', '.join(shops)}"
            raise Refusal(422, "store_missing", "the API key opens several stores: which one is not said", hint=hint)
        return next(iter(shops.values()))
    if store not in shops:
        raise Refusal(404, "unknown_store", "there is no such store")
    return shops[store]


ShopOfCustomer = Annotated[Shop, Depends(_of_customer)]
"""The store of the customer in the path."""
ShopNamed = Annotated[Shop, Depends(_named)]
"""The store that `store` names, or the only one."""
