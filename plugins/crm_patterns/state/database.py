"""
One relational database: how it is opened, and how a transaction on it begins, ends and fails.

SQLite is opened in WAL mode, so that readers never wait for the writer, and every writing transaction begins with
`BEGIN IMMEDIATE`: processes queue for the lock (up to `PATIENCE_S`) instead of failing half-way with "database is
locked". PostgreSQL needs none of that.
"""

from __future__ import annotations

import functools
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine

from crm_patterns.core.errors import FixSettings, IntegrationError, RetryLater

PATIENCE_S = 60.0
WRITES = "crm_state_writes"
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_UNUSABLE_FILE = frozenset(
    {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
)
_REFUSED_BY_POSTGRES = ("28", "3D", "42501")  # authorization, no such database, insufficient privilege


class Transactions(Protocol):
    """What the methods of the state are written on: transactions that read or write, and the time."""

    _clock: Callable[[], datetime]

    def _read(self) -> AbstractContextManager[Connection]: ...

    def _write(self) -> AbstractContextManager[Connection]: ...


def open_engine(url: URL, *, patience_s: float = PATIENCE_S) -> Engine:
    """
    An engine for a `sqlite` or `postgresql` URL; makes a SQLite file's folder. FixSettings where that cannot be.

    `patience_s` is how long a statement waits for SQLite's lock; PostgreSQL's waits are options of its URL.
    """
    if url.get_backend_name() == "sqlite":
        _make_folder(Path(url.database or ""))
        engine = sa.create_engine(url, hide_parameters=True, connect_args={"timeout": patience_s})
        event.listen(engine, "connect", functools.partial(_prepare_sqlite, patience_s))
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        return sa.create_engine(url, hide_parameters=True, pool_pre_ping=True)
    except ModuleNotFoundError as missing:
        raise FixSettings(
            f"The operational state is on PostgreSQL, but the Python package {missing.name!r} is not installed.",
            fix="Install apache-airflow-providers-postgres.",
        ) from missing


@contextmanager
def transaction(engine: Engine, *, writes: bool) -> Iterator[Connection]:
    """One transaction. The database's own faults come out as RetryLater or FixSettings, without a value in them."""
    try:
        with engine.execution_options(**{WRITES: writes}).begin() as connection:
            yield connection
    except sa.exc.DBAPIError as fault:
        raise _translated(fault, place_of(engine)) from fault


def place_of(engine: Engine) -> str:
    """Where the database is, for messages: no password."""
    if engine.url.get_backend_name() == "sqlite":
        return str(engine.url.database)
    port = f":{engine.url.port}" if engine.url.port else ""
    return f"{engine.url.host or 'localhost'}{port}/{engine.url.database}"


def _make_folder(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as refused:
        raise FixSettings(
            f"The folder {file.parent} of the operational state cannot be made ({refused.strerror}).",
            fix="Name a writable path in the host field of the connection.",
        ) from refused


def _prepare_sqlite(patience_s: float, connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see _begin_sqlite
    connection.execute("pragma foreign_keys = on")
    give_up = time.monotonic() + patience_s
    while True:  # the change of mode is the one statement for which SQLite does not wait by itself
        try:
            connection.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError as fault:
            if fault.sqlite_errorcode & 0xFF not in _BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, True)
    connection.exec_driver_sql("begin immediate" if writes else "begin")


def _translated(fault: sa.exc.DBAPIError, place: str) -> IntegrationError | sa.exc.DBAPIError:
    cause = fault.orig
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if code in _UNUSABLE_FILE:
            return FixSettings(
                f"The operational state at {place} cannot be used ({cause}).",
                fix="Name a readable and writable file in the connection crm_state.",
            )
        if code in _BUSY:
            return RetryLater(f"The operational state at {place} was busy for too long.")
        return fault
    sqlstate = getattr(cause, "pgcode", None) or getattr(cause, "sqlstate", None) or ""
    if sqlstate.startswith(_REFUSED_BY_POSTGRES):
        return FixSettings(
            f"The operational state at {place} refuses this user ({_first_line(cause)}).",
            fix="Check user, password and permissions of the connection crm_state.",
        )
    if isinstance(fault, sa.exc.OperationalError | sa.exc.InterfaceError):
        return RetryLater(
            f"The operational state at {place} does not answer ({_first_line(cause)}).",
            fix="If it stays so, check the connection crm_state.",
        )
    return fault


def _first_line(cause: BaseException | None) -> str:
    return str(cause).strip().splitlines()[0] if cause and str(cause).strip() else "no reason given"
