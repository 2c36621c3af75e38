"""Fields whose value changed although the record's stamp did not: found at a publish, named for the settings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.ports import RunKey, State, Warehouse

log = logging.getLogger(__name__)


def record_silent_changes(
    warehouse: Warehouse, state: State, run: RunKey, contract: ObjectContract, names: Mapping[str, Any],
    values: Mapping[str, Any],
) -> None:  # fmt: skip
    """
    Count per column, less those that are known to do so. To be called before the MERGE, which takes the traces away.

    `names` and `values` are those of the MERGE.
    """
    watched = [field for field in contract.fields if field.name != contract.key and not field.computed]
    counted = warehouse.run("warehouse_elt/count_silent_changes", names=names, values=values)[0]
    silent = {(f.column, f.name): int(rows) for f, rows in zip(watched, counted, strict=True) if rows}
    if silent:
        shown = ", ".join(f"{name} ({rows:,} rows)" for (_, name), rows in silent.items())
        log.warning("%s: these changed although the stamp did not: %s.", contract.object_name, shown)
        state.record_silent_changes(run, contract.object_name, silent, at=datetime.now(UTC))
