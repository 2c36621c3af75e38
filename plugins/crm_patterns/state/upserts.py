"""Insert-or-… statements, spelled the same on SQLite and PostgreSQL. The conflict is on the table's primary key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

Row = Mapping[str, Any]


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert the rows whose key is not there yet; the others stay as they are."""
    if rows:
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), list(rows))


def insert_new_returning(connection: Connection, table: Table, rows: Sequence[Row]) -> Sequence[str]:
    """The same; gives the first key column of the rows that were inserted."""
    keys = table.primary_key.columns
    statement = _insert(connection, table).on_conflict_do_nothing().returning(next(iter(keys)))
    return list(connection.execute(statement, list(rows)).scalars())


def insert_or_replace(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert the rows; those whose key is there replace it. No key may come twice."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key.columns]
    statement = _insert(connection, table)
    values = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=values), list(rows))


def insert_or_update(
    connection: Connection,
    table: Table,
    row: Row,
    *,
    where: ColumnElement[bool] | None = None,
    added: tuple[str, ...] = (),
) -> bool:
    """
    Insert the row or, where its key is there and `where` holds, replace its values. True when something was written.

    `where` may compare with the present row through the table's columns. Values of the columns in `added` are added to
    the present ones instead of replacing them.
    """
    keys = [column.name for column in table.primary_key.columns]
    values = {
        name: table.c[name] + value if name in added else value for name, value in row.items() if name not in keys
    }
    statement = _insert(connection, table).values(dict(row))
    upsert = statement.on_conflict_do_update(index_elements=keys, set_=values, where=where)
    return connection.execute(upsert.returning(table.c[keys[0]])).first() is not None
