"""From the fields of a connection to the operational state."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.engine import URL

from crm_patterns.core.errors import FixSettings
from crm_patterns.state.database import PATIENCE_S, open_engine
from crm_patterns.state.operational import OperationalState

POSTGRES_DRIVER = "postgresql+psycopg2"
LIBPQ_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "target_session_attrs")
CONNECT_TIMEOUT_S = 10.0


class ConnectionFields(Protocol):
    """What an Airflow connection has; nothing else of Airflow is needed here."""

    @property
    def conn_type(self) -> str | None: ...
    @property
    def host(self) -> str | None: ...
    @property
    def schema(self) -> str | None: ...
    @property
    def login(self) -> str | None: ...
    @property
    def password(self) -> str | None: ...
    @property
    def port(self) -> int | None: ...
    @property
    def extra_dejson(self) -> Mapping[str, Any]: ...


def open_state(connection: ConnectionFields, *, patience_s: float = PATIENCE_S) -> OperationalState:
    """
    Connection type `sqlite`: an absolute path in host. `postgres`: host, port, schema (= database), login, password
    and, in extra, the libpq options of LIBPQ_OPTIONS. FixSettings for anything else; the database is not touched yet.
    `patience_s` bounds the wait for SQLite's lock and for PostgreSQL's answer to a connection or a lock.
    """
    makers = {"sqlite": _sqlite_url, "postgres": _postgres_url}
    make = makers.get(connection.conn_type or "")
    if make is None:
        raise FixSettings(
            f"The operational state cannot live on a connection of type {connection.conn_type!r}.",
            fix="Give the connection crm_state the type sqlite (path in host) or postgres.",
        )
    return OperationalState(open_engine(make(connection, patience_s), patience_s=patience_s))


def _sqlite_url(connection: ConnectionFields, _patience_s: float) -> URL:
    given = connection.host or connection.schema or ""
    path = Path(given).expanduser()
    if not path.is_absolute():
        raise FixSettings(
            f"The sqlite connection of the operational state names the path {given!r}, which is not absolute.",
            fix="Write the whole path of a file into its host field: each Airflow process has a folder of its own.",
        )
    return URL.create("sqlite+pysqlite", database=str(path))


def _postgres_url(connection: ConnectionFields, patience_s: float) -> URL:
    missing = [name for name in ("host", "schema", "login") if not getattr(connection, name)]
    if missing:
        raise FixSettings(
            f"The postgres connection of the operational state lacks {' and '.join(missing)}.",
            fix="Fill in host, schema (the database's name) and login.",
        )
    options = {name: str(connection.extra_dejson[name]) for name in LIBPQ_OPTIONS if name in connection.extra_dejson}
    return URL.create(
        POSTGRES_DRIVER,
        username=connection.login,
        password=connection.password,
        host=connection.host,
        port=connection.port,
        database=connection.schema,
        query={
            "connect_timeout": f"{min(CONNECT_TIMEOUT_S, patience_s):.0f}",
            "options": f"-c lock_timeout={patience_s * 1000:.0f}",
            **options,
        },
    )
