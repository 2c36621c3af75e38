"""Cycles and shares of the drift audit, findings, and silent changes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crm_patterns.core.drift import AuditCycle, AuditShare, DriftFinding, DriftKind, Settlement, SilentChange
from crm_patterns.core.ports import RunKey
from crm_patterns.state import tables as t
from crm_patterns.state.database import Transactions
from crm_patterns.state.upserts import insert_new, insert_or_update

_SHARE = ("cycle_started_at", "first", "end", "first_key", "end_key", "cutoff")


class DriftMethods:
    """The port `DriftStore`, for whoever has `_read` and `_write`; one transaction per method."""

    def audit_cycle(self: Transactions, source: str, object_name: str) -> AuditCycle | None:
        with self._read() as connection:
            return cycle_of(connection, source, object_name)

    def begin_audit_cycle(self: Transactions, source: str, object_name: str, cycle: AuditCycle) -> None:
        row = {**asdict(cycle), "source": source, "object_name": object_name}
        with self._write() as connection:
            insert_or_update(connection, t.audit_cycles, {**row, "boundaries": json.dumps(cycle.boundaries)})

    def claim_audit(self: Transactions, run: RunKey, source: str, object_name: str, proposed: AuditShare) -> AuditShare:
        row = {**asdict(run), "source": source, "object_name": object_name, **asdict(proposed)}
        with self._write() as connection:
            insert_new(connection, t.audit_shares, [row])
            return share_of(connection, run, source, object_name) or proposed

    def audit_share(self: Transactions, run: RunKey, source: str, object_name: str) -> AuditShare | None:
        with self._read() as connection:
            return share_of(connection, run, source, object_name)

    def prove_audit(self: Transactions, run: RunKey, source: str, object_name: str) -> None:
        with self._write() as connection:
            share = share_of(connection, run, source, object_name)
            if share is not None:
                known = t.audit_cycles.c
                behind = (known.started_at == share.cycle_started_at) & (known.proven < share.end)
                own = (known.source == source) & (known.object_name == object_name)
                connection.execute(sa.update(t.audit_cycles).where(own, behind).values(proven=share.end))

    def record_findings(
        self: Transactions, run: RunKey, object_name: str, findings: Sequence[DriftFinding], *, at: datetime
    ) -> None:
        with self._write() as connection:
            for finding in findings:
                record_finding(connection, run, object_name, finding, at)

    def findings(self: Transactions, run: RunKey, object_name: str | None = None) -> Sequence[tuple[str, DriftFinding]]:
        with self._read() as connection:
            return findings_of(connection, run, object_name)

    def record_silent_changes(
        self: Transactions, run: RunKey, object_name: str, rows_by_field: Mapping[tuple[str, str], int], *,
        at: datetime,
    ) -> None:  # fmt: skip
        changed = t.silent_changes.c
        with self._write() as connection:
            for (column, field_name), rows in rows_by_field.items():
                row = {**asdict(run), "object_name": object_name, "column_name": column, "field_name": field_name}
                row |= {"changed_rows": rows, "found_at": at}
                insert_or_update(connection, t.silent_changes, row, where=changed.changed_rows < rows)

    def silent_changes(self: Transactions, run: RunKey) -> Sequence[SilentChange]:
        with self._read() as connection:
            return silent_changes_of(connection, run)


def cycle_of(connection: Connection, source: str, object_name: str) -> AuditCycle | None:
    row = connection.execute(sa.select(t.audit_cycles).filter_by(source=source, object_name=object_name)).first()
    return AuditCycle(row.started_at, tuple(json.loads(row.boundaries)), row.proven) if row else None


def share_of(connection: Connection, run: RunKey, source: str, object_name: str) -> AuditShare | None:
    query = sa.select(t.audit_shares).filter_by(**asdict(run), source=source, object_name=object_name)
    row = connection.execute(query).first()
    return AuditShare(**{name: row._mapping[name] for name in _SHARE}) if row else None


def record_finding(connection: Connection, run: RunKey, object_name: str, finding: DriftFinding, at: datetime) -> None:
    row = {
        **asdict(run),
        "object_name": object_name,
        "record_key": finding.record_key,
        "column_name": finding.column,
        "kind": finding.kind.value,
        "bucket": finding.bucket,
        "warehouse_value": finding.warehouse_value,
        "source_value": finding.source_value,
        "settlement": finding.settlement.value,
        "found_at": at,
        "settled_at": None,
    }
    insert_new(connection, t.drift_findings, [row])
    if finding.settlement is not Settlement.OPEN:
        key = {name: row[name] for name in ("dag_id", "run_id", "object_name", "record_key", "column_name")}
        settled = {"settlement": finding.settlement.value, "settled_at": at}
        connection.execute(sa.update(t.drift_findings).filter_by(**key).values(**settled))


def findings_of(connection: Connection, run: RunKey, object_name: str | None) -> Sequence[tuple[str, DriftFinding]]:
    known = t.drift_findings
    query = sa.select(known).filter_by(**asdict(run))
    if object_name is not None:
        query = query.filter_by(object_name=object_name)
    return [
        (
            row.object_name,
            DriftFinding(
                DriftKind(row.kind), row.record_key, row.column_name, row.bucket, row.warehouse_value,
                row.source_value, Settlement(row.settlement),
            ),
        )
        for row in connection.execute(query.order_by(known.c.object_name, known.c.record_key, known.c.column_name))
    ]  # fmt: skip


def silent_changes_of(connection: Connection, run: RunKey) -> Sequence[SilentChange]:
    known, earlier = t.silent_changes, t.silent_changes.alias("earlier")
    same_column = (earlier.c.object_name == known.c.object_name) & (earlier.c.column_name == known.c.column_name)
    other_run = (earlier.c.dag_id != known.c.dag_id) | (earlier.c.run_id != known.c.run_id)
    before = sa.exists().where(same_column, other_run, earlier.c.found_at <= known.c.found_at)
    query = sa.select(known, before.label("is_known")).filter_by(**asdict(run))
    return [
        SilentChange(row.object_name, row.column_name, row.field_name, row.changed_rows, is_new=not row.is_known)
        for row in connection.execute(query.order_by(known.c.object_name, known.c.column_name))
    ]
