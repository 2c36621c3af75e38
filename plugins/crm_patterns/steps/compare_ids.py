"""
All ids of the source against all rows of the warehouse: deletions that the source's log does not tell, and lost rows.

What differs is never believed from two lists alone: each key is looked up at the source. What is gone becomes a
tombstone, what is there is read again, and both are published like a window: staged, loaded, audited, merged, proven.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.errors import StopRun
from crm_patterns.core.outcomes import RunState
from crm_patterns.core.ports import ReadRequest, RunKey, Source, Stage, State, StepOutcome, Table, Warehouse
from crm_patterns.core.references import CheckedRef, LoadedRef
from crm_patterns.core.staging import Manifest, StageRef
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.id_comparison import ComparedIds, question, summary
from crm_patterns.patterns.naming import table_name
from crm_patterns.patterns.quota import AS_USUAL, Means
from crm_patterns.patterns.warehouse_elt import FieldChoice
from crm_patterns.steps.earlier_tries import published_before
from crm_patterns.steps.guard import ApprovalNeeded
from crm_patterns.steps.id_repair import ComparisonPlaces, Difference, Mended, publish_repair, stage_repair
from crm_patterns.steps.load import copy_into_attempt
from crm_patterns.steps.quota import choose
from crm_patterns.steps.read_plan import ReadPlan
from crm_patterns.steps.reconcile import drop_table
from crm_patterns.steps.schema import agree

log = logging.getLogger(__name__)

STEP = "compare_ids"
READ_AGAIN_AT_MOST = 50_000
"""So many rows are read by their ids, 400 a call; more than that is a matter for a full read."""


def plan_ids(source: Source, object_name: str, *, read: str, rest_below: int, by: Means = AS_USUAL) -> ReadPlan:
    """Read the ids of all records that are not in the bin, and nothing else."""
    read_at = source.now()
    key = ContractField("Id", "id", FieldKind.TEXT, length=18, nullable=False)
    contract = ObjectContract(source.name, object_name, table_name(object_name), (key,), "Id", None, None)
    request = ReadRequest(object_name, ("Id",), None, Window(None, read_at, WindowKind.FULL), include_deleted=False)
    count = source.count(request)
    method, reason = choose(read, rows=count, rest_below=rest_below, by=by)
    return ReadPlan(request, contract, method, reason, count, read_at)


def compare_ids(
    source: Source, stage: Stage, warehouse: Warehouse, state: State, run: RunKey, ids: StageRef, *,
    choice: FieldChoice, places: ComparisonPlaces, attempt_id: str, max_share: float,
    approved: int, audit: Callable[[LoadedRef], CheckedRef],
) -> StepOutcome:  # fmt: skip
    """
    Compare the staged ids, and put right what differs. ApprovalNeeded, and nothing is published, where more than
    `max_share` (0..1) of the open rows would be closed, and more rows than the `approved`.

    Any number of times: what is right already does not differ, and what an earlier try of the run has published counts
    as published by the run.
    """

    def mend(staged: StageRef) -> Mended:
        return publish_repair(stage, warehouse, state, run, staged, places=places, audit=audit)

    manifest = stage.manifest(ids)
    name, compared_at = manifest.address.object_name, datetime.fromisoformat(manifest.evidence.read_at)
    before = published_before(state, run, name, lambda staged: mend(staged).tally)
    mended = Mended(before, before.deleted)
    contract = agree(source, state, name, source.describe(name), choice).contract
    table = _load_ids(stage, warehouse, state, run, ids, manifest, places)
    names = {"target": Table(places.target, contract.table), "ids": table, "contract": contract}
    counts = _count(warehouse, names, compared_at)
    _stop_where_too_many(name, counts)
    if counts.gone > approved and counts.closes_too_much(max_share):
        rows = warehouse.run("warehouse_elt/sample_gone_ids", names=names, values={"read_at": compared_at})
        raise ApprovalNeeded(question(name, counts, max_share, [str(row[0]) for row in rows]))
    difference = _difference(warehouse, state, source.name, name, names, compared_at)
    drop_table(warehouse, state, table)
    if staged := stage_repair(source, stage, state, contract, difference, attempt_id=attempt_id):
        mended += mend(staged)
    state.record_comparison(source.name, name, at=compared_at)
    return _outcome(name, counts, mended)


def _outcome(name: str, counts: ComparedIds, mended: Mended) -> StepOutcome:
    tally, note = (
        mended.tally,
        summary(counts, closed=mended.closed, returned=mended.returned, lost=mended.tally.created),
    )
    log.info("%s: %s.", name, note)
    return StepOutcome(name, STEP, RunState.PARTIAL if tally.created or tally.rejected else RunState.SUCCESS, tally,
                       note=note)  # fmt: skip


def _load_ids(
    stage: Stage, warehouse: Warehouse, state: State, run: RunKey, ids: StageRef, manifest: Manifest,
    places: ComparisonPlaces,
) -> Table:  # fmt: skip
    table = Table(places.attempts, f"{manifest.contract.table}__{manifest.address.attempt_id}__IDS".upper())
    state.remember_attempt_table(run, manifest.address.object_name, table)
    if not manifest.parts:
        warehouse.run("warehouse_elt/create_attempt", names={"table": table, "contract": manifest.contract})
        return table
    rows = copy_into_attempt(stage, warehouse, ids, manifest, table)
    if not rows == manifest.rows == manifest.evidence.server_rows:
        raise StopRun(
            f"The source sent {manifest.evidence.server_rows:,} ids of {manifest.address.object_name}, "
            f"{manifest.rows:,} were staged and {rows:,} loaded.",
            fix="Nothing was compared. Clear this task to read the ids again.",
        )
    return table


def _count(warehouse: Warehouse, names: dict[str, object], compared_at: datetime) -> ComparedIds:
    (row,) = warehouse.run("warehouse_elt/count_compared_ids", names=names, values={"read_at": compared_at})
    return ComparedIds(*(int(number or 0) for number in row))


def _stop_where_too_many(name: str, counts: ComparedIds) -> None:
    if counts.missing > READ_AGAIN_AT_MOST:
        raise StopRun(
            f"{counts.missing:,} ids of {name} at the source have no open row here: too many to be read one by one.",
            fix="Run crm_warehouse_elt for this object with mode full, then clear this task.",
        )


def _difference(
    warehouse: Warehouse, state: State, source_name: str, name: str, names: dict[str, object], compared_at: datetime
) -> Difference:
    """Records in quarantine are not missing: they wait for their correction."""
    rows = warehouse.run("warehouse_elt/select_compared_ids", names=names, values={"read_at": compared_at})
    set_aside = set(state.open_quarantine_keys(source_name, name))
    gone = [str(key) for key, is_gone in rows if is_gone]
    return Difference(gone, [str(key) for key, is_gone in rows if not is_gone and key not in set_aside])
