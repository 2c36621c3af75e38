"""What every implementation of the port `State` must do. A test class gives `state` and inherits the rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.drift import AuditCycle, AuditShare, DriftFinding, DriftKind, Settlement, SilentChange
from crm_patterns.core.errors import StopRun
from crm_patterns.core.marts import MartBuild, MartState
from crm_patterns.core.ops import OPS_DATASETS
from crm_patterns.core.outcomes import RunState, Tally
from crm_patterns.core.ports import (
    Allowance,
    DeletionProgress,
    Grant,
    KeyRange,
    ObjectOutcome,
    PlannedPublish,
    ReadRequest,
    RememberedJob,
    RunKey,
    Slice,
    State,
    StepOutcome,
    Table,
    Usage,
)
from crm_patterns.core.records import RejectedRow, RejectionClass
from crm_patterns.core.staging import StageRef
from crm_patterns.core.windows import Window, WindowKind
from tests.conformance.consent_ledger_rules import ConsentLedgerRules
from tests.conformance.inbox_rules import InboxRules
from tests.conformance.schema_rules import SchemaRules
from tests.conformance.write_rules import WriteRules

SOURCE, OBJECT = "salesforce", "Account"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RUN = RunKey("crm_warehouse_elt", "manual__2026-03-01T12:00:00+00:00")
LATER = RunKey("crm_warehouse_elt", "manual__2026-03-01T13:00:00+00:00")
WINDOW = Window(NOON - HOUR, NOON, WindowKind.INCREMENTAL)
CONTRACT = ObjectContract(
    source=SOURCE,
    object_name=OBJECT,
    table="account",
    fields=(
        ContractField("Id", "id", FieldKind.TEXT, length=18, nullable=False),
        ContractField("Type", "type", FieldKind.TEXT, values=("A", "B"), references=("User",)),
        ContractField("Amount__c", "amount_c", FieldKind.DECIMAL, precision=18, scale=2),
    ),
    key="Id",
    cursor=None,
    deleted_flag=None,
)


def job(job_id: str, *, window: Window = WINDOW) -> RememberedJob:
    request = ReadRequest(OBJECT, ("Id", "Type", "Amount__c"), None, window, include_deleted=False)
    return RememberedJob(job_id, request, CONTRACT, 42, NOON)


def bad(key: str, *, rule: str = "not_null", field: str = "Type", reason: str = "Type is empty.") -> RejectedRow:
    return RejectedRow(
        key, reason, RejectionClass.CONTRACT, rule, field, {"Id": key, "Type": None, "Name": "Zoë \n'x'"}
    )


class WatermarkRules:
    def test_an_object_without_a_load_has_no_watermark(self, state: State) -> None:
        assert state.watermark(SOURCE, OBJECT) is None

    def test_a_watermark_moves_forward_only(self, state: State) -> None:
        state.advance_watermark(SOURCE, OBJECT, to=NOON, run=RUN)
        state.advance_watermark(SOURCE, OBJECT, to=NOON - HOUR, run=LATER)
        held = state.watermark(SOURCE, OBJECT)
        state.advance_watermark(SOURCE, OBJECT, to=NOON + HOUR, run=LATER)

        assert held == NOON
        assert state.watermark(SOURCE, OBJECT) == NOON + HOUR
        assert state.watermark(SOURCE, "Contact") is None
        assert state.watermark("hubspot", OBJECT) is None

    def test_times_come_back_aware_whatever_zone_they_were_given_in(self, state: State) -> None:
        from zoneinfo import ZoneInfo

        given = datetime(2026, 7, 1, 2, 30, 0, 123456, tzinfo=ZoneInfo("America/New_York"))

        state.advance_watermark(SOURCE, OBJECT, to=given, run=RUN)

        held = state.watermark(SOURCE, OBJECT)
        assert held == given
        assert held is not None
        assert held.utcoffset() == timedelta(0)


class ClaimRules:
    @pytest.mark.parametrize("start", [None, NOON - HOUR])
    def test_the_first_window_proposed_is_the_runs(self, state: State, start: datetime | None) -> None:
        first = Window(start, NOON, WindowKind.INCREMENTAL)

        claimed = state.claim_window(RUN, SOURCE, OBJECT, first)
        again = state.claim_window(RUN, SOURCE, OBJECT, Window(NOON, NOON + HOUR, WindowKind.FULL))

        assert (claimed, again) == (first, first)

    def test_another_run_or_object_claims_its_own(self, state: State) -> None:
        other = Window(NOON, NOON + HOUR, WindowKind.BACKFILL)

        state.claim_window(RUN, SOURCE, OBJECT, WINDOW)

        assert state.claim_window(LATER, SOURCE, OBJECT, other) == other
        assert state.claim_window(RUN, SOURCE, "Contact", other) == other

    def test_a_retry_gets_the_first_plan_of_its_attempt_back(self, state: State) -> None:
        planned = Tally(read=9, created=2, updated=3, deleted=1, unchanged=1, rejected=1, deferred=1)

        first = state.plan_publish(RUN, OBJECT, "attempt-1", planned)
        again = state.plan_publish(RUN, OBJECT, "attempt-1", Tally(read=9, unchanged=9))
        unforeseen = state.planned_publish(RUN, OBJECT, "attempt-2")
        other = state.plan_publish(RUN, OBJECT, "attempt-2", Tally(read=1, created=1))

        assert (unforeseen, state.planned_publish(RUN, OBJECT, "attempt-1")) == (None, planned)
        assert (first, again, other) == (planned, planned, Tally(read=1, created=1))

    def test_planned_publishes_of_a_run_are_told_with_their_stages(self, state: State) -> None:
        later, earlier = StageRef("s3://stage/b", 2, 0, "b2"), StageRef("s3://stage/a", 1, 0, "a1")
        state.plan_publish(RUN, OBJECT, "attempt-2", Tally(read=2, created=2), stage=later)
        state.plan_publish(RUN, OBJECT, "attempt-1", Tally(read=1, created=1), stage=earlier)
        state.plan_publish(RUN, OBJECT, "attempt-3", Tally())
        state.plan_publish(RUN, "Contact", "attempt-1", Tally(), stage=earlier)

        assert state.planned_publishes(RUN, OBJECT) == [
            PlannedPublish("attempt-1", earlier, Tally(read=1, created=1)),
            PlannedPublish("attempt-2", later, Tally(read=2, created=2)),
        ]


class JobRules:
    def test_a_job_comes_back_as_it_was_remembered(self, state: State) -> None:
        from_the_beginning = job("750-1", window=Window(None, NOON, WindowKind.FULL))

        state.remember_job(RUN, SOURCE, from_the_beginning)

        assert state.remembered_job(RUN, SOURCE, OBJECT) == from_the_beginning
        assert state.remembered_job(LATER, SOURCE, OBJECT) is None

    def test_a_job_remembers_the_keys_it_reads(self, state: State) -> None:
        remembered = job("7501")
        remembered = replace(remembered, request=replace(remembered.request, keys=KeyRange("0065g0", "0065g9")))

        state.remember_job(RUN, SOURCE, remembered)

        assert state.remembered_job(RUN, SOURCE, OBJECT) == remembered

    def test_a_job_submitted_anew_replaces_the_one_before(self, state: State) -> None:
        state.remember_job(RUN, SOURCE, job("750-1"))
        state.remember_job(RUN, SOURCE, job("750-2"))

        assert state.remembered_job(RUN, SOURCE, OBJECT) == job("750-2")

    def test_a_forgotten_job_is_gone_and_forgetting_twice_is_no_error(self, state: State) -> None:
        state.remember_job(RUN, SOURCE, job("750-1"))
        state.forget_job(RUN, SOURCE, OBJECT)
        state.forget_job(RUN, SOURCE, OBJECT)

        assert state.remembered_job(RUN, SOURCE, OBJECT) is None


class AttemptTableRules:
    def test_attempt_tables_are_listed_until_they_are_forgotten(self, state: State) -> None:
        one, two = Table("STAGING", "ACCOUNT__1"), Table("STAGING", "CONTACT__1")
        for _ in range(2):
            state.remember_attempt_table(RUN, OBJECT, one)
        state.remember_attempt_table(LATER, "Contact", two)

        assert sorted(state.attempt_tables(), key=str) == [(OBJECT, one), ("Contact", two)]
        assert state.attempt_tables(run=RUN) == [(OBJECT, one)]
        state.forget_attempt_table(one)
        assert state.attempt_tables() == [("Contact", two)]

    def test_old_attempt_tables_are_told_from_new_ones(self, state: State) -> None:
        now = datetime.now(UTC)
        state.remember_attempt_table(RUN, OBJECT, Table("STAGING", "ACCOUNT__1"))

        assert state.attempt_tables(older_than=now - HOUR) == []
        assert state.attempt_tables(older_than=now + HOUR) == [(OBJECT, Table("STAGING", "ACCOUNT__1"))]
        assert state.attempt_tables(older_than=now + HOUR, run=LATER) == []


class LedgerRules:
    full = ObjectOutcome(
        OBJECT,
        RunState.FAILED,
        Tally(read=9, created=2, updated=3, deleted=1, unchanged=1, rejected=1, deferred=1),
        WINDOW,
        source_count=9,
        server_rows=9,
        staged_rows=8,
        published_rows=7,
        method="bulk",
        method_reason="More than 2,000 rows.",
        problem="It's 100% <wrong>.",
        fix="Put it right.",
        failed_step="load",
        calls=12,
        started_at=NOON,
        finished_at=NOON + HOUR,
    )

    def test_a_run_is_started_once(self, state: State) -> None:
        state.start_run(RUN, source=SOURCE, run_type="manual", at=NOON)
        state.start_run(RUN, source="other", run_type="backfill", at=NOON + HOUR)

        summary = state.summary(RUN)
        assert summary is not None
        assert (summary.source, summary.run_type, summary.state, summary.started_at) == (
            SOURCE, "manual", RunState.RUNNING, NOON,
        )  # fmt: skip
        assert (summary.finished_at, summary.outcomes) == (None, ())
        assert state.summary(LATER) is None

    def test_an_outcome_comes_back_as_it_was_recorded(self, state: State) -> None:
        state.record_outcome(RUN, self.full)

        assert state.outcome(RUN, OBJECT) == self.full
        assert state.outcome(LATER, OBJECT) is None

    def test_a_later_outcome_replaces_every_value_of_the_one_before(self, state: State) -> None:
        bare = ObjectOutcome(OBJECT, RunState.SUCCESS)

        state.record_outcome(RUN, self.full)
        state.record_outcome(RUN, bare)

        assert state.outcome(RUN, OBJECT) == bare

    def test_a_finished_run_has_its_state_and_all_its_outcomes(self, state: State) -> None:
        state.start_run(RUN, source=SOURCE, run_type="manual", at=NOON)
        state.record_outcome(RUN, self.full)
        state.record_outcome(RUN, ObjectOutcome("Contact", RunState.SUCCESS, Tally(read=1, created=1)))
        state.record_outcome(LATER, ObjectOutcome("Lead", RunState.SUCCESS))

        summary = state.finish_run(RUN, state=RunState.FAILED, at=NOON + HOUR)

        assert (summary.state, summary.finished_at) == (RunState.FAILED, NOON + HOUR)
        assert [outcome.object_name for outcome in summary.outcomes] == [OBJECT, "Contact"]
        assert summary.tally == Tally(read=10, created=3, updated=3, deleted=1, unchanged=1, rejected=1, deferred=1)
        assert state.summary(RUN) == summary

    def test_a_run_that_never_started_cannot_finish(self, state: State) -> None:
        with pytest.raises(StopRun, match="has not seen it start"):
            state.finish_run(RUN, state=RunState.SUCCESS, at=NOON)


class StepOutcomeRules:
    done = StepOutcome(OBJECT, "refresh", RunState.SUCCESS, Tally(read=3, updated=3), note="3 of 3", calls=2)
    failed = StepOutcome(OBJECT, "compare", RunState.FAILED, problem="It broke.", fix="Mend it.", finished_at=NOON)

    def test_steps_come_back_as_they_were_recorded(self, state: State) -> None:
        state.record_step(RUN, self.done)
        state.record_step(RUN, self.failed)

        assert state.step_outcomes(RUN) == [self.failed, self.done]
        assert state.step_outcomes(LATER) == []

    def test_an_object_is_as_bad_as_its_worst_step_and_names_it(self, state: State) -> None:
        state.record_step(RUN, self.failed)
        state.record_step(RUN, self.done)

        outcome = state.outcome(RUN, OBJECT)
        assert outcome is not None
        assert (outcome.state, outcome.failed_step, outcome.problem) == (RunState.FAILED, "compare", "It broke.")
        assert (outcome.tally, outcome.calls) == (Tally(read=3, updated=3), 2)

    def test_a_step_that_is_done_again_replaces_itself_alone(self, state: State) -> None:
        state.record_step(RUN, self.done)
        state.record_step(RUN, self.failed)
        state.record_step(RUN, StepOutcome(OBJECT, "compare", RunState.SUCCESS, Tally(read=2, unchanged=2)))

        outcome = state.outcome(RUN, OBJECT)
        assert outcome is not None
        assert (outcome.state, outcome.tally) == (RunState.SUCCESS, Tally(read=5, updated=3, unchanged=2))


class DeletionRules:
    def test_an_object_that_was_never_read_is_followed_from_nowhere(self, state: State) -> None:
        assert state.deletion_progress(SOURCE, OBJECT) == DeletionProgress()

    def test_the_mark_on_the_log_moves_forward_only(self, state: State) -> None:
        for to in (NOON, NOON - HOUR, NOON + HOUR, NOON):
            state.advance_deletions(SOURCE, OBJECT, to=to, gap="", run=RUN)

        assert state.deletion_progress(SOURCE, OBJECT) == DeletionProgress(NOON + HOUR)
        assert state.deletion_progress(SOURCE, "Lead") == DeletionProgress()

    def test_a_gap_stays_until_ids_are_compared(self, state: State) -> None:
        state.advance_deletions(SOURCE, OBJECT, to=NOON, gap="the log was trimmed", run=RUN)
        state.advance_deletions(SOURCE, OBJECT, to=NOON + HOUR, gap="", run=LATER)
        waiting = state.deletion_progress(SOURCE, OBJECT)
        state.record_comparison(SOURCE, OBJECT, at=NOON + 2 * HOUR)

        assert waiting == DeletionProgress(NOON + HOUR, None, "the log was trimmed")
        assert state.deletion_progress(SOURCE, OBJECT) == DeletionProgress(NOON + HOUR, NOON + 2 * HOUR, "")

    def test_ids_may_be_compared_before_the_log_is_followed(self, state: State) -> None:
        state.record_comparison(SOURCE, OBJECT, at=NOON)
        state.advance_deletions(SOURCE, OBJECT, to=NOON + HOUR, gap="", run=RUN)

        assert state.deletion_progress(SOURCE, OBJECT) == DeletionProgress(NOON + HOUR, NOON, "")


class ApprovalRules:
    def test_an_approval_holds_for_its_run_object_and_step_until_it_is_done(self, state: State) -> None:
        before = state.approved_rows(RUN, OBJECT, "publish")
        for rows in (9, 40):
            state.approve(RUN, OBJECT, "publish", rows=rows, by="Ada", at=NOON)

        others = [(LATER, OBJECT, "publish"), (RUN, "Lead", "publish"), (RUN, OBJECT, "compare_ids")]
        assert [before, *(state.approved_rows(*other) for other in others)] == [0, 0, 0, 0]
        assert state.approved_rows(RUN, OBJECT, "publish") == 40
        for _ in (1, 2):
            state.withdraw_approval(RUN, OBJECT, "publish")
        assert state.approved_rows(RUN, OBJECT, "publish") == 0


class MartRules:
    def test_the_newest_build_that_people_see_is_the_last_one_built(self, state: State) -> None:
        built = MartBuild("FUNNEL", MartState.BUILT, "It's new.", 7, {"S.LEAD": [1, None]}, "/docs/x", NOON, NOON)
        state.record_mart_build(RUN, built)
        state.record_mart_build(LATER, replace(built, state=MartState.FAILED, finished_at=NOON + HOUR))
        state.record_mart_build(LATER, replace(built, mart="OTHER", finished_at=NOON + HOUR))
        before = state.last_built("FUNNEL")
        newer = replace(built, rows=8, finished_at=NOON + HOUR)
        state.record_mart_build(LATER, newer)

        assert before == built
        assert state.last_built("FUNNEL") == newer
        assert state.last_built("NEVER") is None

    def test_a_run_has_one_build_of_each_mart(self, state: State) -> None:
        tried = MartBuild("FUNNEL", MartState.FAILED, "It broke.", started_at=NOON, finished_at=NOON)
        state.record_mart_build(RUN, replace(tried, mart="OTHER"))
        state.record_mart_build(RUN, tried)
        state.record_mart_build(RUN, replace(tried, state=MartState.BUILT, rows=0))

        assert [(build.mart, build.state, build.rows) for build in state.mart_builds(RUN)] == [
            ("FUNNEL", MartState.BUILT, 0), ("OTHER", MartState.FAILED, None),
        ]  # fmt: skip
        assert list(state.mart_builds(LATER)) == []


class DriftRules:
    cycle = AuditCycle(NOON, ("003", "006"))
    share = AuditShare(NOON, 0, 2, "", "006", NOON - HOUR)
    found = DriftFinding(DriftKind.DIFFERENT, "006A", "amount", "006", None, "7.50")

    def test_a_share_is_claimed_once_and_its_proof_moves_the_cycle_forward_only(self, state: State) -> None:
        state.begin_audit_cycle(SOURCE, OBJECT, self.cycle)
        assert state.claim_audit(RUN, SOURCE, OBJECT, self.share) == self.share
        other = AuditShare(NOON, 0, 1, "", "003", NOON)
        assert state.claim_audit(RUN, SOURCE, OBJECT, other) == self.share
        assert state.claim_audit(LATER, SOURCE, OBJECT, other) == other

        state.prove_audit(RUN, SOURCE, OBJECT)
        state.prove_audit(LATER, SOURCE, OBJECT)

        assert state.audit_cycle(SOURCE, OBJECT) == AuditCycle(NOON, ("003", "006"), 2)
        assert state.audit_share(RUN, SOURCE, OBJECT) == self.share
        assert state.audit_share(RUN, SOURCE, "Lead") is None

    def test_a_proof_of_an_earlier_cycle_does_not_count_for_the_next(self, state: State) -> None:
        state.begin_audit_cycle(SOURCE, OBJECT, self.cycle)
        state.claim_audit(RUN, SOURCE, OBJECT, self.share)
        state.begin_audit_cycle(SOURCE, OBJECT, AuditCycle(NOON + HOUR, ()))

        state.prove_audit(RUN, SOURCE, OBJECT)

        assert state.audit_cycle(SOURCE, OBJECT) == AuditCycle(NOON + HOUR, (), 0)

    def test_a_finding_is_kept_as_it_was_first_seen_and_settled_later(self, state: State) -> None:
        state.record_findings(RUN, OBJECT, [self.found], at=NOON)
        state.record_findings(RUN, OBJECT, [replace(self.found, source_value="8")], at=NOON + HOUR)
        state.record_findings(RUN, OBJECT, [replace(self.found, settlement=Settlement.REPAIRED)], at=NOON + HOUR)

        assert state.findings(RUN) == [(OBJECT, replace(self.found, settlement=Settlement.REPAIRED))]
        assert state.findings(RUN, "Lead") == state.findings(LATER) == []

    def test_a_silent_column_is_new_in_the_first_run_that_saw_it(self, state: State) -> None:
        state.record_silent_changes(RUN, OBJECT, {("site", "Site"): 3}, at=NOON)
        state.record_silent_changes(RUN, OBJECT, {("site", "Site"): 1}, at=NOON)
        state.record_silent_changes(LATER, OBJECT, {("site", "Site"): 2}, at=NOON + HOUR)

        assert state.silent_changes(RUN) == [SilentChange(OBJECT, "site", "Site", 3, is_new=True)]
        assert state.silent_changes(LATER) == [SilentChange(OBJECT, "site", "Site", 2, is_new=False)]


class QuarantineRules:
    def set_aside(self, state: State, run: RunKey, *rows: RejectedRow, at: datetime = NOON) -> int:
        return state.quarantine(run, SOURCE, OBJECT, rows, stage_uri="file:///stage", at=at)

    def test_a_record_is_counted_once_however_many_rules_it_broke(self, state: State) -> None:
        rows = (bad("001"), bad("001", rule="max_length"), bad("001", field="Name"), bad("002"))

        assert self.set_aside(state, RUN, *rows) == 2
        assert len(state.ops_rows("quarantine", RUN)[1]) == 4

    def test_setting_the_same_rows_aside_again_changes_nothing(self, state: State) -> None:
        first = self.set_aside(state, RUN, bad("001"), bad("002"))
        published = state.ops_rows("quarantine", RUN)
        again = self.set_aside(state, RUN, bad("002"), bad("001", reason="Another sentence."), at=NOON + HOUR)

        assert (first, again) == (2, 2)
        assert state.ops_rows("quarantine", RUN) == published

    def test_the_count_is_that_of_the_whole_run(self, state: State) -> None:
        self.set_aside(state, RUN, bad("001"))

        assert self.set_aside(state, RUN, bad("002")) == 2
        assert self.set_aside(state, LATER) == 0

    def test_more_rows_than_one_statement_takes(self, state: State) -> None:
        keys = [f"{number:018d}" for number in range(12_000)]

        count = state.quarantine(RUN, SOURCE, OBJECT, (bad(key) for key in keys), stage_uri="s", at=NOON)
        released = state.release(SOURCE, OBJECT, iter(keys), run=LATER, at=NOON)

        assert (count, released) == (12_000, 12_000)
        assert state.open_quarantine_keys(SOURCE, OBJECT) == []

    def test_a_released_record_is_no_longer_open_and_others_stay(self, state: State) -> None:
        self.set_aside(state, RUN, bad("001"), bad("001", rule="max_length"), bad("002"))

        released = state.release(SOURCE, OBJECT, ["001", "003"], run=LATER, at=NOON + HOUR)
        again = state.release(SOURCE, OBJECT, ["001", "003"], run=LATER, at=NOON + 2 * HOUR)

        assert (released, again) == (1, 0)
        assert state.open_quarantine_keys(SOURCE, OBJECT) == ["002"]
        assert state.open_quarantine_keys(SOURCE, "Contact") == []

    def test_a_release_is_published_with_the_run_that_released(self, state: State) -> None:
        self.set_aside(state, RUN, bad("001"), bad("002"))
        state.release(SOURCE, OBJECT, ["001"], run=LATER, at=NOON + HOUR)

        columns, rows = state.ops_rows("quarantine", LATER)

        [row] = [dict(zip(columns, row, strict=True)) for row in rows]
        assert (row["run_id"], row["record_key"]) == (RUN.run_id, "001")
        assert (row["released_by_run_id"], row["released_at"]) == (LATER.run_id, NOON + HOUR)

    def test_tries_count_the_runs_that_set_the_record_aside_for_the_rule(self, state: State) -> None:
        self.set_aside(state, RUN, bad("001"), bad("002"))
        self.set_aside(state, LATER, bad("001"), bad("002", rule="max_length"), at=NOON + HOUR)

        columns, rows = state.ops_rows("quarantine", LATER)

        assert [row[columns.index("tries")] for row in rows] == [2, 1]


class IncidentRules:
    dag = RUN.dag_id

    def test_a_failed_run_is_announced_once(self, state: State) -> None:
        assert state.open_incident(self.dag, run=RUN, problem="first", at=NOON) is True
        assert state.open_incident(self.dag, run=RUN, problem="again", at=NOON) is False
        assert state.open_incident(self.dag, run=LATER, problem="next run", at=NOON + HOUR) is True

    def test_closing_ends_all_of_the_dags_and_tells_the_newest(self, state: State) -> None:
        state.open_incident(self.dag, run=RUN, problem="first", at=NOON)
        state.open_incident(self.dag, run=LATER, problem="second", at=NOON + HOUR)
        state.open_incident("other", run=RunKey("other", "x"), problem="third", at=NOON)

        assert state.close_incident(self.dag, at=NOON + HOUR) == "second"
        assert state.close_incident(self.dag, at=NOON + HOUR) is None
        assert state.close_incident("other", at=NOON + HOUR) == "third"

    def test_a_run_that_fails_again_after_it_was_green_is_news(self, state: State) -> None:
        state.open_incident(self.dag, run=RUN, problem="first", at=NOON)
        state.close_incident(self.dag, at=NOON)

        assert state.open_incident(self.dag, run=RUN, problem="again", at=NOON + HOUR) is True
        assert state.close_incident(self.dag, at=NOON + HOUR) == "again"


class AllowanceRules:
    told = Allowance(Grant(900, 1_000), Grant(50, 60), Grant(None, None), NOON)

    def test_what_a_run_has_noted_comes_back_and_the_newest_note_counts(self, state: State) -> None:
        state.note_allowance(RUN, SOURCE, self.told)
        first = state.allowance(RUN, SOURCE)
        later = Allowance(Grant(5, 1_000), Grant(0, 60), Grant(7, 8), NOON + HOUR)
        state.note_allowance(RUN, SOURCE, later)

        assert (first, state.allowance(RUN, SOURCE)) == (self.told, later)
        assert state.allowance(LATER, SOURCE) is None

    def test_calls_are_as_the_newest_reply_of_the_run_told_them(self, state: State) -> None:
        state.note_allowance(RUN, SOURCE, self.told)
        for name, used, at in (("Lead", 999, NOON - HOUR), ("Task", 300, NOON + HOUR), ("User", 990, NOON + 2 * HOUR)):
            state.record_calls(RUN, SOURCE, name, step="extract", usage=Usage(1, used, 1_000), at=at)
        state.record_calls(RUN, SOURCE, "Event", step="load", usage=Usage(1, None, None), at=NOON + 3 * HOUR)
        state.record_calls(LATER, SOURCE, "Lead", step="extract", usage=Usage(1, 1_000, 1_000), at=NOON + 3 * HOUR)

        allowance = state.allowance(RUN, SOURCE)

        assert allowance is not None
        assert (allowance.calls, allowance.jobs) == (Grant(10, 1_000), Grant(50, 60))

    def test_the_reason_of_a_job_is_kept_with_it(self, state: State) -> None:
        state.remember_job(RUN, SOURCE, replace(job("750-1"), method_reason="5,000 rows are many"))

        remembered = state.remembered_job(RUN, SOURCE, OBJECT)

        assert remembered is not None
        assert remembered.method_reason == "5,000 rows are many"


class SliceRules:
    def test_the_slices_of_a_job_are_kept_with_their_jobs(self, state: State) -> None:
        pieces = (
            Slice(Window(None, NOON - HOUR, WindowKind.FULL), 7, "750-1", NOON, 1),
            Slice(Window(NOON - HOUR, NOON, WindowKind.FULL), 9),
        )
        sliced = replace(job("750-1", window=Window(None, NOON, WindowKind.FULL)), slices=pieces)

        state.remember_job(RUN, SOURCE, sliced)

        assert state.remembered_job(RUN, SOURCE, OBJECT) == sliced


class OpsRules:
    def ops(self, state: State, dataset: str, run: RunKey = RUN) -> list[dict[str, Any]]:
        columns, rows = state.ops_rows(dataset, run)
        assert tuple(columns) == tuple(column.name for column in OPS_DATASETS[dataset])
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def test_a_run_adds_up_its_objects(self, state: State) -> None:
        state.start_run(RUN, source=SOURCE, run_type="manual", at=NOON)
        state.record_outcome(RUN, LedgerRules.full)
        state.record_outcome(RUN, ObjectOutcome("Contact", RunState.PARTIAL, Tally(read=3, created=2, rejected=1)))
        state.record_calls(RUN, SOURCE, OBJECT, step="extract", usage=Usage(7, None, None), at=NOON)
        state.finish_run(RUN, state=RunState.FAILED, at=NOON + HOUR)

        [run] = self.ops(state, "runs")

        assert run | {
            "state": "failed", "objects": 2, "objects_failed": 1, "objects_partial": 1, "objects_success": 0,
            "records_read": 12, "records_created": 4, "records_rejected": 2, "calls": 7,
            "problem": "Account: It's 100% <wrong>.", "finished_at": NOON + HOUR,
        } == run  # fmt: skip
        assert all(type(run[c.name]) is int for c in OPS_DATASETS["runs"] if c.kind is FieldKind.INTEGER)
        assert run["finished_at"].utcoffset() == timedelta(0)

    def test_a_run_without_objects_adds_up_to_nothing(self, state: State) -> None:
        state.start_run(RUN, source=SOURCE, run_type="manual", at=NOON)

        [run] = self.ops(state, "runs")

        assert (run["objects"], run["records_read"], run["calls"], run["problem"]) == (0, 0, 0, "")

    def test_an_outcome_is_flat(self, state: State) -> None:
        state.start_run(RUN, source=SOURCE, run_type="manual", at=NOON)
        state.record_outcome(RUN, LedgerRules.full)
        state.record_outcome(LATER, ObjectOutcome("Contact", RunState.SUCCESS))

        [row] = self.ops(state, "outcomes")

        assert row | {
            "source": SOURCE, "object_name": OBJECT, "window_kind": "incremental", "window_start": NOON - HOUR,
            "window_end": NOON, "records_read": 9, "published_rows": 7, "failed_step": "load", "calls": 12,
        } == row  # fmt: skip

    def test_calls_of_all_tries_are_added_up_and_the_newest_level_stays(self, state: State) -> None:
        state.record_calls(RUN, SOURCE, OBJECT, step="extract", usage=Usage(5, 100, 15_000), at=NOON)
        state.record_calls(RUN, SOURCE, OBJECT, step="extract", usage=Usage(3, 108, 15_000), at=NOON + HOUR)
        state.record_calls(RUN, SOURCE, OBJECT, step="reconcile", usage=Usage(1, None, None), at=NOON)

        extract, reconcile = self.ops(state, "calls")

        assert (extract["calls_made"], extract["used"], extract["reported_at"]) == (8, 108, NOON + HOUR)
        assert (reconcile["calls_made"], reconcile["used"], reconcile["allowed"]) == (1, None, None)

    def test_an_unknown_dataset_is_refused_by_name(self, state: State) -> None:
        with pytest.raises(StopRun, match=r"'drift'.*runs, outcomes, quarantine, calls"):
            state.ops_rows("drift", RUN)

    @pytest.mark.parametrize("dataset", list(OPS_DATASETS))
    def test_a_run_that_is_not_known_publishes_nothing(self, state: State, dataset: str) -> None:
        assert self.ops(state, dataset) == []


class RetentionRules:
    def test_windows_of_unfinished_runs_are_in_use(self, state: State) -> None:
        for run, at in ((RUN, NOON), (LATER, NOON + HOUR)):
            state.start_run(run, source=SOURCE, run_type="manual", at=at)
            state.claim_window(run, SOURCE, OBJECT, Window(None, at, WindowKind.FULL))
        both = state.windows_in_use(since=NOON)
        late = state.windows_in_use(since=NOON + HOUR)
        state.finish_run(RUN, state=RunState.FAILED, at=NOON + HOUR)

        assert [window.end for _, _, window in both] == [NOON, NOON + HOUR]
        assert late == [(SOURCE, OBJECT, Window(None, NOON + HOUR, WindowKind.FULL))]
        assert state.windows_in_use(since=NOON) == late


class StateSuite(
    RetentionRules,
    WatermarkRules,
    ClaimRules,
    JobRules,
    AttemptTableRules,
    LedgerRules,
    StepOutcomeRules,
    DeletionRules,
    ApprovalRules,
    MartRules,
    DriftRules,
    QuarantineRules,
    IncidentRules,
    AllowanceRules,
    SliceRules,
    OpsRules,
    SchemaRules,
    WriteRules,
    InboxRules,
    ConsentLedgerRules,
):
    """All of it."""
