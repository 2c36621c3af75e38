"""What unfinished runs hold on to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.state import tables as t


def windows_in_use(connection: Connection, since: datetime) -> Sequence[tuple[str, str, Window]]:
    claims, runs = t.window_claims.c, t.runs.c
    query = (
        sa.select(t.window_claims)
        .join(t.runs, sa.and_(runs.dag_id == claims.dag_id, runs.run_id == claims.run_id))
        .where(runs.finished_at.is_(None), runs.started_at >= since)
        .order_by(claims.source, claims.object_name, claims.window_end)
    )
    return [
        (row.source, row.object_name, Window(row.window_start, row.window_end, WindowKind(row.window_kind)))
        for row in connection.execute(query)
    ]
