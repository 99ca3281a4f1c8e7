"""Run by Alembic: migrate over the connection that `pilothouse.store.migrate` gives."""

from alembic import context

from pilothouse.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite cannot change a table in place; a batch copies it
    render_as_batch=True,
)
context.run_migrations()
