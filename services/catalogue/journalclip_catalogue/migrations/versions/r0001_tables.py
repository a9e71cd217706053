"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID, _NAME = sa.String(200), sa.String(500)


def upgrade() -> None:
    op.create_table(
        "source",
        sa.Column("source_id", _ID, primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("name", _NAME, nullable=False, server_default=""),
        sa.Column("received", sa.String(40), nullable=False, server_default=""),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("stage", sa.String(100), nullable=False, server_default=""),
        sa.Column("code", sa.String(100), nullable=False, server_default=""),
        sa.Column("items", sa.Integer, nullable=False, server_default="0"),
        sa.Column("pairs", sa.Integer, nullable=False, server_default="0"),
    )
    op.create_index("source_by_state", "source", ["state", "code"])
    op.create_index("source_by_received", "source", ["received", "source_id"])
    op.create_index("source_by_name", "source", ["name"])
    op.create_table(
        "parent",
        sa.Column("child_id", _ID, primary_key=True),
        sa.Column("source_id", _ID, primary_key=True),
    )
    op.create_index("parent_by_source", "parent", ["source_id"])
    op.create_table(
        "document",
        sa.Column("document_id", _NAME, primary_key=True),
        sa.Column("source_id", _ID, nullable=False),
        sa.Column("stage", sa.String(40), nullable=False),
        sa.Column("producer", _ID, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("items", sa.Integer, nullable=False),
    )
    op.create_index("document_by_source", "document", ["source_id", "stage", "rank", "document_id"])
    op.create_table(
        "pair",
        sa.Column("pair_id", _ID, primary_key=True),
        sa.Column("source_id", _ID, nullable=False),
        sa.Column("document_id", _NAME, nullable=False),
        sa.Column("parent_id", _ID, nullable=False),
        sa.Column("part_id", _ID, nullable=False, server_default=""),
        sa.Column("image", sa.String(64), nullable=False),
        sa.Column("phash", sa.String(16), nullable=False, server_default=""),
    )
    op.create_index("pair_by_source", "pair", ["source_id"])
    op.create_index("pair_by_parent", "pair", ["parent_id"])
    op.create_index("pair_by_image", "pair", ["image"])
    op.create_table(
        "quarantine",
        sa.Column("source_id", _ID, primary_key=True),
        sa.Column("stage", sa.String(100), primary_key=True),
        sa.Column("step", sa.String(40), nullable=False),
        sa.Column("name", _NAME, nullable=False, server_default=""),
        sa.Column("code", sa.String(100), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("remedy", sa.Text, nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
    )
    op.create_index("quarantine_by_code", "quarantine", ["code", "source_id"])
    op.create_table(
        "dataset",
        sa.Column("dataset_id", _ID, primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("document_id", _NAME, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("pairs", sa.Integer, nullable=False),
    )
    op.create_table(
        "model",
        sa.Column("model_id", _ID, primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("dataset_id", _ID, nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("document_id", _NAME, nullable=False),
        sa.Column("promoted", sa.Integer, nullable=False, server_default="-1"),
    )
    op.create_index("model_by_dataset", "model", ["dataset_id"])
    op.create_index("model_by_promotion", "model", ["kind", "promoted"])
    op.create_table(
        "place",
        sa.Column("topic", _ID, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("next", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "failed_event",
        sa.Column("topic", _ID, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("offset", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("error", sa.Text, nullable=False),
    )


def downgrade() -> None:
    for name in ("failed_event", "place", "model", "dataset", "quarantine", "pair", "document", "parent", "source"):
        op.drop_table(name)
