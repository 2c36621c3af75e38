"""Failed runs that were announced, until a later run is green."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crm_patterns.core.ports import RunKey
from crm_patterns.state import tables as t
from crm_patterns.state.upserts import insert_or_update


def open_incident(connection: Connection, dag_id: str, run: RunKey, problem: str, at: datetime) -> bool:
    row = {"dag_id": dag_id, "run_id": run.run_id, "problem": problem, "opened_at": at, "closed_at": None}
    return insert_or_update(connection, t.incidents, row, where=t.incidents.c.closed_at.is_not(None))


def close_incident(connection: Connection, dag_id: str, at: datetime) -> str | None:
    told = t.incidents.c
    is_open = (told.dag_id == dag_id) & told.closed_at.is_(None)
    newest = sa.select(told.problem).where(is_open).order_by(told.opened_at.desc()).limit(1)
    problem = connection.execute(newest).scalar()
    connection.execute(sa.update(t.incidents).where(is_open).values(closed_at=at))
    return problem


def withdraw_incident(connection: Connection, dag_id: str, run: RunKey) -> None:
    connection.execute(sa.delete(t.incidents).filter_by(dag_id=dag_id, run_id=run.run_id))
