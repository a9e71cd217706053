"""The catalogue made anew from the log, in one transaction: readers see the old rows until the new ones are whole."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, Engine, delete, insert, select

from journalclip_catalogue.handler import Projector
from journalclip_catalogue.loop import catch_up
from journalclip_catalogue.migrate import upgrade
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.catalogue.engine import open_engine, sqlite_url, transaction
from journalclip_shared.catalogue.tables import METADATA, PLACE, QUARANTINE

_ROWS = 1000  # copied at once
# Not compared: the time of a verdict is that of its announcement, and places say how far each reader came.
_UNEQUAL = {(QUARANTINE.name, "at")}


def rebuild(engine: Engine, bus: Bus, store: ArtifactStore, batch: int = 200) -> int:
    """Replace all rows by those of the log as it is now; returns how many events it holds.

    A projector that runs meanwhile finds its places moved, rolls back and goes on from the new ones.
    Raises `TransientError`, `ConfigurationError`.
    """
    with TemporaryDirectory(prefix="journalclip-catalogue-") as folder:
        fresh = open_engine(sqlite_url(Path(folder) / "fresh.db"))
        count = _project(fresh, bus, store, batch)
        with transaction(engine) as target, fresh.connect() as source:
            for table in reversed(METADATA.sorted_tables):
                target.execute(delete(table))
            for table in METADATA.sorted_tables:
                rows = source.execution_options(yield_per=_ROWS).execute(select(table))
                for part in rows.partitions(_ROWS):
                    target.execute(insert(table), [dict(row._mapping) for row in part])
        fresh.dispose()
    return count


def check(engine: Engine, bus: Bus, store: ArtifactStore, batch: int = 200) -> dict[str, int]:
    """Project the log into a second database and compare row by row: how many rows differ, by table.

    Raises `TransientError`, `ConfigurationError`.
    """
    with TemporaryDirectory(prefix="journalclip-catalogue-") as folder:
        fresh = open_engine(sqlite_url(Path(folder) / "fresh.db"))
        _project(fresh, bus, store, batch)
        with engine.connect() as here, fresh.connect() as there:
            compared = [table.name for table in METADATA.sorted_tables if table is not PLACE]
            found = {name: len(_content(here, name) ^ _content(there, name)) for name in compared}
        fresh.dispose()
    return {name: count for name, count in found.items() if count}


def _project(engine: Engine, bus: Bus, store: ArtifactStore, batch: int) -> int:
    upgrade(engine)
    return catch_up(bus, Projector(engine, store), batch)


def _content(connection: Connection, name: str) -> set[tuple[object, ...]]:
    table = METADATA.tables[name]
    columns = [column for column in table.columns if (name, column.name) not in _UNEQUAL]
    return {tuple(row) for row in connection.execute(select(*columns))}
