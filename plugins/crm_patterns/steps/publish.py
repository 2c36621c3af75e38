"""One MERGE, atomic by itself, into the table people query, one into its history, and the proof of both."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.outcomes import Tally
from crm_patterns.core.ports import RunKey, Stage, State, Table, Warehouse
from crm_patterns.core.references import CheckedRef, PublishedRef
from crm_patterns.core.staging import Manifest
from crm_patterns.steps.history import Attempt, HistoryOf, begin_history, count_recorded, history_of, record_history

log = logging.getLogger(__name__)


def publish(
    stage: Stage, warehouse: Warehouse, state: State, run: RunKey, checked: CheckedRef, *, target_schema: str,
    attempt_schema: str, history_schema: str | None = None,
) -> PublishedRef:  # fmt: skip
    """
    Merge the accepted rows by key, newer wins; soft-deleted rows become `_deleted`. Then the same rows into history,
    where the object has one (`history_schema`). No rows: nothing is merged.

    An object without a cursor was read completely: its living rows that the read did not bring become `_deleted` too.

    The outcome is foreseen and kept before the first MERGE, so that a retry after a kill reports the same tally.
    """
    manifest = stage.manifest(checked.loaded.stage)
    kept = history_schema and history_of(manifest.contract, target_schema=target_schema, history_schema=history_schema)
    if kept:
        begin_history(warehouse, kept)
    if not checked.loaded.attempt_table:
        nothing = Tally(read=manifest.rejected, rejected=manifest.rejected)
        return PublishedRef(checked, 0, nothing, recorded=0 if kept else None)
    names: dict[str, Any] = {
        "target": Table(target_schema, manifest.contract.table),
        "attempt": Table(attempt_schema, checked.loaded.attempt_table),
        "rejects": Table(attempt_schema, checked.rejects_table) if checked.rejects_table else None,
        "contract": manifest.contract,
    }
    set_aside = [row.record_key for row in stage.rejected_rows(checked.loaded.stage)] if manifest.rejected else []
    names["set_aside"] = bool(set_aside)
    values: dict[str, Any] = {
        "read_at": datetime.fromisoformat(manifest.evidence.read_at), "run_id": run.run_id, "set_aside": set_aside,
    }  # fmt: skip
    foreseen = _foresee(warehouse, manifest, checked, names, values)
    tally = state.plan_publish(run, manifest.address.object_name, manifest.address.attempt_id, foreseen)
    warehouse.run("warehouse_elt/merge_into_current", names=names, values=values)
    if is_complete(manifest.contract):
        warehouse.run("warehouse_elt/mark_missing", names=names, values=values)
    published = int(warehouse.run("warehouse_elt/count_published", names=names, values=values)[0][0])
    recorded = _record(warehouse, kept, run, manifest, names) if kept else None
    released = _release(warehouse, state, run, manifest, names)
    log.info(
        "%s: %s created, %s updated, %s deleted, %s unchanged, %s set aside; %s released from quarantine.",
        manifest.address.object_name, tally.created, tally.updated, tally.deleted, tally.unchanged, tally.rejected,
        released,
    )  # fmt: skip
    return PublishedRef(checked, published, tally, tally.read - manifest.rows - manifest.rejected, recorded)


def is_complete(contract: ObjectContract) -> bool:
    """Whether every read of the object brings all of its rows, so that a row it does not bring is gone."""
    return contract.cursor is None


def _record(warehouse: Warehouse, kept: HistoryOf, run: RunKey, manifest: Manifest, names: dict[str, Any]) -> int:
    read_at = datetime.fromisoformat(manifest.evidence.read_at)
    attempt = Attempt(names["attempt"], names["rejects"], read_at)
    record_history(warehouse, kept, run_id=run.run_id, attempt=attempt)
    return count_recorded(warehouse, kept, run_id=run.run_id, attempt=attempt)


def _foresee(
    warehouse: Warehouse, manifest: Manifest, checked: CheckedRef, names: dict[str, Any], values: dict[str, Any]
) -> Tally:
    created, updated, deleted, unchanged = warehouse.run("warehouse_elt/plan_publish", names=names, values=values)[0]
    missing = 0
    if is_complete(manifest.contract):
        missing = int(warehouse.run("warehouse_elt/count_missing", names=names, values=values)[0][0])
    return Tally(
        read=manifest.rows + manifest.rejected + missing,
        created=int(created or 0),
        updated=int(updated or 0),
        deleted=int(deleted or 0) + missing,
        unchanged=int(unchanged or 0),
        rejected=checked.rejected + manifest.rejected,
    )


def _release(warehouse: Warehouse, state: State, run: RunKey, manifest: Manifest, names: dict[str, Any]) -> int:
    """Close the quarantine entries of records that this run accepted."""
    address = manifest.address
    waiting = state.open_quarantine_keys(address.source, address.object_name)
    if not waiting:
        return 0
    accepted: list[str] = []
    for at in range(0, len(waiting), 1000):
        rows = warehouse.run(
            "warehouse_elt/select_accepted_keys", names=names, values={"keys": list(waiting[at : at + 1000])}
        )
        accepted += [str(row[0]) for row in rows]
    return state.release(address.source, address.object_name, accepted, run=run, at=datetime.now(UTC))
