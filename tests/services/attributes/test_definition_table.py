"""Definitions by store, their revision, and which partitions were laid out by it."""

from headrace.consumer.database import Database
from services.attributes.definition_table import (
    delete_definition,
    load_definitions,
    mark_laid_out,
    outdated,
    put_definition,
    revision_of,
)
from services.attributes.definitions import Definition

TIER = Definition("tier", ("Gold", "VIP"), "store_attribute")


async def test_put_definition__new_changed_same__revision_rises_with_changes_only(database: Database) -> None:
    assert await database.read(revision_of) == 0
    free = Definition("tier", mirror="metafield")
    for definition, revision in ((TIER, 1), (TIER, 1), (free, 2)):
        await database.write(lambda c, one=definition: put_definition(c, "s", one))  # type: ignore[misc]
        assert await database.read(revision_of) == revision
        assert await database.read(lambda c: load_definitions(c, "s")) == {"tier": definition}
    assert await database.read(lambda c: load_definitions(c, "t")) == {}


async def test_delete_definition__once__back_to_the_default(database: Database) -> None:
    await database.write(lambda c: put_definition(c, "s", TIER))
    assert not await database.write(lambda c: delete_definition(c, "t", "tier"))
    assert await database.write(lambda c: delete_definition(c, "s", "tier"))
    assert not await database.write(lambda c: delete_definition(c, "s", "tier"))
    assert await database.read(lambda c: (load_definitions(c, "s"), revision_of(c))) == ({}, 2)


async def test_outdated__partitions__until_marked_with_the_newest_revision(database: Database) -> None:
    assert await database.read(lambda c: outdated(c, [0, 1])) == frozenset()
    await database.write(lambda c: put_definition(c, "s", TIER))
    await database.write(lambda c: mark_laid_out(c, [1], 1))
    assert await database.read(lambda c: outdated(c, [0, 1])) == {0}
    await database.write(lambda c: delete_definition(c, "s", "tier"))
    assert await database.read(lambda c: outdated(c, [0, 1])) == {0, 1}
