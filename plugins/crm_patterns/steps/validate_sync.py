"""A plan is checked before it is gated: the records that it was made from on both sides, and its changes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from crm_patterns.core.arrow_types import arrow_schema
from crm_patterns.core.changes import Change, ChangeSet, Side
from crm_patterns.core.errors import StopRun
from crm_patterns.core.ports import QualityReport, RowQuality, RuleResult, RunKey, Stage, State
from crm_patterns.core.records import RejectedRow, RejectionClass
from crm_patterns.core.staging import StageAddress, StageRef
from crm_patterns.core.values import text_of
from crm_patterns.patterns.comparison import Pairing
from crm_patterns.patterns.sync_audit import change_contract, change_rows, change_rules, record_contract, record_rules
from crm_patterns.patterns.taking_out import BrokenRule, Checked, take_out
from crm_patterns.steps.staged_changes import read_changes, stage_changes

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

SUITES = "marketing_sync"
"""The folder of the suites: `<pairing>.<system>.json` for the records, `<pairing>.changes.json` for the plan."""


@dataclass(frozen=True, slots=True)
class SyncAudit:
    """What goes on, and the page that a person opens first: one where something failed, else the plan's."""

    checked: Checked
    docs_url: str


def audit_plan(
    stage: Stage, quality: RowQuality, pairing: Pairing, plan: StageRef, records: Mapping[Side, StageRef],
    *, attempt_id: str,
) -> SyncAudit:  # fmt: skip
    """StopRun where a rule about all of the rows is broken: then nothing of the plan goes on."""
    changes = read_changes(stage, plan)
    run_label = f"{pairing.name}_{attempt_id}"  # digits alone Great Expectations would try to read as a date
    reports: list[tuple[Side | None, QualityReport]] = []
    for side, ref in records.items():
        rules, contract = tuple(record_rules(pairing, side)), record_contract(pairing, side)
        suite = f"{SUITES}/{pairing.name}.{pairing.end(side).system}"
        rows = stage.batches(ref)
        reports.append((side, quality.check_rows(rows, contract, rules, suite=suite, run_label=run_label)))
    if len(changes):
        suite, rules = f"{SUITES}/{pairing.name}.changes", tuple(change_rules(pairing))
        rows, contract = _batches(pairing, changes), change_contract(pairing)
        reports.append((None, quality.check_rows(rows, contract, rules, suite=suite, run_label=run_label)))
    for _, report in reports:
        _tell(report)
    _stop_where_all_is_wrong(pairing, [report for _, report in reports])
    broken = [each for side, report in reports for each in _broken(side, report)]
    pages = [report.docs_uri for _, report in reports if any(not rule.passed for rule in report.rules)]
    pages += [report.docs_uri for _, report in reversed(reports)]
    return SyncAudit(take_out(pairing, changes, broken), pages[0] if pages else "")


def pass_on(
    stage: Stage, pairing: Pairing, plan: StageRef, checked: Checked, *, attempt_id: str
) -> StageRef:  # fmt: skip
    """The plan as it goes on: itself, or, where something was taken out, what is left of it, staged anew."""
    if not checked.taken_out:
        return plan
    manifest = stage.manifest(plan)
    address = StageAddress(pairing.name, "changes", manifest.address.window, attempt_id)
    return stage_changes(stage, address, checked.changes, planned_at=manifest.evidence.read_at)


def record_taken_out(
    state: State, run: RunKey, pairing: Pairing, checked: Checked, *, staged: StageRef, at: datetime
) -> None:
    """Never for a dry run. Doing it twice changes nothing."""
    if not checked.taken_out:
        return
    state.remember_plan(run, pairing.name, staged)
    rows: dict[tuple[str, str], list[RejectedRow]] = {}
    for change, rule in checked.taken_out:
        place, row = _set_aside(pairing, change, rule)
        rows.setdefault(place, []).append(row)
    for (system, object_name), some in rows.items():
        state.quarantine(run, system, object_name, some, stage_uri=staged.uri, at=at)


def _set_aside(pairing: Pairing, change: Change, rule: BrokenRule) -> tuple[tuple[str, str], RejectedRow]:
    """Under the record that has to be corrected."""
    payload = {each.name: text_of(each.after) for each in change.fields}
    key, place = change.key, (change.system, change.object_name)
    if rule.side is not None:
        end = pairing.end(rule.side)
        key, place = rule.key, (end.system, end.object_name)
    return place, RejectedRow(key, rule.sentence, RejectionClass.EXPECTATION, rule.rule, rule.column, payload)


def _batches(pairing: Pairing, changes: ChangeSet) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    yield pa.RecordBatch.from_pylist(list(change_rows(pairing, changes)), schema=arrow_schema(change_contract(pairing)))


def _broken(side: Side | None, report: QualityReport) -> Iterator[BrokenRule]:
    for rule in report.rules:
        if rule.is_row_level and rule.blocking and not rule.passed:
            yield from (BrokenRule(side, key, rule.rule, rule.column, rule.sentence) for key in rule.failing_keys)


def _tell(report: QualityReport) -> None:
    for rule in report.rules:
        if not rule.passed:
            weight = "" if rule.blocking else " (warning only)"
            log.warning("%s%s: %s %s", rule.rule, weight, rule.sentence, rule.observed)
    log.info("%s rules checked. Data Docs: %s", len(report.rules), report.docs_uri)


def _stop_where_all_is_wrong(pairing: Pairing, reports: Sequence[QualityReport]) -> None:
    failed = [rule for report in reports for rule in _stopping(report.rules)]
    if failed:
        reasons = "; ".join(f"{rule.sentence} ({rule.observed or rule.rule})" for rule in failed)
        raise StopRun(
            f"{pairing.name} failed its audit, so nothing of its plan was written: {reasons}",
            fix="Open the Data Docs of this task, correct the records or the suite, then clear the pairing's tasks.",
        )


def _stopping(rules: Iterable[RuleResult]) -> Iterator[RuleResult]:
    return (rule for rule in rules if rule.blocking and not rule.is_row_level and not rule.passed)
