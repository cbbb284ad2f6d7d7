"""What is asked for: the values of a customer, the customers of a value, in pages by key."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import Connection

from services.attributes.api.access import ShopNamed, ShopOfCustomer
from services.attributes.api.models import (
    MAX_CUSTOMER,
    MAX_VALUE,
    NO_NUL,
    Customer,
    CustomerAttributes,
    Customers,
    HeldValue,
    Limit,
    Name,
    Nowhere,
)
from services.attributes.api.problems import answers
from services.attributes.definition_table import load_definitions
from services.attributes.definitions import Definitions
from services.attributes.layout import Room, Standing, lay_out
from services.attributes.queries import customers_with
from services.attributes.store import Value, values_of


def reading_routes() -> APIRouter:
    """GET, customers and their values."""
    router = APIRouter(prefix="/v1")

    @router.get("/customers/{customer}/attributes", responses=answers(404, 422, 503))
    async def attributes_of_customer(shop: ShopOfCustomer, customer: Customer) -> CustomerAttributes:
        """All values of a customer: what set them and since when, and where the store shows them."""

        def ask(connection: Connection) -> tuple[list[Value], Definitions]:
            return values_of(connection, customer), load_definitions(connection, shop.store)

        values, definitions = await shop.database.read(ask)
        number = customer.removeprefix(f"{shop.store}:")
        guest = not (number.isascii() and number.isdigit())
        return CustomerAttributes(customer=customer, attributes=held(values, definitions, shop.room(), guest=guest))

    @router.get("/attributes/{name}/customers", responses=answers(404, 422, 503))
    async def customers_with_attribute(
        shop: ShopNamed,
        name: Name,
        value: Annotated[str | None, Query(max_length=MAX_VALUE, pattern=NO_NUL)] = None,
        after: Annotated[str, Query(max_length=MAX_CUSTOMER, pattern=NO_NUL)] = "",
        limit: Limit = 100,
    ) -> Customers:
        """Customers who have the attribute, or this value of it, in the order of their keys."""
        found = await shop.database.read(
            lambda connection: customers_with(
                connection, name, store=shop.store, value=value, after=after, limit=limit + 1
            )
        )
        return Customers(customers=found[:limit], next=found[limit - 1] if len(found) > limit else None)

    return router


def held(values: list[Value], definitions: Definitions, room: Room, *, guest: bool) -> dict[str, list[HeldValue]]:
    """Name -> values, with where each is mirrored. The store knows no guests: theirs stay here."""
    present: dict[str, tuple[str, ...]] = {}
    for one in values:
        present[one.name] = (*present.get(one.name, ()), one.value)
    standings = {} if guest or room.kept_here else lay_out(present, definitions, room).standings
    found: dict[str, list[HeldValue]] = {}
    for one in values:
        found.setdefault(one.name, []).append(
            _held(one, standings.get(one.name), "guest" if guest else "no_credentials")
        )
    return found


def _held(value: Value, standing: Standing | None, otherwise: Nowhere) -> HeldValue:
    not_allowed = standing is not None and value.value in standing.not_allowed
    return HeldValue(
        value=value.value,
        source=value.source,
        since=value.since,
        version=value.version,
        mirrored=None if standing is None or not_allowed else standing.place,
        reason=otherwise if standing is None else "value_not_allowed" if not_allowed else standing.reason,
    )
