"""
All ids of the source against all rows of the warehouse: deletions that the source's log does not tell, and lost rows.

What differs is never believed from two lists alone: each key is looked up at the source. What is gone becomes a
tombstone, what is there is read again, and both are published like a window: staged, loaded, audited, merged, proven.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.deletions import NOT_ASKED, Tombstone
from crm_patterns.core.errors import StopRun
from crm_patterns.core.outcomes import RunState, Tally
from crm_patterns.core.own_columns import DeletedHow
from crm_patterns.core.ports import ReadRequest, RunKey, Source, Stage, State, StepOutcome, Table, Warehouse
from crm_patterns.core.records import Page
from crm_patterns.core.references import CheckedRef, LoadedRef
from crm_patterns.core.staging import Manifest, ReadEvidence, StageAddress, StageRef
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.id_comparison import ComparedIds, question, summary
from crm_patterns.patterns.naming import table_name
from crm_patterns.patterns.quota import AS_USUAL, Means
from crm_patterns.patterns.reconcile import broken_links
from crm_patterns.patterns.warehouse_elt import FieldChoice
from crm_patterns.steps.guard import ApprovalNeeded
from crm_patterns.steps.load import copy_into_attempt, load
from crm_patterns.steps.publish import publish
from crm_patterns.steps.quota import choose
from crm_patterns.steps.read_plan import ReadPlan
from crm_patterns.steps.reconcile import drop_table, evidence_of
from crm_patterns.steps.schema import agree

log = logging.getLogger(__name__)

STEP = "compare_ids"
READ_AGAIN_AT_MOST = 50_000
"""So many rows are read by their ids, 400 a call; more than that is a matter for a full read."""


@dataclass(frozen=True, slots=True)
class ComparisonPlaces:
    """Schemas of the warehouse; `history` None where the object has none, `maps` where the merge map is."""

    target: str
    attempts: str
    history: str | None
    maps: str


@dataclass(frozen=True, slots=True)
class Difference:
    """`gone`: open here alone. `missing`: at the source, and not open here."""

    gone: Sequence[str]
    missing: Sequence[str]


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

    Any number of times: what is right already does not differ.
    """
    manifest = stage.manifest(ids)
    name, compared_at = manifest.address.object_name, datetime.fromisoformat(manifest.evidence.read_at)
    table = Table(places.attempts, f"{manifest.contract.table}__{manifest.address.attempt_id}__IDS".upper())
    state.remember_attempt_table(run, name, table)
    _load_ids(stage, warehouse, ids, manifest, table)
    contract = agree(source, state, name, source.describe(name), choice).contract
    target = Table(places.target, contract.table)
    names = {"target": target, "ids": table, "contract": contract}
    counts = _count(warehouse, names, compared_at)
    _stop_where_too_many(name, counts)
    if counts.gone > approved and counts.closes_too_much(max_share):
        rows = warehouse.run("warehouse_elt/sample_gone_ids", names=names, values={"read_at": compared_at})
        raise ApprovalNeeded(question(name, counts, max_share, [str(row[0]) for row in rows]))
    difference = _difference(warehouse, state, source.name, name, names, compared_at)
    drop_table(warehouse, state, table)
    repair = _stage_repair(source, stage, state, contract, difference, attempt_id=attempt_id)
    tally, note = Tally(), summary(counts, closed=0, returned=0, lost=0)
    if repair is not None:
        tally, note = _publish(stage, warehouse, state, run, repair, places=places, audit=audit, counts=counts)
    state.record_comparison(source.name, name, at=compared_at)
    log.info("%s: %s.", name, note)
    return StepOutcome(name, STEP, RunState.PARTIAL if tally.created or tally.rejected else RunState.SUCCESS, tally,
                       note=note)  # fmt: skip


def _load_ids(stage: Stage, warehouse: Warehouse, ids: StageRef, manifest: Manifest, table: Table) -> None:
    if not manifest.parts:
        warehouse.run("warehouse_elt/create_attempt", names={"table": table, "contract": manifest.contract})
        return
    rows = copy_into_attempt(stage, warehouse, ids, manifest, table)
    if not rows == manifest.rows == manifest.evidence.server_rows:
        raise StopRun(
            f"The source sent {manifest.evidence.server_rows:,} ids of {manifest.address.object_name}, "
            f"{manifest.rows:,} were staged and {rows:,} loaded.",
            fix="Nothing was compared. Clear this task to read the ids again.",
        )


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


def _stage_repair(
    source: Source, stage: Stage, state: State, contract: ObjectContract, difference: Difference, *, attempt_id: str
) -> StageRef | None:
    """Tombstones of what is gone, rows of what is there; None where nothing differs but what the next window brings."""
    if not difference.gone and not difference.missing:
        return None
    name, read_at = contract.object_name, source.now()
    standing = source.standing_of(name, flag=contract.deleted_flag, keys=difference.gone) if difference.gone else {}
    absent = sorted(set(difference.gone) - standing.keys())
    again = sorted({*difference.missing, *(key for key, in_bin in standing.items() if in_bin)})
    watermark = state.watermark(source.name, name)
    address = StageAddress(source.name, name, Window(None, read_at, WindowKind.BACKFILL), attempt_id)
    received = 0
    with stage.open(address, contract) as writer:
        for page in _due(source.read_keys(contract, again) if again else iter(()), contract, watermark):
            received += page.read
            writer.write(page)
        if not received and not absent:
            return None
        buried = [Tombstone(key, None, DeletedHow.ID_COMPARISON) for key in absent]
        writer.write_tombstones(buried, NOT_ASKED)
        reason = "rows that a comparison of ids found missing are read by their ids"
        calls = source.usage().calls_made
        return writer.commit(ReadEvidence("rest", reason, received, received, None, read_at.isoformat(), calls))


def _due(pages: Iterator[Page], contract: ObjectContract, watermark: datetime | None) -> Iterator[Page]:
    """Without the rows whose stamp lies behind the watermark: the next window brings them, so they are not lost."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = contract.cursor_column
    for page in pages:
        rows = page.rows
        if column is not None and watermark is not None:
            stamps = rows.column(column)
            rows = rows.filter(pc.fill_null(pc.less(stamps, pa.scalar(watermark, stamps.type)), True))
        yield Page(rows, page.rejected)


def _publish(
    stage: Stage, warehouse: Warehouse, state: State, run: RunKey, repair: StageRef, *, places: ComparisonPlaces,
    audit: Callable[[LoadedRef], CheckedRef], counts: ComparedIds,
) -> tuple[Tally, str]:  # fmt: skip
    manifest = stage.manifest(repair)
    loaded = load(stage, warehouse, state, run, repair, target_schema=places.target, attempt_schema=places.attempts)
    published = publish(
        stage, warehouse, state, run, audit(loaded), target_schema=places.target, attempt_schema=places.attempts,
        history_schema=places.history, map_schema=places.maps, is_part=True,
    )  # fmt: skip
    problems = broken_links(evidence_of(manifest, published))
    if problems:
        raise StopRun("; ".join(problems), fix="Clear this task to compare the ids again.")
    own = f"{manifest.contract.table}__{manifest.address.attempt_id}".upper()
    for _, table in state.attempt_tables(run=run):
        if table.name.startswith(own):
            drop_table(warehouse, state, table)
    tally = published.tally
    returned = tally.updated + max(0, tally.deleted - manifest.tombstones)
    return tally, summary(counts, closed=manifest.tombstones, returned=returned, lost=tally.created)
