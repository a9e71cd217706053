"""What Alembic runs a migration in: the connection that `journalclip_catalogue.migrate` gives it."""

from __future__ import annotations

from alembic import context

from journalclip_shared.catalogue.tables import METADATA

# Batch mode: SQLite changes a column by writing the table anew.
context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
