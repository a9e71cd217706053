"""Sessions, ended sign-ins, saved searches and what they found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_DIGEST, _ID, _NAME = sa.String(64), sa.String(64), sa.String(300)


def upgrade() -> None:
    op.create_table(
        "session",
        sa.Column("digest", _DIGEST, primary_key=True),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("identity", sa.Text, nullable=False, server_default=""),
        sa.Column("token", _DIGEST, nullable=False, server_default=""),
        sa.Column("begun", sa.Float, nullable=False),
        sa.Column("used", sa.Float, nullable=False),
        sa.Column("until", sa.Float, nullable=False, server_default="0"),
        sa.Column("sealed", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("session_by_name", "session", ["name"])
    op.create_table(
        "revoked", sa.Column("name", _NAME, primary_key=True), sa.Column("before", sa.Float, nullable=False)
    )
    op.create_table(
        "saved_search",
        sa.Column("search_id", _ID, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("feed", _DIGEST, nullable=False),
        sa.Column("made", sa.Float, nullable=False),
    )
    op.create_index("search_by_owner", "saved_search", ["owner"])
    op.create_index("search_by_feed", "saved_search", ["feed"], unique=True)
    op.create_table(
        "found",
        sa.Column("search_id", _ID, primary_key=True),
        sa.Column("figure_id", _ID, primary_key=True),
        sa.Column("pair_id", _ID, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )


def downgrade() -> None:
    for table in ("found", "saved_search", "revoked", "session"):
        op.drop_table(table)
