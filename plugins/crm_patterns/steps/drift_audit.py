"""
Compare a share of the source with the warehouse: checksums by bucket, then the records of bad buckets value by value.

Bad buckets are read again, go the way of every attempt (load, validate, publish), and are compared once more. Findings
are on record before anything is repaired, so that a killed run does not repair and forget.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.drift import AuditShare, DriftFinding, DriftKind, Settlement
from crm_patterns.core.errors import StopRun
from crm_patterns.core.outcomes import RunState, Tally
from crm_patterns.core.ports import KeyRange, LookRequest, RunKey, Source, Stage, State, StepOutcome, Table, Warehouse
from crm_patterns.core.staging import Manifest, StageRef
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.drift_audit import name_differences, settle, silent_columns, unexplained
from crm_patterns.steps.drift_plan import count_settled
from crm_patterns.steps.load import copy_into_attempt, ensure_schema
from crm_patterns.steps.reconcile import drop_attempt_tables

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How to compare, and how much of it to name. `digits`: characters of an id that make a bucket."""

    target: Table
    attempt_schema: str
    digits: int
    max_buckets: int
    max_findings: int


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did, and the attempt it came by; an empty name where no row came."""

    attempt: str
    tally: Tally


Repair = Callable[[Sequence[str]], Repaired]
"""Reads the buckets again and publishes them."""


def audit(
    open_source: Callable[[], Source], stage: Stage, warehouse: Warehouse, state: State, run: RunKey, ref: StageRef,
    how: Comparison, *, repair: Repair | None,
) -> StepOutcome:  # fmt: skip
    """Compare this run's share and put right what differs. `repair` None: only report (a dry run)."""
    manifest = stage.manifest(ref)
    name, contract = manifest.address.object_name, manifest.contract
    share = state.audit_share(run, manifest.address.source, name)
    if share is None:
        raise StopRun(f"{name}: no share was claimed for this run.", fix="Clear this task.")
    attempt = _load(stage, warehouse, state, run, ref, manifest, how)
    buckets = _bad_buckets(warehouse, contract, share, attempt, how)
    found = _differences(warehouse, contract, share, attempt, how, buckets=buckets) if buckets else []
    if found:
        aside = {row.record_key for row in stage.rejected_rows(ref)}
        found = _unexplained(open_source, state, manifest, share, found, aside=aside)
    state.record_findings(run, name, found, at=datetime.now(UTC))
    _record_silent(state, run, name, contract, found)
    before = [finding for _, finding in state.findings(run, name)]
    tally = Tally()
    if before and repair is not None:
        tally = _repair(warehouse, state, run, manifest, share, how, before, repair)
    drop_attempt_tables(warehouse, state, run, name)
    if repair is not None:
        state.prove_audit(run, manifest.address.source, name)
    after = [finding for _, finding in state.findings(run, name)]
    return _outcome(manifest, share, buckets, after, tally)


def _load(
    stage: Stage, warehouse: Warehouse, state: State, run: RunKey, ref: StageRef, manifest: Manifest, how: Comparison
) -> Table:
    read, sent = manifest.rows + manifest.rejected, manifest.evidence.server_rows
    attempt = Table(how.attempt_schema, f"{manifest.contract.table}__{manifest.address.attempt_id}".upper())
    state.remember_attempt_table(run, manifest.address.object_name, attempt)
    loaded = 0
    if manifest.rows:
        loaded = copy_into_attempt(stage, warehouse, ref, manifest, attempt)
    else:
        ensure_schema(warehouse, attempt.schema)
        warehouse.run("warehouse_elt/create_attempt", names={"table": attempt, "contract": manifest.contract})
    if read != sent or loaded != manifest.rows:
        raise StopRun(
            f"{manifest.address.object_name}: the source sent {sent:,} rows, {read:,} were staged, {loaded:,} loaded.",
            fix="Nothing was changed. Clear this task to read them again.",
        )
    return attempt


def _values(share: AuditShare, how: Comparison) -> dict[str, object]:
    keys = {"first_key": share.first_key, "end_key": share.end_key}
    return {**keys, "cutoff": share.cutoff, "digits": how.digits, "most": how.max_findings}


def _bad_buckets(
    warehouse: Warehouse, contract: ObjectContract, share: AuditShare, attempt: Table, how: Comparison
) -> list[str]:
    names = {"target": how.target, "attempt": attempt, "contract": contract, "buckets": False}
    names["keys"] = KeyRange(share.first_key, share.end_key)
    rows = warehouse.run("warehouse_elt/select_bad_buckets", names=names, values=_values(share, how))
    for bucket, ours, theirs in rows[:20]:
        log.info("Bucket %s differs: %s rows in the warehouse, %s at the source.", bucket, ours, theirs)
    return [str(row[0]) for row in rows]


