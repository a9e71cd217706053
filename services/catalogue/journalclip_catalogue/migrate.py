"""Migrations of the catalogue's tables, by Alembic, on SQLite and PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from journalclip_shared.catalogue.engine import reached

SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the database to ``revision``; what is there already is left alone. Raises `TransientError`."""
    _run(engine, command.upgrade, revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the database back to ``revision``. Raises `TransientError`."""
    _run(engine, command.downgrade, revision)


def _run(engine: Engine, act: object, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with reached(), engine.begin() as connection:
        config.attributes["connection"] = connection
        assert callable(act)
        act(config, revision)
