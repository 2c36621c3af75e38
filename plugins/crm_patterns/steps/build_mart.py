"""One mart: computed into an attempt, audited, and swapped in from one moment to the next; or left as it is."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from crm_patterns.core.errors import StopRun
from crm_patterns.core.fingerprints import fingerprint, short_fingerprint
from crm_patterns.core.marts import MartBuild, MartDefinition, MartInput, MartState
from crm_patterns.core.ports import Quality, QualityReport, RunKey, State, Table, Warehouse
from crm_patterns.patterns.marts import Places, is_usable, what_is_missing, why_build
from crm_patterns.steps.load import ensure_schema

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MartOrder:
    """What a build needs to know besides the definition. `rates`: currency, valid_from, valid_to, rate, as texts."""

    places: Places
    reporting_currency: str
    rates: tuple[Mapping[str, str | None], ...] = ()


def build_mart(
    warehouse: Warehouse, quality: Quality, state: State, run: RunKey, mart: MartDefinition, order: MartOrder
) -> MartBuild:
    """
    What people see afterwards is the old mart or the new one, whole, and never one that failed its audit (StopRun).

    Nothing is computed where an input is missing, or where the mart would come out the same. The inputs are looked at
    before they are read, so that what changes meanwhile is seen by the next run.
    """
    started = datetime.now(UTC)
    found = _found(warehouse, mart, order.places)
    missing = what_is_missing(mart, found, order.places)
    if missing:
        return MartBuild(mart.name, MartState.SKIPPED, missing, started_at=started, finished_at=datetime.now(UTC))
    used = {item.name: item for item in mart.inputs if is_usable(item, found)}
    versions = _versions(warehouse, mart, order, used, found)
    target = Table(order.places.marts, mart.name)
    there, last = warehouse.columns(target), state.last_built(mart.name)
    reason = why_build(is_there=bool(there), last=last, versions=versions)
    if not reason:
        told = f"no input has changed since {last.finished_at if last else None}"
        return MartBuild(mart.name, MartState.UNCHANGED, told, started_at=started, finished_at=datetime.now(UTC))
    log.info("%s is built: %s.", mart.label, reason)
    attempt = _compute(warehouse, state, run, mart, order, used=used, found=found, at=started)
    report = quality.check_table(attempt, suite=f"marts/{mart.name}", run_label=attempt.name.lower())
    _stop_where_it_fails(report, mart)
    rows = int(warehouse.run("control/count_rows", names={"table": attempt})[0][0])
    _swap_in(warehouse, mart, target, attempt, is_same_shape=there == warehouse.columns(attempt))
    warehouse.run("control/drop_table", names={"table": attempt})
    state.forget_attempt_table(attempt)
    return MartBuild(
        mart.name, MartState.BUILT, reason, rows=rows, versions=versions, docs_url=report.docs_uri,
        started_at=started, finished_at=datetime.now(UTC),
    )  # fmt: skip


def _found(warehouse: Warehouse, mart: MartDefinition, places: Places) -> dict[str, frozenset[str]]:
    described = {item.name: frozenset(warehouse.columns(places.of(item))) for item in mart.inputs}
    return {name: columns for name, columns in described.items() if columns}


def _versions(
    warehouse: Warehouse, mart: MartDefinition, order: MartOrder, used: Mapping[str, MartInput],
    found: Mapping[str, frozenset[str]],
) -> dict[str, Any]:  # fmt: skip
    """What the mart would be made from, in a form that can be kept and compared."""
    inputs = [{"table": order.places.of(item), "stamp": _stamp(found[name])} for name, item in sorted(used.items())]
    rows = warehouse.run("warehouse_elt/select_input_versions", names={"inputs": inputs})
    settings = [mart.fingerprint, order.reporting_currency, list(order.rates)]
    versions: dict[str, Any] = {"definition": fingerprint(settings)}
    for item, (_, count, changed_at) in zip(inputs, rows, strict=True):
        table = item["table"]
        at = changed_at.astimezone(UTC).isoformat() if changed_at else None
        versions[f"{table.schema}.{table.name}"] = [int(count), at]  # type: ignore[attr-defined]
    return versions


def _stamp(columns: frozenset[str]) -> str:
    """The column of ours that moves with every change of a row; empty where there is none."""
    return next((name for name in ("_synced_at", "_valid_from", "learned_at") if name in columns), "")


def _compute(
    warehouse: Warehouse, state: State, run: RunKey, mart: MartDefinition, order: MartOrder, *,
    used: Mapping[str, MartInput], found: Mapping[str, frozenset[str]], at: datetime,
) -> Table:  # fmt: skip
    """The whole mart in a table of this attempt."""
    attempt = Table(order.places.attempts, f"{mart.name}__{short_fingerprint([run.dag_id, run.run_id]).upper()}")
    for schema in (order.places.attempts, order.places.marts):
        ensure_schema(warehouse, schema)
    state.remember_attempt_table(run, mart.label, attempt)
    warehouse.run("warehouse_elt/create_mart", names={"table": attempt, "mart": mart})
    names = {
        "table": attempt,
        "mart": mart,
        "inputs": {name: order.places.of(item) for name, item in used.items()},
        "columns": {name: found[name] for name in used},
    }
    values = {
        "built_at": at,
        "reporting_currency": order.reporting_currency,
        "rates": json.dumps([dict(rate) for rate in order.rates]),
    }
    warehouse.run("warehouse_elt/insert_mart", names=names, values=values)
    return attempt


def _stop_where_it_fails(report: QualityReport, mart: MartDefinition) -> None:
    for rule in report.rules:
        if not rule.passed:
            weight = "" if rule.blocking else " (warning only)"
            log.warning("%s%s: %s %s", rule.rule, weight, rule.sentence, rule.observed)
    failed = [rule for rule in report.rules if rule.blocking and not rule.passed]
    if failed:
        reasons = "; ".join(f"{rule.sentence} ({rule.observed or rule.rule})" for rule in failed)
        raise StopRun(
            f"{mart.label} failed its audit, so people still see the one before: {reasons}",
            fix=f"Look at {report.docs_uri}, correct the source, the statement or the suite, then clear the task.",
        )


def _swap_in(warehouse: Warehouse, mart: MartDefinition, target: Table, attempt: Table, *, is_same_shape: bool) -> None:
    """Of the same shape, only the rows are exchanged, so that grants stay; else the table is."""
    statement = "overwrite_mart" if is_same_shape else "replace_mart"
    warehouse.run(f"warehouse_elt/{statement}", names={"target": target, "attempt": attempt, "mart": mart})