def _differences(
    warehouse: Warehouse, contract: ObjectContract, share: AuditShare, attempt: Table, how: Comparison, *,
    buckets: Sequence[str],
) -> list[DriftFinding]:  # fmt: skip
    names = {"target": how.target, "attempt": attempt, "contract": contract}
    names["keys"] = KeyRange(share.first_key, share.end_key)
    values = {**_values(share, how), "buckets": list(buckets[: how.max_buckets])}
    rows = warehouse.run("warehouse_elt/select_differences", names=names, values=values)
    return list(name_differences(contract, rows))


def _unexplained(
    open_source: Callable[[], Source], state: State, manifest: Manifest, share: AuditShare,
    found: Sequence[DriftFinding], *, aside: set[str],
) -> list[DriftFinding]:  # fmt: skip
    """Less what is set aside with a reason, and what was deleted at the source since the cutoff, by its own log."""
    address = manifest.address
    quarantined = {*state.open_quarantine_keys(address.source, address.object_name), *aside}
    deleted: set[str] = set()
    if any(finding.kind is DriftKind.GONE for finding in found):
        source = open_source()
        try:
            window = Window(None, share.cutoff, WindowKind.FULL)
            seen = source.look(LookRequest(address.object_name, None, window, deleted_since=share.cutoff))
        finally:
            source.close()
        deleted = set(seen.deletions.deleted_at) if seen.deletions else set()
    return unexplained(found, quarantined=quarantined, deleted_since=deleted)


def _record_silent(
    state: State, run: RunKey, name: str, contract: ObjectContract, found: Sequence[DriftFinding]
) -> None:
    fields = {field.column: field.name for field in contract.fields}
    silent = {(column, fields[column]): rows for column, rows in silent_columns(contract, found).items()}
    if silent:
        state.record_silent_changes(run, name, silent, at=datetime.now(UTC))


def _repair(
    warehouse: Warehouse, state: State, run: RunKey, manifest: Manifest, share: AuditShare, how: Comparison,
    before: Sequence[DriftFinding], repair: Repair,
) -> Tally:  # fmt: skip
    """Read the buckets of all findings of this run again, an earlier try's included, and compare them once more."""
    name, contract = manifest.address.object_name, manifest.contract
    buckets = sorted({finding.bucket for finding in before if finding.bucket})[: how.max_buckets]
    done, after = Repaired("", Tally()), [finding for finding in before if finding.kind is not DriftKind.COUNT]
    if buckets:
        done = repair(buckets)
    if done.attempt:
        attempt = Table(how.attempt_schema, done.attempt)
        after = _differences(warehouse, contract, share, attempt, how, buckets=buckets)
    after += [finding for finding in before if _is_still_short(warehouse, contract, share, how, finding)]
    state.record_findings(run, name, settle(before, after), at=datetime.now(UTC))
    return done.tally


def _is_still_short(
    warehouse: Warehouse, contract: ObjectContract, share: AuditShare, how: Comparison, finding: DriftFinding
) -> bool:
    if finding.kind is not DriftKind.COUNT:
        return False
    held = count_settled(warehouse, how.target, contract, cutoff=share.cutoff)
    return held < int(finding.source_value or 0)


def _outcome(
    manifest: Manifest, share: AuditShare, buckets: Sequence[str], found: Sequence[DriftFinding], repaired: Tally
) -> StepOutcome:
    read = manifest.rows + manifest.rejected
    changed = min(read, repaired.created + repaired.updated + repaired.deleted)
    tally = Tally(read=read, updated=changed, unchanged=read - changed - manifest.rejected, rejected=manifest.rejected)
    where = f"slices {share.first + 1} to {share.end}, {read:,} rows"
    name = manifest.address.object_name
    if not found:
        return StepOutcome(name, "audit", RunState.SUCCESS, tally, f"{where}: source and warehouse are the same")
    left = sum(finding.settlement is not Settlement.REPAIRED for finding in found)
    note = f"{where}: {len(found):,} differences in {len(buckets):,} buckets ({_named(found)}); {left:,} remain"
    return StepOutcome(name, "audit", RunState.PARTIAL, tally, note)


def _named(found: Sequence[DriftFinding]) -> str:
    """Keys and columns, never values."""
    shown = [f"{f.kind.value} {f.record_key} {f.column}".strip() for f in found[:3]]
    return ", ".join(shown) + (", …" if len(found) > 3 else "")
