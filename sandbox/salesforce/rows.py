"""Rows into tables, many at a time: values travel as text in one Arrow table and are cast by the store."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

import duckdb
import pyarrow as pa

from sandbox.salesforce.schema import ObjectSpec
from sandbox.salesforce.store import Org


def columns(spec: ObjectSpec) -> dict[str, str]:
    """The stored columns of an object, hidden ones included, and their DuckDB types."""
    return {name: each.storage for name, each in spec.fields.items() if each.storage is not None}


def insert_rows(
    org: Org, cursor: duckdb.DuckDBPyConnection, spec: ObjectSpec, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Add rows; a column that a row lacks is null, a value that has no column is left out."""
    if not rows:
        return
    given = set().union(*rows)
    names = [name for name in columns(spec) if name in given]
    quoted = ", ".join(f'"{name}"' for name in names)
    with _incoming(cursor, rows, names):
        cursor.execute(f"insert into {org.table(spec.name)} ({quoted}) select {_casts(spec, names)} from incoming")


def update_rows(
    org: Org,
    cursor: duckdb.DuckDBPyConnection,
    spec: ObjectSpec,
    rows: Sequence[Mapping[str, Any]],
    *,
    changed: Collection[str],
) -> None:
    """Write the `changed` columns of existing rows, by Id; every row holds all of these columns."""
    types = columns(spec)
    names = [name for name in types if name in changed and name != "Id"]
    if not rows or not names:
        return
    changes = ", ".join(f'"{name}" = cast(incoming."{name}" as {types[name]})' for name in names)
    with _incoming(cursor, rows, ["Id", *names]):
        cursor.execute(
            f'update {org.table(spec.name)} as kept set {changes} from incoming where kept."Id" = incoming."Id"'
        )


class _incoming:  # noqa: N801  reads as a word in `with _incoming(…)`
    def __init__(
        self, cursor: duckdb.DuckDBPyConnection, rows: Sequence[Mapping[str, Any]], names: Iterable[str]
    ) -> None:
        self._cursor = cursor
        self._table = pa.table({name: pa.array([_text(row.get(name)) for row in rows], pa.string()) for name in names})

    def __enter__(self) -> None:
        self._cursor.register("incoming", self._table)

    def __exit__(self, *_: object) -> None:
        self._cursor.unregister("incoming")


def _casts(spec: ObjectSpec, names: Sequence[str]) -> str:
    types = columns(spec)
    return ", ".join(f'cast(incoming."{name}" as {types[name]})' for name in names)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return str(value)
