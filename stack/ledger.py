"""What the product itself says of a run: the tables OPS.RUNS, OPS.OUTCOMES and OPS.QUARANTINE of the warehouse.

They are read through Airflow's own SnowflakeHook and the connection `snowflake_default`, in a process of its own that
has the stack's environment: so it is the warehouse the run wrote to, wherever that is.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stack.environment import process_environment
from stack.errors import StackError
from stack.home import REPOSITORY
from stack.installation import Installation
from stack.warehouse_facts import facts

STATEMENTS = {
    "run": "select * from OPS.RUNS where dag_id = %(dag_id)s and run_id = %(run_id)s",
    "outcomes": "select * from OPS.OUTCOMES where dag_id = %(dag_id)s and run_id = %(run_id)s order by object_name",
    "set_aside": (
        "select object_name, rule, field_name, min(reason) as reason, count(distinct record_key) as records"
        " from OPS.QUARANTINE where dag_id = %(dag_id)s and run_id = %(run_id)s and released_at is null"
        " group by object_name, rule, field_name order by object_name, rule, field_name"
    ),
}
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ledger:
    """One run as the warehouse tells it; column names in lower case. Counts are in records.

    `unreadable` says which of the three tables could not be read, and why. `facts` is what `warehouse_facts` tells.
    """

    run: Row = field(default_factory=dict)
    outcomes: list[Row] = field(default_factory=list)
    set_aside: list[Row] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    facts: Mapping[str, list[Row]] = field(default_factory=dict)

    @classmethod
    def from_tables(cls, tables: Mapping[str, list[Row]]) -> "Ledger":
        """From the rows of the three tables."""
        run, outcomes, set_aside = (list(tables.get(name, [])) for name in STATEMENTS)
        unreadable = [str(row["why"]) for row in tables.get("unreadable", [])]
        facts = {name: rows for name, rows in tables.items() if name not in STATEMENTS}
        return cls(run[0] if run else {}, outcomes, set_aside, unreadable, facts)


def read_ledger(installation: Installation, dag_id: str, run_id: str, *, facts_of: Sequence[str] = ()) -> Ledger:
    """The run's rows, and the facts of the warehouse that concern the runs `facts_of`; without any, no facts.

    Raises:
        StackError: the warehouse did not give them; with its own words.
    """
    environment = process_environment(installation, os.environ, service="ledger")
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "ledger.json"
        command = [sys.executable, "-m", "stack.ledger", str(answer), dag_id, run_id, *facts_of]
        result = subprocess.run(
            command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        if result.returncode or not answer.exists():
            last = (result.stderr or result.stdout).strip().splitlines()[-1:] or ["it said nothing"]
            raise StackError(f"The tables of schema OPS could not be read: {last[0]}")
        return Ledger.from_tables(json.loads(answer.read_text(encoding="utf-8")))


def _write_tables(answer: Path, dag_id: str, run_id: str, facts_of: list[str]) -> None:
    from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook
    from snowflake.connector.errors import ProgrammingError

    hook = SnowflakeHook("snowflake_default", log_sql=False)
    bound = {"dag_id": dag_id, "run_id": run_id}
    tables: dict[str, list[dict[str, Any]]] = {"unreadable": []}
    with hook.get_conn() as connection, connection.cursor() as cursor:

        def rows(statement: str) -> list[dict[str, Any]]:
            cursor.execute(statement, bound)
            columns = [column[0].lower() for column in cursor.description]
            return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

        def ask(statement: str) -> list[dict[str, Any]]:
            try:
                return rows(statement)
            except ProgrammingError:
                return []

        for name, statement in STATEMENTS.items():
            try:
                tables[name] = rows(statement)
            except ProgrammingError as refusal:
                tables["unreadable"].append({"why": f"{name}: {refusal.msg}"})
        if facts_of:
            tables |= facts(ask, facts_of)
    answer.write_text(json.dumps(tables, default=str), encoding="utf-8")


if __name__ == "__main__":
    _write_tables(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
