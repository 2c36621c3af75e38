"""One MERGE, atomic by itself, into the table people query, one into its history, and the proof of both."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.outcomes import Tally
from crm_patterns.core.pieces import pieces
from crm_patterns.core.ports import RunKey, Stage, State, Table, Warehouse
from crm_patterns.core.references import CheckedRef, PublishedRef
from crm_patterns.core.staging import Manifest
from crm_patterns.patterns.guards import GuardRules
from crm_patterns.steps.guard import guard
from crm_patterns.steps.history import Attempt, HistoryOf, begin_history, count_recorded, history_of, record_history
from crm_patterns.steps.merge_map import keep_merge_map
from crm_patterns.steps.silent_changes import record_silent_changes

log = logging.getLogger(__name__)


def publish(
    stage: Stage, warehouse: Warehouse, state: State, run: RunKey, checked: CheckedRef, *, target_schema: str,
    attempt_schema: str, history_schema: str | None = None, map_schema: str | None = None, is_part: bool = False,
    rules: GuardRules | None = None,
) -> PublishedRef:  # fmt: skip
    """
    Merge the accepted rows by key, newer wins; soft-deleted rows become `_deleted`. Then close the rows of the
    tombstones, take merges of records into the map of `map_schema`, and all that changed into history, where the
    object has one (`history_schema`). No rows and no tombstones: nothing is merged.

    An object without a cursor was read completely: its living rows that the read did not bring become `_deleted` too.
    Not so with `is_part`: the attempt holds some of its rows only.

    The outcome is foreseen and kept before the first MERGE, so that a retry after a kill reports the same tally.
    ApprovalNeeded where it is abnormal by the `rules`, before anything has changed; what has begun to be published is
    not asked about again. None: nothing is.
    """
    manifest, loaded = stage.manifest(checked.loaded.stage), checked.loaded
    kept = history_schema and history_of(manifest.contract, target_schema=target_schema, history_schema=history_schema)
    if kept:
        begin_history(warehouse, kept)
    is_all = is_complete(manifest.contract) and not is_part
    if not loaded.attempt_table and not loaded.tombstones_table and not is_all:
        nothing = Tally(read=manifest.rejected, rejected=manifest.rejected)
        return PublishedRef(checked, 0, nothing, recorded=0 if kept else None)
    target = Table(target_schema, manifest.contract.table)
    names, values = _given(stage, run, manifest, checked, target=target, attempt_schema=attempt_schema)
    names["complete"] = is_all
    foreseen, silent = _foresee(warehouse, manifest, checked, names, values)
    address = manifest.address
    if rules is not None and state.planned_publish(run, address.object_name, address.attempt_id) is None:
        guard(warehouse, manifest, foreseen, rules, is_part=is_part, names=names, values=values)
    if silent and manifest.contract.cursor:
        record_silent_changes(warehouse, state, run, manifest.contract, names, values)
    tally = state.plan_publish(run, address.object_name, address.attempt_id, foreseen, stage=checked.loaded.stage)
    published = _merge_rows(warehouse, names, values)
    ignored = _merge_tombstones(warehouse, manifest, checked, names, values)
    if map_schema and (tally.created or tally.updated or tally.deleted):
        keep_merge_map(warehouse, target, manifest.contract, map_schema=map_schema)
    recorded = _record(warehouse, kept, run, manifest, names) if kept else None
    released = _release(warehouse, state, run, manifest, names) if loaded.attempt_table else 0
    log.info(
        "%s: %s created, %s updated, %s deleted, %s unchanged, %s set aside; %s released from quarantine.",
        manifest.address.object_name, tally.created, tally.updated, tally.deleted, tally.unchanged, tally.rejected,
        released,
    )  # fmt: skip
    missing = tally.read - manifest.rows - manifest.rejected - manifest.tombstones
    return PublishedRef(checked, published, tally, missing, recorded, ignored)


def _given(
    stage: Stage, run: RunKey, manifest: Manifest, checked: CheckedRef, *, target: Table, attempt_schema: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Names and values of all the statements below."""
    loaded = checked.loaded

    def table(name: str) -> Table | None:
        return Table(attempt_schema, name) if name else None

    set_aside = [row.record_key for row in stage.rejected_rows(loaded.stage)] if manifest.rejected else []
    names: dict[str, Any] = {
        "target": target,
        "attempt": table(loaded.attempt_table),
        "rejects": table(checked.rejects_table),
        "tombstones": table(loaded.tombstones_table),
        "contract": manifest.contract,
        "set_aside": bool(set_aside),
    }
    read_at = datetime.fromisoformat(manifest.evidence.read_at)
    return names, {"read_at": read_at, "run_id": run.run_id, "set_aside": set_aside}


