"""What people have approved, until it is done."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa

from crm_patterns.core.ports import RunKey
from crm_patterns.state import tables as t
from crm_patterns.state.database import Transactions
from crm_patterns.state.upserts import insert_or_update


class ApprovalMethods:
    """The port `ApprovalStore`, for whoever has `_read` and `_write`; one transaction per method."""

    def approve(
        self: Transactions, run: RunKey, object_name: str, step: str, *, rows: int, by: str, at: datetime
    ) -> None:
        key = {**asdict(run), "object_name": object_name, "step": step}
        with self._write() as connection:
            row = {**key, "rows_approved": rows, "approved_by": by, "approved_at": at}
            insert_or_update(connection, t.approvals, row)

    def approved_rows(self: Transactions, run: RunKey, object_name: str, step: str) -> int:
        given = sa.select(t.approvals.c.rows_approved).filter_by(**asdict(run), object_name=object_name, step=step)
        with self._read() as connection:
            return connection.execute(given).scalar() or 0

    def withdraw_approval(self: Transactions, run: RunKey, object_name: str, step: str) -> None:
        done = sa.delete(t.approvals).filter_by(**asdict(run), object_name=object_name, step=step)
        with self._write() as connection:
            connection.execute(done)
