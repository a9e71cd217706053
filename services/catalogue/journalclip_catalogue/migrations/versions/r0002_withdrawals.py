"""Withdrawals, what sources belong to, and aliases.

The places are forgotten, so that the projector reads the log again and fills the new tables. Rows that are there stay
what they are: they are replaced by rank alone.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID, _NAME = sa.String(200), sa.String(500)


def upgrade() -> None:
    op.create_table(
        "withdrawn",
        sa.Column("scope", sa.String(40), primary_key=True),
        sa.Column("subject", _NAME, primary_key=True),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False, server_default=""),
        sa.Column("who", _ID, nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("erase", sa.Integer, nullable=False, server_default="0"),
        sa.Column("document_id", _NAME, nullable=False),
    )
    op.create_index("withdrawn_by_subject", "withdrawn", ["subject"])
    op.create_table(
        "belongs",
        sa.Column("child_id", _ID, primary_key=True),
        sa.Column("scope", sa.String(40), primary_key=True),
        sa.Column("subject", _NAME, primary_key=True),
    )
    op.create_index("belongs_by_subject", "belongs", ["scope", "subject"])
    op.create_table(
        "alias",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("within", _ID, primary_key=True),
        sa.Column("key", _NAME, primary_key=True),
        sa.Column("rank", sa.Integer, primary_key=True, autoincrement=False),
    )
    op.create_index("alias_by_key", "alias", ["within", "key", "rank"])
    op.execute("delete from place")


def downgrade() -> None:
    for name in ("alias", "belongs", "withdrawn"):
        op.drop_table(name)
