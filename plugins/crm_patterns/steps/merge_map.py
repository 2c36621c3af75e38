"""Which record survived a merge: `MERGE_MAP`, made from the losers that a current table holds. Any number of times."""

from __future__ import annotations

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.ports import Table, Warehouse

TABLE = "MERGE_MAP"


def keep_merge_map(warehouse: Warehouse, target: Table, contract: ObjectContract, *, map_schema: str) -> None:
    """
    Bring the map up to the current table; chains end at the record that is left (A→B→C gives A→C and B→C).

    Does nothing for an object whose records cannot be merged.
    """
    if contract.merged_into is None:
        return
    merge_map = Table(map_schema, TABLE)
    warehouse.run("control/create_schema", names={"schema": map_schema})
    warehouse.run("warehouse_elt/create_merge_map", names={"table": merge_map})
    warehouse.run(
        "warehouse_elt/merge_into_merge_map",
        names={"merge_map": merge_map, "target": target, "contract": contract},
        values={"object_name": contract.object_name},
    )
