"""Known schemas of objects, plans of runs, and recorded changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from crm_patterns.core.ports import RunKey
from crm_patterns.core.schema_changes import (
    ChangeKind,
    KnownSchema,
    RecordedChange,
    SchemaChange,
    SchemaPlan,
    Severity,
)
from crm_patterns.state import tables as t
from crm_patterns.state.database import Transactions
from crm_patterns.state.upserts import insert_new, insert_or_update


class SchemaMethods:
    """The port `SchemaStore`, for whoever has `_read` and `_write`; one transaction per method."""

    def known_schema(self: Transactions, source: str, object_name: str) -> KnownSchema | None:
        with self._read() as connection:
            return known(connection, source, object_name)

    def plan_schema(self: Transactions, run: RunKey, source: str, object_name: str, plan: SchemaPlan) -> None:
        row = {**asdict(run), "source": source, "object_name": object_name, "document": json.dumps(plan.to_json())}
        with self._write() as connection:
            insert_or_update(connection, t.schema_plans, row)

    def planned_schema(self: Transactions, run: RunKey, source: str, object_name: str) -> SchemaPlan | None:
        with self._read() as connection:
            return planned(connection, run, source, object_name)

    def settle_schema(
        self: Transactions, run: RunKey, source: str, object_name: str, *, fingerprint: str, at: datetime
    ) -> bool:
        with self._write() as connection:
            return settle(connection, run, source, object_name, fingerprint, at)

    def schema_changes(self: Transactions, run: RunKey) -> Sequence[RecordedChange]:
        with self._read() as connection:
            return changes(connection, run)

    def claim_schema_notice(self: Transactions, dag_id: str, *, at: datetime) -> Sequence[RecordedChange]:
        with self._write() as connection:
            return claim_notice(connection, dag_id, at)

    def withdraw_schema_notice(self: Transactions, dag_id: str, *, at: datetime) -> None:
        claimed = sa.update(t.schema_changes).filter_by(dag_id=dag_id, announced_at=at)
        with self._write() as connection:
            connection.execute(claimed.values(announced_at=None))


def known(connection: Connection, source: str, object_name: str) -> KnownSchema | None:
    query = sa.select(t.known_schemas.c.document).filter_by(source=source, object_name=object_name)
    document = connection.execute(query).scalar()
    return KnownSchema.from_json(json.loads(document)) if document is not None else None


def planned(connection: Connection, run: RunKey, source: str, object_name: str) -> SchemaPlan | None:
    query = sa.select(t.schema_plans.c.document).filter_by(**asdict(run), source=source, object_name=object_name)
    document = connection.execute(query).scalar()
    return SchemaPlan.from_json(json.loads(document)) if document is not None else None


def settle(connection: Connection, run: RunKey, source: str, object_name: str, fingerprint: str, at: datetime) -> bool:
    plan = planned(connection, run, source, object_name)
    if plan is None or plan.contract_fingerprint != fingerprint or plan.known.version == plan.base_version:
        return False
    row = {
        "source": source,
        "object_name": object_name,
        "version": plan.known.version,
        "document": json.dumps(plan.known.to_json()),
        "learned_by_dag_id": run.dag_id,
        "learned_by_run_id": run.run_id,
        "learned_at": at,
    }
    is_next = t.known_schemas.c.version == plan.base_version
    if not insert_or_update(connection, t.known_schemas, row, where=is_next):
        return False
    rows = [_row(run, source, object_name, change, at) for change in plan.changes]
    insert_new(connection, t.schema_changes, rows)
    return True


def _row(run: RunKey, source: str, object_name: str, change: SchemaChange, at: datetime) -> dict[str, object]:
    return {
        **asdict(run),
        "source": source,
        "object_name": object_name,
        "change_id": change.change_id,
        "kind": change.kind.value,
        "severity": change.severity.value,
        "field_name": change.field,
        "column_name": change.column,
        "before_value": change.before,
        "after_value": change.after,
        "action": change.action,
        "sentence": change.sentence,
        "found_at": at,
        "announced_at": None,
    }


def changes(connection: Connection, run: RunKey) -> list[RecordedChange]:
    return _gravest_first(connection, sa.select(t.schema_changes).filter_by(**asdict(run)))


def claim_notice(connection: Connection, dag_id: str, at: datetime) -> list[RecordedChange]:
    untold = (t.schema_changes.c.dag_id == dag_id) & t.schema_changes.c.announced_at.is_(None)
    found = _gravest_first(connection, sa.select(t.schema_changes).where(untold))
    if found:
        connection.execute(sa.update(t.schema_changes).where(untold).values(announced_at=at))
    return found


def _gravest_first(connection: Connection, query: sa.Select[Any]) -> list[RecordedChange]:
    grave = list(Severity)
    found = [_change_of(row) for row in connection.execute(query)]
    return sorted(found, key=lambda r: (grave.index(r.change.severity), r.object_name, r.change.field))


def _change_of(row: Row[tuple[object, ...]]) -> RecordedChange:
    values = row._mapping
    change = SchemaChange(
        kind=ChangeKind(values["kind"]),
        field=values["field_name"],
        column=values["column_name"],
        before=values["before_value"],
        after=values["after_value"],
        action=values["action"],
        sentence=values["sentence"],
        severity=Severity(values["severity"]),
        change_id=values["change_id"],
    )
    return RecordedChange(values["object_name"], change)
