"""Every statement of the marts once, over objects of which there is no record yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crm_patterns.core.ports import Table
from crm_patterns.mart_catalog import load_mart, objects_of_marts
from tests.sql.attempts import NOON
from tests.sql.standard_objects import contract_of
from tests.sql.step import Step

INCLUDE = Path(__file__).resolve().parents[2] / "include"
VALUES = {"reporting_currency": "USD", "rates": '[{"currency": "EUR", "valid_from": "2026-01-01", "rate": "1.0821"}]'}
NOT_IN_EVERY_ORG = {"DatedConversionRate"}


def marts(schema: str) -> Iterator[Step]:
    """The objects' tables, empty; each mart asked by itself, then computed, replaced and overwritten."""
    found = objects_of_marts(INCLUDE)
    objects = {name for names in found.values() for name in names} - NOT_IN_EVERY_ORG
    contracts = {contract.table: contract for contract in map(contract_of, sorted(objects))}
    for name, contract in contracts.items():
        yield Step("warehouse_elt/create_current", {"table": Table(schema, name), "contract": contract})
    for mart in found:
        definition = load_mart(INCLUDE, mart)
        used = [item for item in definition.inputs if item.table in contracts and item.kept == "current"]
        names: dict[str, Any] = {
            "mart": definition,
            "inputs": {item.name: Table(schema, item.table) for item in used},
            "columns": {item.name: {*contracts[item.table].columns} for item in used},
            "table": Table(schema, f"{mart}__A"),
            "attempt": Table(schema, f"{mart}__A"),
            "target": Table(schema, mart),
        }
        yield Step(f"warehouse_elt/marts/{mart.lower()}", names, VALUES, [])
        stamped = [{"table": table, "stamp": "_synced_at"} for table in names["inputs"].values()]
        versions = [(place, 0, None) for place in range(1, len(stamped) + 1)]
        yield Step("warehouse_elt/select_input_versions", {"inputs": stamped}, rows=versions)
        yield Step("warehouse_elt/create_mart", names)
        yield Step("warehouse_elt/insert_mart", names, {**VALUES, "built_at": NOON})
        yield Step("warehouse_elt/replace_mart", names)
        yield Step("warehouse_elt/overwrite_mart", names)
        yield Step("control/count_rows", {"table": names["target"]}, rows=[(0,)])
