"""Alembic scripts of the attribute store; the tables are declared in `services.attributes.store`."""
