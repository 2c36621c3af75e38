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
from crm_patterns.core.outcomes import RunState
from crm_patterns.core.ports import RunKey, StepOutcome, Table
from crm_patterns.core.windows import WindowKind
from crm_patterns.patterns.guards import GuardRules
from crm_patterns.patterns.warehouse_elt import FieldChoice
from crm_patterns.state import OperationalState
from crm_patterns.steps import extract
from crm_patterns.steps.drift_audit import Comparison, Repair, audit
from crm_patterns.steps.drift_plan import AuditOrder, plan_audit
from crm_patterns.steps.drift_repair import RepairOrder, repair
from crm_patterns.steps.guard import ApprovalNeeded
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from crm_patterns.warehouse.stage import ParquetStage
from tests.pipeline import HOUR, OVERLAP, NamesAreFilled, Pipeline
from tests.source_double import NOON, SourceDouble, key, row

Connect = Callable[[], Any]
DAY = timedelta(days=1)
RULES = GuardRules(deletes_share=0.3, deletes_at_least=3)


@dataclass
class Audits:
    """Runs of the audit over what a pipeline has loaded."""

    loaded: Pipeline
    days: int = 2
    tries: int = field(default=0)

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
        order = AuditOrder(run, "Account", FieldChoice(), "rest", 0, self.days, OVERLAP, everything, p.schema)
        planned = plan_audit(p.source, p.warehouse, p.state, order)
        if planned is None:
            return None
        extracted = extract.ExtractOrder(
            run, "Account", FieldChoice(), "rest", WindowKind.FULL, None, timedelta(0), OVERLAP, 0
        )
        ref = extract.read_rows_to_stage(
            p.source, p.stage, p.state, extracted, planned, attempt_id=f"audit{self.tries}"
        )
        how = Comparison(Table(p.schema, "ACCOUNT"), f"{p.schema}_A", 13, 100, 1000)
        mend = self._mend(run, dies, approved) if repairs else None
        return audit(lambda: p.source, p.stage, p.warehouse, p.state, run, ref, how, repair=mend)

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
        )

        def mend(buckets: Any) -> Any:
            done = repair(p.source, p.stage, p.warehouse, NamesAreFilled(), p.state, order, buckets)
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
