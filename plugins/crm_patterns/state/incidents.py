"""Failed runs that were announced, until a later run is green."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crm_patterns.core.ports import RunKey
from crm_patterns.state import tables as t
from crm_patterns.state.database import Transactions
from crm_patterns.state.upserts import insert_or_update


class IncidentMethods:
    """Incidents and deferrals, for whoever has transactions; one of them per method."""

    def open_incident(self: Transactions, dag_id: str, *, run: RunKey, problem: str, at: datetime) -> bool:
        with self._write() as connection:
            return open_incident(connection, dag_id, run, problem, at)

    def close_incident(self: Transactions, dag_id: str, *, at: datetime) -> str | None:
        """Closes all of the DAG's; returns the problem of the newest."""
        with self._write() as connection:
            return close_incident(connection, dag_id, at)

    def withdraw_incident(self: Transactions, dag_id: str, *, run: RunKey) -> None:
        """Take back an incident that could not be announced, so that the next failure of this run is."""
        with self._write() as connection:
            withdraw_incident(connection, dag_id, run)

    def settle_deferral(
        self: Transactions, scope: str, *, deferred: Mapping[str, str], caught_up: Sequence[str], at: datetime
    ) -> DeferralNews:
        """Which objects wait for quota after a run: `deferred` with their problems begin to, `caught_up` end to."""
        with self._write() as connection:
            return settle_deferral(connection, scope, deferred, caught_up, at)


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


@dataclass(frozen=True, slots=True)
class DeferralNews:
    """What a run changed: whether waiting for quota began or ended with it, for which objects of the scope."""

    began: bool
    ended: bool
    waiting: tuple[str, ...]
    reason: str


def settle_deferral(
    connection: Connection, scope: str, deferred: Mapping[str, str], caught_up: Sequence[str], at: datetime
) -> DeferralNews:
    """One incident per waiting object; it begins when the first opens, and ends when the last closes."""
    told = t.incidents.c
    is_open = (told.dag_id == scope) & told.closed_at.is_(None)
    waiting = sa.select(told.run_id, told.problem).where(is_open).order_by(told.run_id)
    before = connection.execute(waiting).all()
    connection.execute(sa.update(t.incidents).where(is_open, told.run_id.in_(caught_up)).values(closed_at=at))
    for object_name, problem in sorted(deferred.items()):
        open_incident(connection, scope, RunKey(scope, object_name), problem, at)
    after = connection.execute(waiting).all()
    told_of = after or before
    return DeferralNews(
        began=bool(after) and not before,
        ended=bool(before) and not after,
        waiting=tuple(row.run_id for row in told_of),
        reason=told_of[0].problem if told_of else "",
    )
