"""What every state must do with known schemas, plans and recorded changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from crm_patterns.core.contracts import FieldKind
from crm_patterns.core.ports import RunKey, State
from crm_patterns.core.schema_changes import (
    ChangeKind,
    ColumnShape,
    FieldStatus,
    KnownField,
    KnownSchema,
    SchemaChange,
    SchemaPlan,
    Severity,
)

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE = RunKey("crm_warehouse_elt", "manual__1")
TWO = RunKey("crm_warehouse_elt", "manual__2")
WHERE = ("salesforce", "Account")
NAME = KnownField(
    "Name", (ColumnShape("name", FieldKind.TEXT), ColumnShape("name_v2", FieldKind.DECIMAL, 2)), "currency",
    FieldKind.DECIMAL, precision=18, scale=2, label='Nämé "x"', values=("a", "b"), status=FieldStatus.ACCESS_LOST,
)  # fmt: skip
GONE = SchemaChange(
    ChangeKind.REMOVED, "Name", "name", "string(80)", "removed", "kept", "Name is gone.", Severity.HIGH, "id-1"
)
ADDED = SchemaChange(
    ChangeKind.ADDED, "New__c", "new_c", "", "date", "added", "New__c is new.", Severity.MEDIUM, "id-2"
)


def plan(version: int = 1, *changes: SchemaChange, fingerprint: str = "f") -> SchemaPlan:
    return SchemaPlan(KnownSchema((NAME,), version), version - 1, fingerprint, changes, ("New__c",))


def settle(state: State, run: RunKey, *, fingerprint: str = "f") -> bool:
    return state.settle_schema(run, *WHERE, fingerprint=fingerprint, at=AT)


class SchemaRules:
    def test_nothing_is_known_before_a_run_was_proven(self, state: State) -> None:
        state.plan_schema(ONE, *WHERE, plan())

        assert state.known_schema(*WHERE) is None
        assert state.planned_schema(ONE, *WHERE) == plan()
        assert state.planned_schema(TWO, *WHERE) is None

    def test_what_a_proven_run_planned_is_known_and_its_changes_are_recorded(self, state: State) -> None:
        state.plan_schema(ONE, *WHERE, plan(1, ADDED, GONE))

        assert settle(state, ONE)
        assert state.known_schema(*WHERE) == plan().known
        assert [r.change for r in state.schema_changes(ONE)] == [GONE, ADDED]
        assert state.schema_changes(TWO) == []

    def test_settling_twice_is_settling_once(self, state: State) -> None:
        state.plan_schema(ONE, *WHERE, plan(1, GONE))

        assert (settle(state, ONE), settle(state, ONE)) == (True, False)
        assert len(state.schema_changes(ONE)) == 1

    def test_a_retry_that_found_the_schema_back_replaces_the_plan(self, state: State) -> None:
        state.plan_schema(ONE, *WHERE, plan(1, GONE))
        state.plan_schema(ONE, *WHERE, plan(1, ADDED))
        settle(state, ONE)

        assert [r.change for r in state.schema_changes(ONE)] == [ADDED]

    def test_a_plan_for_another_contract_is_not_settled(self, state: State) -> None:
        state.plan_schema(ONE, *WHERE, plan(1, GONE))

        assert not settle(state, ONE, fingerprint="another")
        assert state.known_schema(*WHERE) is None

    def test_of_two_runs_that_met_the_same_change_the_first_records_it(self, state: State) -> None:
        for run in (ONE, TWO):
            state.plan_schema(run, *WHERE, plan(1, GONE))

        assert (settle(state, TWO), settle(state, ONE)) == (True, False)
        assert [len(state.schema_changes(run)) for run in (ONE, TWO)] == [0, 1]

    def test_a_run_that_planned_on_older_knowledge_changes_nothing(self, state: State) -> None:
        for version in (1, 2):
            state.plan_schema(ONE, *WHERE, plan(version))
            settle(state, ONE)
        state.plan_schema(TWO, *WHERE, replace(plan(2, GONE), known=KnownSchema((), 2)))

        assert not settle(state, TWO)
        assert state.known_schema(*WHERE) == plan(2).known

    def test_a_plan_that_changes_nothing_is_nothing_to_settle(self, state: State) -> None:
        same = KnownSchema((NAME,), 3)
        state.plan_schema(ONE, *WHERE, SchemaPlan(same, 3, "f"))

        assert not settle(state, ONE)

    def test_a_notice_is_claimed_once_until_it_is_taken_back(self, state: State) -> None:
        state.plan_schema(ONE, *WHERE, plan(1, GONE))
        settle(state, ONE)

        claims = [len(state.claim_schema_notice(dag, at=AT)) for dag in ("another", ONE.dag_id, ONE.dag_id)]
        state.withdraw_schema_notice(ONE.dag_id, at=AT + timedelta(seconds=1))
        claims.append(len(state.claim_schema_notice(ONE.dag_id, at=AT)))
        state.withdraw_schema_notice(ONE.dag_id, at=AT)
        claims.append(len(state.claim_schema_notice(ONE.dag_id, at=AT)))

        assert claims == [0, 1, 0, 0, 1]
        assert len(state.schema_changes(ONE)) == 1

    def test_a_recorded_change_is_published_with_its_run(self, state: State) -> None:
        state.plan_schema(ONE, *WHERE, plan(1, GONE))
        settle(state, ONE)

        columns, rows = state.ops_rows("schema_changes", ONE)

        assert [dict(zip(columns, row, strict=True)) for row in rows] == [
            {
                "dag_id": ONE.dag_id, "run_id": ONE.run_id, "source": "salesforce", "object_name": "Account",
                "change_id": "id-1", "kind": "removed", "severity": "high", "field_name": "Name", "column_name": "name",
                "before_value": "string(80)", "after_value": "removed", "action": "kept", "sentence": "Name is gone.",
                "found_at": AT,
            }
        ]  # fmt: skip
