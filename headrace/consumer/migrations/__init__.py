"""Alembic scripts of the consumers' own tables; the tables themselves are declared in `headrace.consumer.ledger`."""
