"""
Compare a share of the source with the warehouse: checksums by bucket, then the records of bad buckets value by value.

What is bad is read again, goes the way of every attempt (load, validate, publish), and is compared once more. Findings
are on record before anything is repaired, so that a killed run does not repair and forget.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.drift import AuditShare, DriftFinding, DriftKind, Settlement
from crm_patterns.core.errors import StopRun
from crm_patterns.core.outcomes import RunState, Tally
from crm_patterns.core.ports import KeyRange, LookRequest, RunKey, Source, Stage, State, StepOutcome, Table, Warehouse
from crm_patterns.core.staging import Manifest, StageRef
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.drift_audit import Counted, Differences, Explained, settle
from crm_patterns.steps.drift_compare import BadBuckets, Beside, Comparison
from crm_patterns.steps.drift_plan import count_settled
from crm_patterns.steps.load import copy_into_attempt, ensure_schema
from crm_patterns.steps.reconcile import drop_attempt_tables

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is to be read again: these buckets or, where none is named because they are too many, the whole share."""

    share: KeyRange
    buckets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did, and the attempt it came by; an empty name where no row came."""

    attempt: str
    tally: Tally


Repair = Callable[[Doubt], Repaired]
"""Reads what is in doubt again and publishes it."""


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
    beside = Beside(warehouse, contract, share, how, _load(stage, warehouse, state, run, ref, manifest, how))
    quarantined = state.open_quarantine_keys(manifest.address.source, name)
    explained = Explained(frozenset({*quarantined, *(row.record_key for row in stage.rejected_rows(ref))}))
    bad, found = beside.bad_buckets(), Differences(Counted())
    if bad.total:
        found = beside.differences(bad.listed, set_aside=len(explained.quarantined))
        explained = _with_deleted(open_source, name, share, found, explained)
        found = explained.less(found)
    state.record_findings(run, name, found.named, at=datetime.now(UTC))
    _record_silent(state, run, name, contract, found.counted)
    before = [finding for _, finding in state.findings(run, name)]
    left, tally = replace(found, named=before), Tally()
    if before and repair is not None:
        left, tally = _repair(state, run, beside, explained, bad, found, before, repair)
    drop_attempt_tables(warehouse, state, run, name)
    if repair is not None:
        state.prove_audit(run, manifest.address.source, name)
    return _outcome(manifest, share, bad, found, before=before, left=left, repaired=tally)


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


def _with_deleted(
    open_source: Callable[[], Source], name: str, share: AuditShare, found: Differences, explained: Explained
) -> Explained:
    """With what was deleted at the source since the cutoff, by its own log, which is asked only where that matters."""
    if not found.counted.gone:
        return explained
    source = open_source()
    try:
        window = Window(None, share.cutoff, WindowKind.FULL)
        seen = source.look(LookRequest(name, None, window, deleted_since=share.cutoff))
    finally:
        source.close()
    return replace(explained, deleted_since=frozenset(seen.deletions.deleted_at if seen.deletions else ()))


def _record_silent(state: State, run: RunKey, name: str, contract: ObjectContract, found: Counted) -> None:
    fields = {field.column: field.name for field in contract.fields}
    silent = {(column, fields[column]): rows for column, rows in found.silent.items()}
    if silent:
        state.record_silent_changes(run, name, silent, at=datetime.now(UTC))


def _doubt(beside: Beside, bad: BadBuckets, found: Differences, before: Sequence[DriftFinding]) -> Doubt | None:
    """The buckets of all findings of this run, an earlier try's included; where not all are named, all bad ones."""
    share = KeyRange(beside.share.first_key, beside.share.end_key)
    buckets = {finding.bucket for finding in before if finding.bucket}
    if found.unnamed:
        buckets |= set(bad.first)
    if len(buckets) > beside.how.max_buckets or (found.unnamed and bad.listed is None):
        return Doubt(share)
    return Doubt(share, tuple(sorted(buckets))) if buckets else None


def _repair(
    state: State, run: RunKey, beside: Beside, explained: Explained, bad: BadBuckets, found: Differences,
    before: Sequence[DriftFinding], repair: Repair,
) -> tuple[Differences, Tally]:  # fmt: skip
    """Read what is in doubt again and compare it once more; what is left of the differences."""
    doubt = _doubt(beside, bad, found, before)
    done = repair(doubt) if doubt else Repaired("", Tally())
    left = replace(found, named=[finding for finding in before if finding.kind is not DriftKind.COUNT])
    if doubt and done.attempt:
        again = replace(beside, attempt=Table(beside.how.attempt_schema, done.attempt))
        left = explained.less(again.differences(doubt.buckets or None, set_aside=len(explained.quarantined)))
        if left.unnamed:
            left = replace(left, named=[*left.named, *_still(again, before)])
    short = [finding for finding in before if _is_still_short(beside, finding)]
    settled = settle(before, [*left.named, *short])
    state.record_findings(run, beside.contract.object_name, settled, at=datetime.now(UTC))
    remaining = [finding for finding in settled if finding.settlement is Settlement.REMAINS]
    return replace(left, named=remaining), done.tally


def _still(again: Beside, before: Sequence[DriftFinding]) -> list[DriftFinding]:
    """Those of before that differ still: looked up one by one, as the differences are too many to name them all."""
    places = {(finding.record_key, finding.column) for finding in before}
    found = again.of_records(sorted({finding.record_key for finding in before if finding.record_key}))
    return [finding for finding in found if (finding.record_key, finding.column) in places]


def _is_still_short(beside: Beside, finding: DriftFinding) -> bool:
    if finding.kind is not DriftKind.COUNT:
        return False
    held = count_settled(beside.warehouse, beside.how.target, beside.contract, cutoff=beside.share.cutoff)
    return held < int(finding.source_value or 0)


def _outcome(
    manifest: Manifest, share: AuditShare, bad: BadBuckets, found: Differences, *, before: Sequence[DriftFinding],
    left: Differences, repaired: Tally,
) -> StepOutcome:  # fmt: skip
    read = manifest.rows + manifest.rejected
    changed = min(read, repaired.created + repaired.updated + repaired.deleted)
    tally = Tally(read=read, updated=changed, unchanged=read - changed - manifest.rejected, rejected=manifest.rejected)
    where = f"slices {share.first + 1} to {share.end}, {read:,} rows"
    name = manifest.address.object_name
    if not before:
        return StepOutcome(name, "audit", RunState.SUCCESS, tally, f"{where}: source and warehouse are the same")
    differences = len(before) + found.unnamed
    note = (
        f"{where}: {differences:,} differences in {bad.total:,} buckets ({_named(before)}); "
        f"{max(left.total, len(left.named)):,} remain"
    )
    return StepOutcome(name, "audit", RunState.PARTIAL, tally, note)


def _named(found: Sequence[DriftFinding]) -> str:
    """Keys and columns, never values."""
    shown = [f"{f.kind.value} {f.record_key} {f.column}".strip() for f in found[:3]]
    return ", ".join(shown) + (", …" if len(found) > 3 else "")
