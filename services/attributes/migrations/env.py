"""Runs the scripts on the connection that `headrace.consumer.database.migrate` gives."""

from alembic import context

options = context.config.attributes
context.configure(connection=options["connection"], version_table=options["version_table"])
context.run_migrations()
