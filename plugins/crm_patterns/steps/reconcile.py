"""Prove the window, then, and only then, move the watermark."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from crm_patterns.core.errors import StopRun
from crm_patterns.core.outcomes import RunState
from crm_patterns.core.ports import ObjectOutcome, ReadRequest, RunKey, Source, Stage, State, Table, Warehouse
from crm_patterns.core.references import PublishedRef
from crm_patterns.core.staging import Manifest
from crm_patterns.patterns.reconcile import Evidence, Explanation, broken_links, explain

log = logging.getLogger(__name__)


def reconcile(
    open_source: Callable[[], Source],
    stage: Stage,
    warehouse: Warehouse,
    state: State,
    run: RunKey,
    published: PublishedRef,
    *,
    overlap: timedelta,
) -> ObjectOutcome:
    """
    Hold the four numbers against each other. All proven: the run's schema becomes the known one, the watermark moves to
    the window's end, the attempt's tables go, and the outcome is returned. Anything else: StopRun with the numbers, and
    neither moves.
    """
    manifest = stage.manifest(published.checked.loaded.stage)
    evidence = evidence_of(manifest, published)
    _log_numbers(evidence)
    problems = broken_links(evidence)
    if evidence.source_count != evidence.server_rows:
        explanation = _explain(open_source, stage, published, manifest, overlap)
        log.info(
            "The source counted %s, %s came: %s.", evidence.source_count, evidence.server_rows, explanation.sentence
        )
        if explanation.unexplained:
            problems.append(
                f"{evidence.object_name}: the source counted {evidence.source_count:,} rows but "
                f"{evidence.server_rows:,} came; {explanation.sentence}"
            )
    if problems:
        raise StopRun(
            f"{'; '.join(problems)}. The watermark did not move.",
            fix="Clear this object's task group to read the window again; if it repeats, run it with mode full.",
        )
    outcome = _outcome(manifest, published, evidence)
    source, object_name, window = manifest.address.source, manifest.address.object_name, manifest.address.window
    fingerprint, at = manifest.contract.fingerprint, datetime.now(UTC)
    state.settle_schema(run, source, object_name, fingerprint=fingerprint, at=at)
    if window.kind.moves_watermark:
        state.advance_watermark(source, object_name, to=window.end, run=run)
    _follow_deletions(state, run, manifest)
    drop_attempt_tables(warehouse, state, run, object_name)
    return outcome


def _follow_deletions(state: State, run: RunKey, manifest: Manifest) -> None:
    """The tombstones are in the table, so the log of deletions need not tell of them again."""
    known, address = manifest.deletions, manifest.address
    if known.covered_until is not None:
        covered = datetime.fromisoformat(known.covered_until)
        state.advance_deletions(address.source, address.object_name, to=covered, gap=known.gap, run=run)


def drop_attempt_tables(warehouse: Warehouse, state: State, run: RunKey, object_name: str) -> None:
    for name, table in state.attempt_tables(run=run):
        if name == object_name:
            drop_table(warehouse, state, table)


def drop_old_attempt_tables(warehouse: Warehouse, state: State, *, older_than: datetime) -> None:
    """Attempts of failed runs stay for a while, to be looked at; then they go."""
    for _, table in state.attempt_tables(older_than=older_than):
        drop_table(warehouse, state, table)


def drop_table(warehouse: Warehouse, state: State, table: Table) -> None:
    warehouse.run("control/drop_table", names={"table": table})
    state.forget_attempt_table(table)


def evidence_of(manifest: Manifest, published: PublishedRef) -> Evidence:
    return Evidence(
        object_name=manifest.address.object_name,
        source_count=manifest.evidence.source_count,
        server_rows=manifest.evidence.server_rows,
        staged_rows=manifest.rows,
        set_aside_rows=manifest.rejected,
        loaded_rows=published.checked.loaded.rows,
        quarantined_rows=published.checked.rejected,
        published_rows=published.published,
        tally=published.tally,
        missing_rows=published.missing,
        recorded_rows=published.recorded,
        tombstones=manifest.tombstones,
        ignored_tombstones=published.ignored_tombstones,
    )


def _log_numbers(e: Evidence) -> None:
    log.info(
        "%s: counted by the source %s · sent by it %s · staged %s (set aside %s) · published %s (quarantined %s) · "
        "deletions learned %s.",
        e.object_name, e.source_count, e.server_rows, e.staged_rows, e.set_aside_rows, e.published_rows,
        e.quarantined_rows, e.tombstones,
    )  # fmt: skip


def _explain(
    open_source: Callable[[], Source], stage: Stage, published: PublishedRef, manifest: Manifest, overlap: timedelta
) -> Explanation:
    """
    Read the window's keys again and account for each key that is on one side only.

    Without a cursor nothing tells a late row from a lost one: then every key that is there now must have come.
    """
    contract, window, ref = manifest.contract, manifest.address.window, published.checked.loaded.stage
    staged = set(stage.keys(ref, contract.key_column)) | {row.record_key for row in stage.rejected_rows(ref)}
    cursor = contract.cursor
    request = ReadRequest(contract.object_name, (contract.key, *([cursor] if cursor else [])), cursor, window)
    source = open_source()
    try:
        in_source_now = source.cursors_in(request)
        gone = sorted(staged - in_source_now.keys())
        present = source.cursors_of(contract.object_name, cursor=cursor, keys=gone) if gone and cursor else {}
    finally:
        source.close()
    return explain(
        window,
        staged=staged,
        in_source_now=in_source_now,
        present_cursors=present,
        next_window_start=window.end - overlap,
    )


def _outcome(manifest: Manifest, published: PublishedRef, evidence: Evidence) -> ObjectOutcome:
    tally = published.tally
    return ObjectOutcome(
        object_name=manifest.address.object_name,
        state=RunState.PARTIAL if tally.rejected or tally.deferred else RunState.SUCCESS,
        tally=tally,
        window=manifest.address.window,
        source_count=evidence.source_count,
        server_rows=evidence.server_rows,
        staged_rows=evidence.staged_rows,
        published_rows=evidence.published_rows,
        method=manifest.evidence.method,
        method_reason=manifest.evidence.method_reason,
        calls=manifest.evidence.calls,
        finished_at=datetime.now(UTC),
    )
