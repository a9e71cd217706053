"""Opening the catalogue's database: a SQLite file in the working folder, or a server that settings name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.pool import ConnectionPoolEntry

from journalclip_shared.errors import ConfigurationError, TransientError
from journalclip_shared.settings import Settings

DEPENDENCY = "catalogue"
FILE = "catalogue.db"
_REMEDY = "Run `journalclip catalogue upgrade`, or rebuild the catalogue."
_BUSY_MS = 60_000  # a rebuild is one long transaction


def catalogue_url(settings: Settings) -> str:
    """The address that settings name, else the working folder's own file."""
    return settings.catalogue_url or sqlite_url(settings.workdir / FILE)


def existing(settings: Settings) -> Engine | None:
    """The catalogue that settings name, or that the working folder holds; None where neither is."""
    if not settings.catalogue_url and not (settings.workdir / FILE).is_file():
        return None
    return open_engine(catalogue_url(settings))


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path.resolve()}"


def open_engine(url: str) -> Engine:
    """An engine for ``url``; nothing is connected yet."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def set_up(connection: object, _record: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]  # the driver's own connection
        # Readers go on while the projector writes. A lost tail after a power cut is projected again from its place.
        for pragma in (
            "journal_mode = wal",
            "synchronous = normal",
            f"busy_timeout = {_BUSY_MS}",
            "cache_size = -65536",
        ):
            cursor.execute(f"pragma {pragma}")
        cursor.close()

    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction, committed at the end of the block. Raises `TransientError`, `ConfigurationError`."""
    with reached(), engine.begin() as connection:
        yield connection


@contextmanager
def reached(name: str = DEPENDENCY, remedy: str = _REMEDY) -> Iterator[None]:
    """Errors of a database as ours."""
    try:
        yield
    except ProgrammingError as error:  # a table that is not there
        raise ConfigurationError(f"{name}-schema", f"{error.orig}", remedy) from error
    except (OperationalError, InterfaceError) as error:
        if "no such table" in str(error.orig) or "no such column" in str(error.orig):
            raise ConfigurationError(f"{name}-schema", f"{error.orig}", remedy) from error
        if "password authentication failed" in str(error.orig) or "does not exist" in str(error.orig):
            variable = f"JOURNALCLIP_{name.upper()}_URL"
            raise ConfigurationError(f"{name}-denied", f"{error.orig}", f"Check {variable}.") from error
        raise TransientError(f"{name}: {error.orig}", name) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise TransientError(f"{name}: {error.orig}", name) from error
        raise
