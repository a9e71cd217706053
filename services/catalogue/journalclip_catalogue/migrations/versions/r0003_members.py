"""Members of datasets, steps of sources, receipts of the inbox, and what explains a model.

The places are forgotten, so that the projector reads the log again and fills what is new.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.String(200)


def upgrade() -> None:
    op.create_table(
        "member",
        sa.Column("member_id", _ID, primary_key=True),
        sa.Column("since", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("until", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("split", sa.String(40), nullable=False),
    )
    op.create_index("member_by_kind", "member", ["kind", "until"])
    op.create_table(
        "step",
        sa.Column("source_id", _ID, primary_key=True),
        sa.Column("event_id", _ID, primary_key=True),
        sa.Column("topic", _ID, nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("by", _ID, nullable=False),
        sa.Column("trace", sa.String(32), nullable=False, server_default=""),
    )
    op.create_table(
        "receipt",
        sa.Column("receipt", _ID, primary_key=True),
        sa.Column("source_id", _ID, primary_key=True),
    )
    # Rows of before have no time of their announcement, and would keep it: they are made anew from the log.
    op.execute("delete from dataset")
    op.add_column("dataset", sa.Column("at", sa.String(40), nullable=False, server_default=""))
    op.add_column("dataset", sa.Column("place", sa.Integer, nullable=False, server_default="-1"))
    op.create_index("dataset_by_place", "dataset", ["kind", "place"])
    op.add_column("model", sa.Column("run_id", _ID, nullable=False, server_default=""))
    op.add_column("model", sa.Column("recipe", _ID, nullable=False, server_default=""))
    op.execute("delete from place")


def downgrade() -> None:
    with op.batch_alter_table("model") as model:
        model.drop_column("recipe")
        model.drop_column("run_id")
    with op.batch_alter_table("dataset") as dataset:
        dataset.drop_index("dataset_by_place")
        dataset.drop_column("place")
        dataset.drop_column("at")
    op.drop_table("receipt")
    op.drop_table("step")
    op.drop_table("member")
