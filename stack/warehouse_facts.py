"""What the demo tells of the warehouse beside single runs: history, deletions, changes of schema, marts."""

from collections.abc import Callable, Iterator
from typing import Any

Rows = list[dict[str, Any]]
Ask = Callable[[str], Rows]
"""Rows of a statement, column names in lower case; none where a table of it is not there."""


def facts(ask: Ask, run_ids: list[str]) -> dict[str, Rows]:
    """By topic. Every name in a statement comes from the warehouse's own catalogue or from the demo's runs."""
    ran = ", ".join(f"'{run_id}'" for run_id in run_ids)
    return {
        "history": [row for table in _tables(ask, "SALESFORCE_HISTORY") for row in _versions(ask, table)],
        "merges": ask("select count(*) as merged from SALESFORCE_HISTORY.MERGE_MAP"),
        "deletions": ask(_deletions(ask)),
        "schema_changes": ask("select object_name, sentence from OPS.SCHEMA_CHANGES order by found_at, sentence"),
        "steps": ask(f"select * from OPS.STEPS where run_id in ({ran}) order by step, object_name"),
        "marts": [row for table in _tables(ask, "MARTS") for row in ask(_count("MARTS", table))],
    }


def _tables(ask: Ask, schema: str) -> Iterator[str]:
    for row in ask(
        "select table_name as name from information_schema.tables "
        f"where table_schema = '{schema}' and table_name <> 'MERGE_MAP' order by table_name"
    ):
        yield str(row["name"])


def _count(schema: str, table: str) -> str:
    return f'select \'{table}\' as name, count(*) as records from "{schema}"."{table}"'


def _versions(ask: Ask, table: str) -> Rows:
    counted = f"select '{table}' as name, count(*) as versions, count(distinct \"ID\") as records"
    return ask(f'{counted} from "SALESFORCE_HISTORY"."{table}"')


def _deletions(ask: Ask) -> str:
    """One row for each way in which deletions were learned."""
    tables = ask(
        "select table_name as name from information_schema.columns "
        "where table_schema = 'SALESFORCE' and column_name = '_DELETED_HOW'"
    )
    parts = [f'select "_DELETED_HOW" as how from "SALESFORCE"."{row["name"]}" where "_DELETED"' for row in tables]
    every = " union all ".join(parts) or "select null as how where false"
    return (
        f"select coalesce(how, 'soft delete') as how, count(*) as records from ({every}) as gone group by 1 order by 1"
    )
