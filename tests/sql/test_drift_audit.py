"""Source and warehouse compared: one wrong value is found, named, put right, and looked at again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy import create_engine

from crm_patterns.core.drift import DriftFinding, DriftKind, Settlement
from crm_patterns.core.errors import OutOfBudget
from crm_patterns.core.outcomes import RunState
from crm_patterns.core.ports import RunKey, StepOutcome, Table
from crm_patterns.core.windows import WindowKind
from crm_patterns.patterns.guards import GuardRules
from crm_patterns.patterns.quota import AS_USUAL, Means
from crm_patterns.patterns.warehouse_elt import FieldChoice
from crm_patterns.state import OperationalState
from crm_patterns.steps import extract
from crm_patterns.steps.drift_audit import Doubt, Repair, Repaired, audit
from crm_patterns.steps.drift_compare import Comparison
from crm_patterns.steps.drift_plan import AuditOrder, plan_audit
from crm_patterns.steps.drift_repair import RepairOrder, repair
from crm_patterns.steps.guard import ApprovalNeeded
from crm_patterns.steps.read_plan import ExtractOrder
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from crm_patterns.warehouse.stage import ParquetStage
from tests.pipeline import HOUR, OVERLAP, NamesAreFilled, Pipeline
from tests.source_double import NOON, SourceDouble, key, row

Connect = Callable[[], Any]
DAY = timedelta(days=1)
REST_BELOW = 500
RULES = GuardRules(deletes_share=0.3, deletes_at_least=3)


@dataclass
class Audits:
    """Runs of the audit over what a pipeline has loaded."""

    loaded: Pipeline
    days: int = 2
    tries: int = field(default=0)
    max_buckets: int = 100
    max_findings: int = 1000
    means: Means = AS_USUAL
    doubts: list[Doubt] = field(default_factory=list)

    @property
    def source(self) -> SourceDouble:
        assert isinstance(self.loaded.source, SourceDouble)
        return self.loaded.source

    def run(
        self, name: str, *, everything: bool = True, repairs: bool = True, dies: bool = False, approved: int = 0
    ) -> StepOutcome | None:
        p, run = self.loaded, RunKey("crm_drift_audit", name)
        p.state.start_run(run, source="salesforce", run_type="manual", at=NOON)
        self.tries += 1
        order = AuditOrder(
            run, "Account", FieldChoice(), "auto", REST_BELOW, self.days, OVERLAP, everything, p.schema, self.means
        )
        planned = plan_audit(p.source, p.warehouse, p.state, order)
        if planned is None:
            return None
        ref = extract.read_rows_to_stage(
            p.source, p.stage, p.state, self._reading(run), planned, attempt_id=f"audit{self.tries}"
        )
        how = Comparison(Table(p.schema, "ACCOUNT"), f"{p.schema}_A", 13, self.max_buckets, self.max_findings)
        mend = self._mend(run, dies, approved) if repairs else None
        return audit(lambda: p.source, p.stage, p.warehouse, p.state, run, ref, how, repair=mend)

    def _reading(self, run: RunKey) -> ExtractOrder:
        full, none = WindowKind.FULL, timedelta(0)
        return ExtractOrder(run, "Account", FieldChoice(), "auto", full, None, none, OVERLAP, REST_BELOW, self.means)

    def _mend(self, run: RunKey, dies: bool, approved: int) -> Repair:
        p = self.loaded
        order = RepairOrder(
            run,
            "Account",
            FieldChoice(),
            f"mend{self.tries}",
            p.schema,
            f"{p.schema}_A",
            p.history_schema,
            0.9,
            replace(RULES, approved=approved),
            self._reading(RunKey(run.dag_id, f"{run.run_id}/repair")),
            job_deadline_s=0.2,
        )

        def mend(doubt: Doubt) -> Repaired:
            self.doubts.append(doubt)
            done = repair(p.source, p.stage, p.warehouse, NamesAreFilled(), p.state, order, doubt)
            if dies:
                raise KeyboardInterrupt
            return done

        return mend

    def findings(self, name: str) -> list[DriftFinding]:
        return [finding for _, finding in self.loaded.state.findings(RunKey("crm_drift_audit", name))]

    def tamper(self, statement: str) -> None:
        with self.loaded.sql() as rows:
            rows(statement.format(f'"{self.loaded.schema}"."ACCOUNT"'))


@pytest.fixture
def audits(warehouse: SnowflakeWarehouse, connect: Connect, schema: str, tmp_path: Path) -> Iterator[Audits]:
    state = OperationalState(create_engine(f"sqlite:///{tmp_path / 'state.db'}"))
    stage = ParquetStage(LocalFileSystem(), str(tmp_path / "stage"))
    source = SourceDouble(rows=[row(n, at=NOON - 5 * HOUR) for n in range(1, 9)])
    pipeline = Pipeline(warehouse, stage, state, schema, source, connect)
    pipeline.all()
    source.clock += HOUR
    yield Audits(pipeline)
    state.close()


def test_nothing_changed_gives_no_finding_and_no_write(audits: Audits) -> None:
    before = audits.loaded.table()

    outcome = audits.run("quiet")

    assert outcome is not None
    assert (outcome.state, outcome.tally.read, outcome.tally.unchanged) == (RunState.SUCCESS, 8, 8)
    assert audits.findings("quiet") == []
    assert audits.loaded.table() == before


def test_a_value_changed_by_hand_is_named_and_put_right(audits: Audits) -> None:
    before = [r[:2] for r in audits.loaded.table()]
    audits.tamper(f"update {{0}} set \"NAME\" = 'Tampered' where \"ID\" = '{key(3)}'")

    outcome = audits.run("audit")

    assert outcome is not None
    assert outcome.state is RunState.PARTIAL
    assert audits.findings("audit") == [
        DriftFinding(DriftKind.DIFFERENT, key(3), "name", key(3)[:13], "Tampered", "Acme", Settlement.REPAIRED)
    ]
    assert [r[:2] for r in audits.loaded.table()] == before
    again = audits.run("again")
    assert again is not None
    assert again.state is RunState.SUCCESS


def test_a_missing_and_an_extra_record_are_named_and_the_missing_one_comes_back(audits: Audits) -> None:
    audits.tamper(f"delete from {{0}} where \"ID\" = '{key(2)}'")
    audits.tamper(f"update {{0}} set \"ID\" = '{key(77)}' where \"ID\" = '{key(5)}'")

    audits.run("audit")

    found = {(f.kind, f.record_key): f.settlement for f in audits.findings("audit")}
    assert found == {
        (DriftKind.COUNT, ""): Settlement.REPAIRED,
        (DriftKind.MISSING, key(2)): Settlement.REPAIRED,
        (DriftKind.MISSING, key(5)): Settlement.REPAIRED,
        (DriftKind.GONE, key(77)): Settlement.REMAINS,
    }


def test_a_record_that_moved_on_at_the_source_is_no_finding(audits: Audits) -> None:
    audits.source.rows[0] = row(1, at=NOON + HOUR, name="Newer")
    audits.source.rows.append(row(9, at=NOON + HOUR))
    audits.source.clock = NOON + 2 * HOUR

    outcome = audits.run("audit")

    assert outcome is not None
    assert outcome.state is RunState.SUCCESS
    assert audits.findings("audit") == []


def test_a_record_in_quarantine_is_no_finding(audits: Audits) -> None:
    audits.source.rows.append(row(9, at=NOON + HOUR, name=None))
    audits.source.clock = NOON + 3 * HOUR
    audits.loaded.next_run("run-2", max_rejected_share=1).all()
    audits.source.clock = NOON + 6 * HOUR
    audits.loaded.next_run("run-3").all()

    audits.run("audit")

    assert audits.loaded.state.open_quarantine_keys("salesforce", "Account") == [key(9)]
    assert audits.findings("audit") == []


def test_a_value_that_changed_without_a_stamp_at_the_source_is_named_for_the_settings(audits: Audits) -> None:
    audits.source.rows[3] = row(4, at=NOON - 5 * HOUR, name="Silently")

    audits.run("first")
    audits.source.rows[4] = row(5, at=NOON - 5 * HOUR, name="Silently")
    audits.run("second")

    first, second = (audits.loaded.state.silent_changes(RunKey("crm_drift_audit", n)) for n in ("first", "second"))
    assert [(c.field_name, c.rows, c.is_new) for c in first] == [("Name", 1, True)]
    assert [(c.field_name, c.rows, c.is_new) for c in second] == [("Name", 1, False)]


def test_a_dry_run_names_and_touches_nothing(audits: Audits) -> None:
    audits.tamper(f"update {{0}} set \"NAME\" = 'Tampered' where \"ID\" = '{key(3)}'")
    before = audits.loaded.table()

    audits.run("dry", repairs=False)

    assert [f.settlement for f in audits.findings("dry")] == [Settlement.OPEN]
    assert audits.loaded.table() == before


def test_a_repair_that_would_close_many_rows_changes_nothing_before_a_person_approved_it(audits: Audits) -> None:
    for n in (1, 2, 3):
        audits.source.rows[n] = {**audits.source.rows[n], "IsDeleted": True}
    before = audits.loaded.table()

    with pytest.raises(ApprovalNeeded, match=r"3 of 8 living rows \(38%\) would be marked as deleted") as asked:
        audits.run("audit")
    untouched = audits.loaded.table()
    outcome = audits.run("audit", approved=asked.value.alarm.rows)

    assert untouched == before
    assert outcome is not None
    assert outcome.tally.updated == 3
    assert {f.settlement for f in audits.findings("audit")} == {Settlement.REPAIRED}


def test_a_run_killed_after_its_repair_still_says_what_it_found(audits: Audits) -> None:
    audits.tamper(f"update {{0}} set \"NAME\" = 'Tampered' where \"ID\" = '{key(3)}'")
    with pytest.raises(KeyboardInterrupt):
        audits.run("audit", dies=True)

    outcome = audits.run("audit")

    assert outcome is not None
    assert outcome.state is RunState.PARTIAL
    assert [(f.record_key, f.settlement) for f in audits.findings("audit")] == [(key(3), Settlement.REPAIRED)]


def test_as_many_runs_as_days_cover_everything_whatever_is_added_meanwhile(audits: Audits) -> None:
    first = audits.run("monday", everything=False)
    audits.source.clock += DAY
    audits.source.rows += [row(n, at=NOON + HOUR) for n in range(20, 30)]
    second = audits.run("tuesday", everything=False)

    assert first is not None
    assert second is not None
    assert (first.tally.read, second.tally.read) == (4, 4 + 10)
    cycle = audits.loaded.state.audit_cycle("salesforce", "Account")
    assert cycle is not None
    assert cycle.proven == cycle.slices == 2


def test_a_bucket_that_reaches_beyond_the_share_is_repaired_within_it(audits: Audits) -> None:
    audits.tamper(f"update {{0}} set \"NAME\" = 'Tampered' where \"ID\" in ('{key(2)}', '{key(7)}')")

    outcome = audits.run("monday", everything=False)

    assert outcome is not None
    assert outcome.tally.read == 4
    assert [(f.record_key, f.settlement) for f in audits.findings("monday")] == [(key(2), Settlement.REPAIRED)]


def many_rows(audits: Audits, number: int) -> list[tuple[Any, ...]]:
    """Loaded and settled; they are in as many buckets as there are hundreds of them."""
    audits.source.rows = [row(n, at=NOON + HOUR, name=f"Acme {n}") for n in range(number)]
    for name, clock in (("run-2", NOON + 3 * HOUR), ("run-3", NOON + 6 * HOUR)):
        audits.source.clock = clock
        audits.loaded.next_run(name).all()
    return [r[:3] for r in audits.loaded.table()]


def test_where_everything_is_bad_the_rare_is_named_and_everything_is_put_right_by_one_job(audits: Audits) -> None:
    before = many_rows(audits, 1_200)
    audits.max_buckets, audits.max_findings, submitted = 5, 20, audits.source.submitted
    audits.tamper('update {0} set "NAME" = \'Tampered \' || "NAME"')
    audits.tamper(f"update {{0}} set \"SYSTEM_MODSTAMP\" = '2026-01-01 00:00Z' where \"ID\" = '{key(777)}'")

    audits.run("dry", repairs=False)
    outcome = audits.run("audit")

    assert outcome is not None
    assert "1,201 differences in 12 buckets" in outcome.note
    assert "0 remain" in outcome.note
    found = audits.findings("audit")
    assert [f.record_key for f in found if f.column == "system_modstamp"] == [key(777)]
    assert [f.record_key for f in found if f.column == "name"] == [key(n) for n in range(19)]
    assert {f.settlement for f in found} == {Settlement.REPAIRED}
    assert [r[:3] for r in audits.loaded.table()] == before
    assert [doubt.buckets for doubt in audits.doubts] == [()]
    assert (audits.source.submitted, audits.source.jobs) == (submitted + 1, {})
    silent = audits.loaded.state.silent_changes(RunKey("crm_drift_audit", "dry"))
    assert [(change.field_name, change.rows) for change in silent] == [("Name", 1_199)]


def test_what_could_not_be_put_right_is_told_exactly_although_not_all_of_it_is_named(audits: Audits) -> None:
    many_rows(audits, 600)
    audits.max_buckets, audits.max_findings = 5, 20
    audits.tamper("update {0} set \"_SOURCE_MODIFIED_AT\" = '2026-03-01 13:00Z', \"NAME\" = 'Tampered'")
    audits.tamper(
        "update {0} set \"SYSTEM_MODSTAMP\" = '2026-03-01 13:30Z', \"_SOURCE_MODIFIED_AT\" = '2026-03-01 13:30Z' "
        f"where \"ID\" > '{key(4)}'"
    )

    outcome = audits.run("audit")

    assert outcome is not None
    assert "1,195 differences in 6 buckets" in outcome.note
    assert "1,190 remain" in outcome.note
    assert {(f.record_key <= key(4), f.settlement) for f in audits.findings("audit")} == {
        (True, Settlement.REPAIRED), (False, Settlement.REMAINS)
    }  # fmt: skip


def test_a_share_is_read_again_by_what_the_quota_leaves(audits: Audits) -> None:
    many_rows(audits, 600)
    audits.max_buckets, audits.means = 5, Means(bulk_is_out="bulk jobs: 0 of 10 left")
    audits.tamper('update {0} set "NAME" = null')
    submitted = audits.source.submitted

    outcome = audits.run("audit")
    audits.means = replace(audits.means, rest_when_bulk_is_out_rows=599)

    assert outcome is not None
    assert outcome.tally.updated == 600
    assert audits.source.submitted == submitted
    with pytest.raises(OutOfBudget, match="600 rows are too many to read by REST instead"):
        audits.run("again")


def test_one_changed_value_in_a_hundred_thousand_rows_is_found_and_named(audits: Audits) -> None:
    audits.source.rows = [row(n, at=NOON + HOUR, name=f"Acme {n}") for n in range(100_000)]
    audits.source.clock = NOON + 3 * HOUR
    audits.loaded.next_run("run-2").all()
    audits.source.clock = NOON + 6 * HOUR
    audits.loaded.next_run("run-3").all()
    audits.source.rows[77_777] = row(77_777, at=NOON + HOUR, name="Acme 77778")

    outcome = audits.run("audit")

    assert outcome is not None
    assert outcome.tally.read == 100_000
    assert audits.findings("audit") == [
        DriftFinding(
            DriftKind.DIFFERENT, key(77_777), "name", key(77_777)[:13], "Acme 77777", "Acme 77778", Settlement.REPAIRED
        )
    ]
