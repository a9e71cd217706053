"""Inserts that meet a row that is there already, in the words of SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

_COUNTED = {"preserve_rowcount": True}  # else PostgreSQL's driver is not asked how many rows an INSERT made
_CHUNK = 400  # rows a statement: SQLite takes 32,766 values in one


def insert_new(connection: Connection, table: Table, found: Sequence[Mapping[str, object]]) -> int:
    """Insert the rows whose key is not there; returns how many were."""
    return sum(_insert(connection, table, found[at : at + _CHUNK], replace=()) for at in range(0, len(found), _CHUNK))


def insert_or_replace(
    connection: Connection, table: Table, found: Sequence[Mapping[str, object]], replace: Sequence[str]
) -> None:
    """Insert the rows; of those whose key is there, replace the columns ``replace``."""
    for at in range(0, len(found), _CHUNK):
        _insert(connection, table, found[at : at + _CHUNK], replace)


def _insert(connection: Connection, table: Table, found: Sequence[Mapping[str, object]], replace: Sequence[str]) -> int:
    if not found:
        return 0
    keys = list(table.primary_key.columns)
    if connection.dialect.name == "postgresql":
        statement = postgresql.insert(table).values([dict(row) for row in found])
        made = (
            statement.on_conflict_do_update(
                index_elements=keys, set_={name: statement.excluded[name] for name in replace}
            )
            if replace
            else statement.on_conflict_do_nothing(index_elements=keys)
        )
        return connection.execute(made, execution_options=_COUNTED).rowcount
    plain = sqlite.insert(table).values([dict(row) for row in found])
    return connection.execute(
        plain.on_conflict_do_update(index_elements=keys, set_={name: plain.excluded[name] for name in replace})
        if replace
        else plain.on_conflict_do_nothing(index_elements=keys),
        execution_options=_COUNTED,
    ).rowcount
