"""`core.ports.Warehouse` on Snowflake, through its own connector. One instance per task; not shared between threads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import snowflake.connector
from snowflake.connector import errors as vendor

from crm_patterns.core.contracts import ContractField
from crm_patterns.core.errors import IntegrationError, StopRun
from crm_patterns.core.ports import Table
from crm_patterns.warehouse.dialects import snowflake as dialect
from crm_patterns.warehouse.errors import OBJECT_MISSING, translate
from crm_patterns.warehouse.templates import Templates

log = logging.getLogger(__name__)

Connect = Callable[[], "snowflake.connector.SnowflakeConnection"]

_SUBJECTS = ("target", "table", "stage", "attempt", "rejects", "schema")
"""Of a statement's names, the one that a message speaks of."""


class SnowflakeWarehouse:
    """
    Connects on first use. Each statement is its own transaction (autocommit): a MERGE is atomic by itself.

    `connect` gives a connection whose database is set. Its timeouts should be short: what the connector repeats, it
    repeats silently.
    """

    def __init__(self, connect: Connect, *, sql_root: Path) -> None:
        self._connect = connect
        self._connection: snowflake.connector.SnowflakeConnection | None = None
        self.templates = Templates(sql_root, dialect=dialect.NAME, column_type=dialect.column_type)

    def run(
        self, statement: str, *, names: Mapping[str, Any] | None = None, values: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """
        Rows of one statement. A list among `values` binds as the items of an `in (…)`.

        Raises the errors of core.errors: the sentence names the table, the fix, and the warehouse's own words.
        """
        sql = self.templates.render(statement, names or {})
        what = _subject(names or {}, statement)
        try:
            return self._execute(sql, dict(values or {}))
        except vendor.Error as error:
            raise self._translated(error, what) from error

    def upload(self, local: Path, *, stage_path: str) -> None:
        """PUT one file into `SCHEMA.STAGE/folder`. StopRun where it did not arrive."""
        schema_and_stage, _, folder = stage_path.partition("/")
        schema, _, stage = schema_and_stage.partition(".")
        rows = self.run(
            "control/put_file",
            names={"stage": Table(schema, stage), "folder": folder},
            values={"file": f"file://{local.resolve().as_posix()}"},
        )
        arrived = [row for row in rows if "UPLOADED" in row]
        if len(arrived) != 1:
            raise StopRun(
                f"{local.name} did not arrive in {stage_path}: {rows}.", fix="Clear this task to load it again."
            )

    def columns(self, table: Table) -> Mapping[str, str]:
        """Type, as `column_type` writes it, by lower-cased column name; empty where there is no such table."""
        sql = self.templates.render("control/describe_table", {"table": table})
        try:
            rows = self._execute(sql, {})
        except vendor.Error as error:
            if error.errno in OBJECT_MISSING:
                return {}
            raise self._translated(error, f"{table.schema}.{table.name}") from error
        return {str(row[0]).lower(): dialect.canonical_type(str(row[1])) for row in rows}

    def column_type(self, column: ContractField) -> str:
        return dialect.column_type(column)

    def can_widen(self, present: str, column: ContractField) -> bool:
        return dialect.is_wider(dialect.column_type(column), present)

    def close(self) -> None:
        """A second call does nothing."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _execute(self, sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        if self._connection is None:
            self._connection = self._connect()
        with self._connection.cursor() as cursor:
            cursor.execute(sql, values or None)
            rows = [tuple(row) for row in cursor.fetchall()]
            log.debug("Query %s: %s", cursor.sfqid, sql.splitlines()[0])
        return rows

    def _translated(self, error: vendor.Error, what: str) -> IntegrationError:
        connection = self._connection
        host = f"{connection.host}:{connection.port}" if connection else "the connection's host"
        return translate(error, what=what, role=(connection.role or "") if connection else "", place=host)


def _subject(names: Mapping[str, Any], statement: str) -> str:
    named = next((names[name] for name in _SUBJECTS if names.get(name)), statement)
    return f"{named.schema}.{named.name}" if isinstance(named, Table) else str(named)
