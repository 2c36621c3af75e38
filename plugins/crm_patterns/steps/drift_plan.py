"""What the drift audit reads of an object today: first a count of everything, then the share that is due."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.drift import AuditCycle, AuditShare, DriftFinding, DriftKind
from crm_patterns.core.ports import KeyRange, LookRequest, ReadRequest, RunKey, Source, State, Table, Warehouse
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.drift_audit import audit_contract, due_share, is_over, share_of
from crm_patterns.patterns.quota import AS_USUAL, Means
from crm_patterns.patterns.warehouse_elt import FieldChoice, likely_cursor, make_contract
from crm_patterns.steps.quota import choose
from crm_patterns.steps.read_plan import ReadPlan

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AuditOrder:
    """What to audit, for which run. `everything`: not only the share that is due."""

    run: RunKey
    object_name: str
    choice: FieldChoice
    read: str
    rest_below: int
    days: int
    overlap: timedelta
    everything: bool
    target_schema: str
    means: Means = AS_USUAL


def plan_audit(source: Source, warehouse: Warehouse, state: State, order: AuditOrder) -> ReadPlan | None:
    """
    The read of this run's share; None where nothing of the object is loaded yet.

    Counts are compared over all of the object first. Where the source counts more settled records than the warehouse
    holds, records are missing for certain, and all of the object is due at once.
    """
    watermark = state.watermark(source.name, order.object_name)
    if watermark is None:
        return None
    now, cutoff = source.now(), watermark - order.overlap
    cursor = likely_cursor(order.object_name, order.choice)
    before = Window(None, cutoff, WindowKind.FULL)
    seen = source.look(LookRequest(order.object_name, cursor, before, include_deleted=False))
    contract = make_contract(source.name, seen.description, order.choice)
    target = Table(order.target_schema, contract.table)
    if not warehouse.columns(target):
        return None
    settled = seen.count if contract.cursor == cursor else None
    if settled is None:
        settled = source.count(ReadRequest(order.object_name, ("Id",), contract.cursor, before, include_deleted=False))
    short = _count(warehouse, state, order, contract, cutoff=cutoff, at_source=settled, source_name=source.name)
    share = _share(source, warehouse, state, order, contract, now=now, cutoff=cutoff, short=short)
    return _plan(source, order, audit_contract(contract), share, read_at=now)


def _count(
    warehouse: Warehouse, state: State, order: AuditOrder, contract: ObjectContract, *, cutoff: datetime,
    at_source: int, source_name: str,
) -> bool:  # fmt: skip
    """Whether records are missing for certain. Every settled record of the source is in the warehouse or set aside."""
    target = Table(order.target_schema, contract.table)
    held = count_settled(warehouse, target, contract, cutoff=cutoff)
    aside = len(state.open_quarantine_keys(source_name, order.object_name))
    log.info("%s: %s settled records at the source, %s in the warehouse.", order.object_name, at_source, held)
    if at_source <= held + aside:
        return False
    finding = DriftFinding(DriftKind.COUNT, warehouse_value=str(held), source_value=str(at_source))
    state.record_findings(order.run, order.object_name, [finding], at=datetime.now(UTC))
    return True


def count_settled(warehouse: Warehouse, target: Table, contract: ObjectContract, *, cutoff: datetime) -> int:
    names = {"target": target, "contract": contract}
    return int(warehouse.run("warehouse_elt/count_settled", names=names, values={"cutoff": cutoff})[0][0])


def _share(
    source: Source, warehouse: Warehouse, state: State, order: AuditOrder, contract: ObjectContract, *, now: datetime,
    cutoff: datetime, short: bool,
) -> AuditShare:  # fmt: skip
    cycle = state.audit_cycle(source.name, order.object_name)
    if cycle is None or is_over(cycle):
        cycle = AuditCycle(now, _boundaries(warehouse, order, contract))
        state.begin_audit_cycle(source.name, order.object_name, cycle)
    if order.everything or short:
        proposed = share_of(cycle, 0, cycle.slices, cutoff=cutoff)
    else:
        proposed = due_share(cycle, now=now, cutoff=cutoff)
    return state.claim_audit(order.run, source.name, order.object_name, proposed)


def _boundaries(warehouse: Warehouse, order: AuditOrder, contract: ObjectContract) -> tuple[str, ...]:
    """Keys that cut what the warehouse holds into slices; the first slice begins before the first of them."""
    names = {"target": Table(order.target_schema, contract.table), "contract": contract}
    rows = warehouse.run("warehouse_elt/select_slice_bounds", names=names, values={"slices": order.days})
    return tuple(str(row[0]) for row in rows)[1:]


def _plan(
    source: Source, order: AuditOrder, contract: ObjectContract, share: AuditShare, *, read_at: datetime
) -> ReadPlan:
    names = tuple(field.name for field in contract.fields)
    window, keys = Window(None, read_at, WindowKind.FULL), KeyRange(share.first_key, share.end_key)
    request = ReadRequest(order.object_name, names, None, window, keys=keys)
    count = source.count(request)
    method, reason = choose(order.read, rows=count, rest_below=order.rest_below, by=order.means)
    log.info(
        "%s: slices %s to %s, %s rows, by %s: %s.", order.object_name, share.first + 1, share.end, count, method, reason
    )
    return ReadPlan(request, contract, method, reason, count, read_at)
