"""Airflow's metadata database: brought to the installed version once, then left alone."""

import importlib.metadata
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from stack import members
from stack.environment import process_environment
from stack.errors import StackError
from stack.files import read_json, write_json
from stack.home import REPOSITORY
from stack.installation import Installation
from stack.log_tail import last_words

MIGRATION = "airflow-db-migrate"


def migrate(installation: Installation, say: Callable[[str], None]) -> None:
    """Run `airflow db migrate`, unless this version of Airflow already has.

    Raises:
        StackError: it failed.
    """
    home = installation.home
    mark = home.airflow / "migrated.json"
    version = importlib.metadata.version("apache-airflow-core")
    if read_json(mark).get("version") == version and (home.airflow / "airflow.db").exists():
        return
    began = time.monotonic()
    airflow = str(Path(sys.executable).parent / "airflow")
    environment = process_environment(installation, os.environ, service=MIGRATION)
    log = home.log(MIGRATION)
    child = members.start((airflow, "db", "migrate"), environment=environment, log=log, folder=REPOSITORY)
    if child.wait() != 0:
        said = "\n".join(f"    {line}" for line in last_words(log))
        raise StackError(f"`airflow db migrate` failed. Its last words:\n{said}\nThe whole log: {log}")
    write_json(mark, {"version": version})
    say(f"the metadata database is at Airflow {version} ({time.monotonic() - began:.1f} s)")
