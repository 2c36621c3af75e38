"""
What Airflow's API server needs to share one SQLite file with the scheduler.

Python's sqlite3 sends SAVEPOINT without BEGIN, so that each savepoint commits by itself and a writer in between makes
the next one fail at once with "database is locked". Creating a backfill is one transaction of many savepoints. A
production metadata database is PostgreSQL and needs none of this.
"""

from pathlib import Path

from stack.files import write_atomically

LOCAL_SETTINGS = '''"""Written by the local stack: take SQLite's write lock where a transaction of savepoints begins."""

import sys

from sqlalchemy import Engine, event

if "api-server" in sys.argv:

    @event.listens_for(Engine, "savepoint")
    def begin_first(connection, name):
        if connection.dialect.name == "sqlite" and not connection.connection.dbapi_connection.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
'''


def write_local_settings(airflow_home: Path) -> None:
    """Airflow imports `config/airflow_local_settings.py` of its home when it starts."""
    folder = airflow_home / "config"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "airflow_local_settings.py", LOCAL_SETTINGS, mode=0o600)
