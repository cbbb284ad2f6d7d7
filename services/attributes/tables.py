"""The tables of the attributes service, as the newest migration leaves them; on SQLite and PostgreSQL."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text

from headrace.consumer.database import Database, migrate

METADATA: Final = MetaData()
VALUES: Final = Table(
    "attribute_values",
    METADATA,
    Column("customer", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("since", Text, nullable=False),
    Column("version", Text, nullable=False),
)
Index("attribute_values_by_name", VALUES.c.name, VALUES.c.value, VALUES.c.customer)
VERSIONS: Final = Table(
    "attribute_versions",
    METADATA,
    Column("customer", Text, primary_key=True),
    Column("version", Text, nullable=False),
)
DEFINITIONS: Final = Table(
    "attribute_definitions",
    METADATA,
    Column("store", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("allowed", Text),
    Column("mirror", Text, nullable=False),
)
LAYOUTS: Final = Table(
    "attribute_layouts",
    METADATA,
    Column("part", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
)
"""`part`: "definitions" has their newest revision, a partition's number that by which its records were laid out.

Of several stores each has its own: `store/definitions`."""
METAFIELDS: Final = Table(
    "attribute_metafields",
    METADATA,
    Column("customer", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("id", BigInteger, nullable=False),
)


def migrate_store(database: Database) -> None:
    """Creates or upgrades the tables."""
    migrate(database, scripts="services.attributes:migrations", version_table="headrace_attributes_version")