def _merge_rows(warehouse: Warehouse, names: dict[str, Any], values: dict[str, Any]) -> int:
    """How many accepted rows the target holds afterwards, at least as new as staged."""
    if names["attempt"]:
        warehouse.run("warehouse_elt/merge_into_current", names=names, values=values)
    if names["complete"]:
        warehouse.run("warehouse_elt/mark_missing", names=names, values=values)
    if not names["attempt"]:
        return 0
    return int(warehouse.run("warehouse_elt/count_published", names=names, values=values)[0][0])


def _merge_tombstones(
    warehouse: Warehouse, manifest: Manifest, checked: CheckedRef, names: dict[str, Any], values: dict[str, Any]
) -> int:
    """Close their rows, and those of deleted rows that a rule rejected; how many staged ones were ignored: none."""
    if checked.loaded.tombstones_table or (checked.rejects_table and manifest.contract.deleted_flag):
        warehouse.run("warehouse_elt/merge_tombstones", names=names, values=values)
    return _open_tombstones(warehouse, checked, names, values)


def _open_tombstones(warehouse: Warehouse, checked: CheckedRef, names: dict[str, Any], values: dict[str, Any]) -> int:
    if not checked.loaded.tombstones_table:
        return 0
    return int(warehouse.run("warehouse_elt/count_open_tombstones", names=names, values=values)[0][0])


def is_complete(contract: ObjectContract) -> bool:
    """Whether every read of the object brings all of its rows, so that a row it does not bring is gone."""
    return contract.cursor is None


def _record(warehouse: Warehouse, kept: HistoryOf, run: RunKey, manifest: Manifest, names: dict[str, Any]) -> int:
    read_at = datetime.fromisoformat(manifest.evidence.read_at)
    attempt = Attempt(names["attempt"], names["rejects"], read_at) if names["attempt"] else None
    record_history(warehouse, kept, run_id=run.run_id, attempt=attempt)
    if attempt is None:
        return 0
    return count_recorded(warehouse, kept, run_id=run.run_id, attempt=attempt)


def _foresee(
    warehouse: Warehouse, manifest: Manifest, checked: CheckedRef, names: dict[str, Any], values: dict[str, Any]
) -> tuple[Tally, int]:
    """
    What the MERGE will do, and how many rows it will change although their stamp is not newer.

    A tombstone is read like a row: it closes a row, or changes nothing.
    """
    closes = _open_tombstones(warehouse, checked, names, values)
    buried = Tally(read=manifest.tombstones, deleted=closes, unchanged=manifest.tombstones - closes)
    created = updated = deleted = unchanged = silent = missing = 0
    if names["attempt"]:
        planned = warehouse.run("warehouse_elt/plan_publish", names=names, values=values)[0]
        created, updated, deleted, unchanged, silent = (int(number or 0) for number in planned)
    if names["complete"]:
        missing = int(warehouse.run("warehouse_elt/count_missing", names=names, values=values)[0][0])
    foreseen = Tally(
        read=manifest.rows + manifest.rejected + missing,
        created=created,
        updated=updated,
        deleted=deleted + missing,
        unchanged=unchanged,
        rejected=checked.rejected + manifest.rejected,
    )
    return buried + foreseen, silent


def _release(warehouse: Warehouse, state: State, run: RunKey, manifest: Manifest, names: dict[str, Any]) -> int:
    """Close the quarantine entries of records that this run accepted."""
    address = manifest.address
    waiting = state.open_quarantine_keys(address.source, address.object_name)
    if not waiting or not names["attempt"]:
        return 0
    accepted: list[str] = []
    for some in pieces(waiting, 1000):
        rows = warehouse.run("warehouse_elt/select_accepted_keys", names=names, values={"keys": list(some)})
        accepted += [str(row[0]) for row in rows]
    return state.release(address.source, address.object_name, accepted, run=run, at=datetime.now(UTC))
