"""Opening the database, at the newest tables. Errors of the database are `TransientError` or `ConfigurationError`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

from journalclip_shared.catalogue.engine import open_engine, reached

FILE = "sessions.db"
SCRIPTS = Path(__file__).parent / "migrations"
_DEPENDENCY = "sessions"
_REMEDY = "Check JOURNALCLIP_SESSIONS_URL; tables are made when the server starts."
_LOCK = 7_325_011  # of PostgreSQL's advisory locks: replicas that start together upgrade one after the other


def open_database(url: str) -> Engine:
    """An engine whose database has the newest tables."""
    engine = open_engine(url)
    upgrade(engine)
    return engine


def upgrade(engine: Engine, revision: str = "head") -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with transaction(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"select pg_advisory_xact_lock({_LOCK})"))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction, committed at the end of the block."""
    with reached(_DEPENDENCY, _REMEDY), engine.begin() as connection:
        yield connection
