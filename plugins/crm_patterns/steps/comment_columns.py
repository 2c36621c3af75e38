"""The warehouse says what its columns mean: new tables from the start, others once a day where a meaning changed."""

from __future__ import annotations

import logging

from crm_patterns.core.contracts import ContractField, ObjectContract
from crm_patterns.core.fingerprints import short_fingerprint
from crm_patterns.core.meanings import meaning_of, meaning_of_table
from crm_patterns.core.own_columns import OwnColumn
from crm_patterns.core.ports import Table, Warehouse

log = logging.getLogger(__name__)


def comment_columns(
    warehouse: Warehouse, table: Table, contract: ObjectContract, own: tuple[OwnColumn, ...], *, dry_run: bool = False
) -> int:
    """
    Write the comments of a table's columns; returns how many: 0 where the table's own comment says they are there.

    The table's comment is written last, so that a task killed in between writes them again. Columns the table lacks
    are left out; no table, no comments.
    """
    columns: tuple[ContractField | OwnColumn, ...] = (*contract.fields, *own)
    wanted = meaning_of_table(contract, short_fingerprint([[c.column, meaning_of(c)] for c in columns]))
    found = warehouse.run("control/select_table_comment", values={"schema": table.schema, "table": table.name})
    if not found or found[0][0] == wanted:
        return 0
    present = warehouse.columns(table)
    due = [column for column in columns if column.column in present]
    if dry_run:
        return len(due)
    for column in due:
        warehouse.run("warehouse_elt/comment_column", names={"table": table, "field": column})
    warehouse.run("warehouse_elt/comment_table", names={"table": table, "text": wanted})
    log.info("Wrote the comments of %s columns of %s.%s.", len(due), table.schema, table.name)
    return len(due)
