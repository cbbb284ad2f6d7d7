"""Definitions: what an attribute may hold and where it is mirrored. They are kept here; values are not touched."""

from fastapi import APIRouter
from sqlalchemy import Connection

from services.attributes.api.access import ShopNamed
from services.attributes.api.catalogue import summary_of
from services.attributes.api.models import AttributeSummary, Defined, Name, NewDefinition
from services.attributes.api.problems import Refusal, answers
from services.attributes.definition_table import delete_definition, load_definitions, put_definition
from services.attributes.definitions import Definitions
from services.attributes.queries import Held, attributes_held

MAX_DEFINITIONS = 500


def definition_routes() -> APIRouter:
    """PUT and DELETE of a definition."""
    router = APIRouter(prefix="/v1/attributes")

    @router.put("/{name}", responses=answers(404, 411, 413, 422, 503))
    async def define_attribute(shop: ShopNamed, name: Defined, body: NewDefinition) -> AttributeSummary:
        """Define an attribute. Everybody who has it is mirrored anew; nobody loses a value."""
        room = shop.room()
        if name != name.strip() or not name.isprintable():
            raise Refusal(422, "bad_name", "a name has printable characters only, and no spaces around it")
        if body.mirror != "together" and name.casefold() == room.together.casefold():
            message = f"{name} is the store attribute that holds all attributes without a mirror of their own"
            raise Refusal(422, "name_taken", message, hint="choose another name, or HEADRACE_MIRROR_ATTRIBUTE")

        def act(connection: Connection) -> tuple[list[Held], Definitions]:
            if name not in (known := load_definitions(connection, shop.store)) and len(known) >= MAX_DEFINITIONS:
                raise Refusal(422, "too_many_definitions", f"there are {MAX_DEFINITIONS} definitions already")
            put_definition(connection, shop.store, body.named(name), shop.scope)
            held = attributes_held(connection, store=shop.store, name=name)
            return held, load_definitions(connection, shop.store)

        held, definitions = await shop.database.write(act)
        return summary_of(name, held[0] if held else None, definitions, room)

    @router.delete("/{name}", status_code=204, responses=answers(404, 422, 503))
    async def undefine_attribute(shop: ShopNamed, name: Name) -> None:
        """Take a definition away: any value, mirrored together with all others. The values stay."""

        def act(connection: Connection) -> bool:
            return delete_definition(connection, shop.store, name, shop.scope)

        if not await shop.database.write(act):
            raise Refusal(404, "unknown_attribute", "it is not defined")

    return router
