"""
The schema's version. An empty or older database is migrated on first use, by one process while the others wait.

The version is read without Alembic; Alembic is imported only when there is something to migrate.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from crm_patterns.core.errors import FixSettings
from crm_patterns.state.database import place_of, transaction

HEAD = "0012"
VERSION_TABLE = "crm_state_version"
SCRIPTS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x63726D5F73746174  # "crm_stat"


def ensure_schema(engine: Engine) -> None:
    """Bring the database to HEAD. FixSettings where a newer release of the package has migrated it already."""
    with transaction(engine, writes=False) as connection:
        if _version(connection) == HEAD:
            return
    with transaction(engine, writes=True) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        found = _version(connection)
        if found != HEAD:
            _migrate(connection, found, place_of(engine))


def _version(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    row = connection.execute(sa.text(f"select version_num from {VERSION_TABLE}")).first()  # noqa: S608 - our own name
    return str(row[0]) if row else None


def _migrate(connection: Connection, found: str | None, place: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise FixSettings(
            f"The operational state at {place} has the schema version {found!r}, which this release "
            f"(version {HEAD!r}) does not know: a newer release has been here.",
            fix="Install that newer release, or point the connection crm_state to another database.",
        )
    command.upgrade(config, "head")
