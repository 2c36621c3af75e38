"""Marks on the source's log of deletions, and when ids were last compared."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crm_patterns.core.ports import DeletionProgress, RunKey
from crm_patterns.state import tables as t
from crm_patterns.state.upserts import insert_new


def deletion_progress(connection: Connection, source: str, object_name: str) -> DeletionProgress:
    row = connection.execute(sa.select(t.deletion_marks).filter_by(source=source, object_name=object_name)).first()
    return DeletionProgress(row.covered_until, row.compared_at, row.gap) if row else DeletionProgress()


def advance_deletions(
    connection: Connection, source: str, object_name: str, *, to: datetime, gap: str, run: RunKey
) -> None:
    known = t.deletion_marks.c
    key = {"source": source, "object_name": object_name}
    insert_new(connection, t.deletion_marks, [key])
    moved = {"covered_until": to, "moved_by_dag_id": run.dag_id, "moved_by_run_id": run.run_id}
    behind = sa.or_(known.covered_until.is_(None), known.covered_until < to)
    connection.execute(sa.update(t.deletion_marks).filter_by(**key).where(behind).values(moved))
    if gap:
        connection.execute(sa.update(t.deletion_marks).filter_by(**key).where(known.gap == "").values(gap=gap))


def record_comparison(connection: Connection, source: str, object_name: str, *, at: datetime) -> None:
    key = {"source": source, "object_name": object_name}
    insert_new(connection, t.deletion_marks, [key])
    connection.execute(sa.update(t.deletion_marks).filter_by(**key).values(compared_at=at, gap=""))
