"""What the tests of the attributes service share."""

from collections.abc import AsyncIterator

import pytest

from headrace.consumer.database import Database, open_database
from services.attributes.tables import migrate_store


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Migrated, on SQLite and on PostgreSQL."""
    opened = open_database(database_url)
    migrate_store(opened)
    migrate_store(opened)
    yield opened
    await opened.close()
