"""Audit before anyone sees it: failing rows go to quarantine by key, a failing table stops the object."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

from crm_patterns.core.errors import StopRun
from crm_patterns.core.ports import Quality, QualityReport, RuleResult, RunKey, Stage, State, Table, Warehouse
from crm_patterns.core.records import RejectedRow, RejectionClass
from crm_patterns.core.references import CheckedRef, LoadedRef
from crm_patterns.core.staging import Manifest

log = logging.getLogger(__name__)


def validate(
    stage: Stage,
    warehouse: Warehouse,
    quality: Quality,
    state: State,
    run: RunKey,
    loaded: LoadedRef,
    *,
    attempt_schema: str,
    max_rejected_share: float,
) -> CheckedRef:
    """
    Run the object's suite on the warehouse over the attempt table.

    All failing rows of row-level rules are set aside. StopRun where a blocking table-level rule fails, or where more
    than `max_rejected_share` (0..1) of the rows that were read would be set aside.
    """
    if not loaded.attempt_table:
        return CheckedRef(loaded, "", 0, "")
    manifest = stage.manifest(loaded.stage)
    attempt = Table(attempt_schema, loaded.attempt_table)
    report = quality.check(
        attempt, manifest.contract, suite=manifest.address.object_name, run_label=attempt.name.lower()
    )
    _report(report)
    _stop_where_a_table_fails(report, manifest)
    failing = [rule for rule in report.rules if rule.is_row_level and rule.blocking and not rule.passed]
    rejected = 0
    if failing:
        rejected = _set_aside(warehouse, state, run, loaded, manifest, attempt=attempt, rules=failing)
    _stop_where_too_many(manifest, rejected, max_rejected_share, docs_url=report.docs_uri)
    return CheckedRef(loaded, rejects_table(attempt).name if failing else "", rejected, report.docs_uri)


def rejects_table(attempt: Table) -> Table:
    return Table(attempt.schema, f"{attempt.name}__REJECTS")


def _set_aside(
    warehouse: Warehouse, state: State, run: RunKey, loaded: LoadedRef, manifest: Manifest, *, attempt: Table,
    rules: list[RuleResult],
) -> int:  # fmt: skip
    rejects = rejects_table(attempt)
    state.remember_attempt_table(run, manifest.address.object_name, rejects)
    warehouse.run("warehouse_elt/create_rejects", names={"table": rejects})
    for rule in rules:
        warehouse.run(
            "warehouse_elt/insert_rejects",
            names={"table": rejects, "failing_keys_sql": rule.failing_keys_sql},
            values={"rule": rule.rule, "column_name": rule.column, "reason": rule.sentence},
        )
    rows = warehouse.run(
        "warehouse_elt/select_rejects", names={"rejects": rejects, "attempt": attempt, "contract": manifest.contract}
    )
    columns = manifest.contract.columns
    hidden = {field.column for field in manifest.contract.fields if field.hashed}
    address = manifest.address
    state.quarantine(
        run, address.source, address.object_name, _rejected_rows(rows, columns, hidden),
        stage_uri=loaded.stage.uri, at=datetime.now(UTC),
    )  # fmt: skip
    return len({row[0] for row in rows})


def _rejected_rows(rows: list[tuple[object, ...]], columns: tuple[str, ...], hidden: set[str]) -> Iterator[RejectedRow]:
    """Rows of select_rejects: key, rule, column, reason, then the contract's columns in order."""
    for key, rule, column, reason, *values in rows:
        payload = {
            name: None if value is None else str(value)
            for name, value in zip(columns, values, strict=True)
            if name not in hidden
        }
        yield RejectedRow(str(key), str(reason), RejectionClass.EXPECTATION, str(rule), str(column), payload)


def _report(report: QualityReport) -> None:
    for rule in report.rules:
        if rule.passed:
            continue
        weight = "" if rule.blocking else " (warning only)"
        log.warning("%s%s: %s %s", rule.rule, weight, rule.sentence, rule.observed or f"{rule.failed_rows:,} rows")
    log.info("%s rules checked. Data Docs: %s", len(report.rules), report.docs_uri)


def _stop_where_a_table_fails(report: QualityReport, manifest: Manifest) -> None:
    failed = [rule for rule in report.rules if rule.blocking and not rule.is_row_level and not rule.passed]
    if failed:
        reasons = "; ".join(f"{rule.sentence} ({rule.observed or rule.rule})" for rule in failed)
        raise StopRun(
            f"{manifest.address.object_name} failed its audit, so nothing of this window was published: {reasons}",
            fix="Open the Data Docs of this task, correct the source or the suite, then clear the task group.",
        )


def _stop_where_too_many(manifest: Manifest, rejected: int, allowed: float, *, docs_url: str) -> None:
    read = manifest.rows + manifest.rejected
    share = (rejected + manifest.rejected) / read if read else 0.0
    if share > allowed:
        raise StopRun(
            f"{rejected + manifest.rejected:,} of {read:,} rows of {manifest.address.object_name} ({share:.1%}) "
            f"would be set aside, more than the {allowed:.1%} that settings allow; nothing was published.",
            fix=f"Look at the reasons in the quarantine and at {docs_url}, or raise its max_rejected_share.",
        )
