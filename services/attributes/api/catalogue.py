"""Which attributes there are: their definitions, how many customers have them, and their values with counts."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import Connection

from services.attributes.api.access import ShopNamed
from services.attributes.api.models import (
    MAX_NAME,
    NO_NUL,
    AttributeDetail,
    Attributes,
    AttributeSummary,
    Limit,
    Name,
    ValueCount,
)
from services.attributes.api.problems import Refusal, answers
from services.attributes.definition_table import load_definitions
from services.attributes.definitions import Definition, Definitions, definition_of
from services.attributes.layout import Room
from services.attributes.queries import Held, attributes_held, values_held

_LONGEST_VALUE = 1000


def catalogue_routes() -> APIRouter:
    """GET, attributes by name."""
    router = APIRouter(prefix="/v1/attributes")

    @router.get("", responses=answers(404, 422, 503))
    async def list_attributes(
        shop: ShopNamed,
        after: Annotated[str, Query(max_length=MAX_NAME, pattern=NO_NUL)] = "",
        limit: Limit = 100,
    ) -> Attributes:
        """Every attribute that is defined or that a customer has, by name."""

        def ask(connection: Connection) -> tuple[list[Held], Definitions]:
            return attributes_held(connection, store=shop.store), load_definitions(connection, shop.store)

        counts, definitions = await shop.database.read(ask)
        known = {held.name: held for held in counts}
        names = sorted(name for name in known.keys() | definitions.keys() if name > after)
        room = shop.room()
        rows = [summary_of(name, known.get(name), definitions, room) for name in names[:limit]]
        return Attributes(attributes=rows, next=names[limit - 1] if len(names) > limit else None)

    @router.get("/{name}", responses=answers(404, 422, 503))
    async def get_attribute(
        shop: ShopNamed,
        name: Name,
        after: Annotated[str | None, Query(max_length=_LONGEST_VALUE, pattern=NO_NUL)] = None,
        limit: Limit = 100,
    ) -> AttributeDetail:
        """An attribute: its definition, and a page of its values with how many customers have each."""

        def ask(connection: Connection) -> tuple[list[Held], list[tuple[str, int]], Definitions]:
            held = attributes_held(connection, store=shop.store, name=name)
            values = values_held(connection, name, store=shop.store, after=after, limit=limit + 1)
            return held, values, load_definitions(connection, shop.store)

        held, values, definitions = await shop.database.read(ask)
        if not held and name not in definitions:
            raise Refusal(404, "unknown_attribute", "nobody has such an attribute, and it is not defined")
        summary = summary_of(name, held[0] if held else None, definitions, shop.room())
        allows = definition_of(definitions, name).allows
        return AttributeDetail(
            **summary.model_dump(exclude={"values"}),
            values=[ValueCount(value=value, customers=count, allowed=allows(value)) for value, count in values[:limit]],
            next=values[limit - 1][0] if len(values) > limit else None,
        )

    return router


def summary_of(name: str, held: Held | None, definitions: Definitions, room: Room) -> AttributeSummary:
    """What the mirror makes of an attribute, as it stands."""
    definition = definition_of(definitions, name)
    wanted = name if definition.mirror == "store_attribute" else room.together
    missing = definition.mirror in ("store_attribute", "together") and wanted in room.missing
    where = "a metafield" if room.metafields else "kept here only"
    return AttributeSummary(
        name=name,
        defined=name in definitions,
        allowed=None if definition.allowed is None else list(definition.allowed),
        mirror=definition.mirror,
        problem=f"the store has no customer attribute {wanted}: {where}" if missing else _no_mirror(definition, room),
        customers=0 if held is None else held.customers,
        values=0 if held is None else held.values,
    )


def _no_mirror(definition: Definition, room: Room) -> str | None:
    return (
        "the service has no credentials of this store: kept here only"
        if room.kept_here and definition.mirror != "none"
        else None
    )
