"""The statement of docs/fivetran.md makes the views that it promises."""

from __future__ import annotations

import re
from pathlib import Path

from crm_patterns.core.ports import Table
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from tests.sql.attempts import NOON, loaded, order, publish, target_of

DOCS = Path(__file__).resolve().parents[2] / "docs" / "fivetran.md"


def test_a_table_has_a_view_with_the_columns_that_packages_read(
    warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path
) -> None:
    (text,) = re.findall(r"```sql\n(.*?)```", DOCS.read_text(), re.DOTALL)
    target = target_of(warehouse, schema)
    publish(warehouse, target, loaded(warehouse, schema, tmp_path, [order("801A"), order("801B", deleted=True)]))
    views = f"{schema}_F"
    warehouse.run("control/create_schema", names={"schema": views})

    ours = text.replace("SALESFORCE_FIVETRAN", views).replace("'SALESFORCE'", f"'{schema}'")
    for (statement,) in warehouse._execute(ours.replace('"SALESFORCE"', f'"{schema}"'), {}):
        if f'"{target.name}"' in statement:
            warehouse._execute(statement, {})

    told = warehouse._execute(
        f'select id, _fivetran_synced, _fivetran_deleted, _fivetran_active from "{views}"."ORDER" order by id', {}
    )
    assert told == [("801A", NOON, False, True), ("801B", NOON, True, False)]
    assert {"id", "system_modstamp", "_fivetran_active"} <= set(warehouse.columns(Table(views, "ORDER")))
