"""What Alembic runs a migration in: the connection that `database.upgrade` gives it."""

from __future__ import annotations

from alembic import context

from journalclip_inference.sessions.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
