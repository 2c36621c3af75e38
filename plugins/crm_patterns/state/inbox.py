"""The inbox: an event is a primary key, an announcement and a claim are conditional updates in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crm_patterns.core.ports import RunKey
from crm_patterns.core.ports.inbox import InboxEvent, InboxLevel, InboxLimits, RefusalCount
from crm_patterns.state import tables as t
from crm_patterns.state.database import Transactions
from crm_patterns.state.links import chunks
from crm_patterns.state.upserts import insert_new_returning, insert_or_update

_NOBODY = {"dag_id": "", "run_id": "", "claimed_at": None}
_EVENT = ("event_id", "system", "object_name", "record_id", "kind", "received_at", "occurred_at")


class InboxMethods:
    """The port `InboxStore`, for whoever has `_read` and `_write`; one transaction per method."""

    def store_events(self: Transactions, events: Sequence[InboxEvent]) -> int:
        rows = {event.event_id: {**asdict(event), "announcements": 0} for event in events}
        if not rows:
            return 0
        with self._write() as connection:
            return len(insert_new_returning(connection, t.inbox, [rows[event_id] for event_id in sorted(rows)]))

    def announce_events(self: Transactions, system: str, *, at: datetime, limits: InboxLimits) -> int:
        """Asks before it takes the lock: most of the time nothing waits."""
        due = _due(system, at, limits)
        with self._read() as connection:
            if connection.execute(sa.select(t.inbox.c.event_id).where(due).limit(1)).first() is None:
                return 0
        marked = {"announced_at": at, "announcements": t.inbox.c.announcements + 1}
        with self._write() as connection:
            return _update(connection, due, marked)

    def claim_events(
        self: Transactions, run: RunKey, system: str, *, at: datetime, limits: InboxLimits
    ) -> Sequence[InboxEvent]:
        with self._write() as connection:
            return claim(connection, run, system, at, limits)

    def claimed_events(self: Transactions, run: RunKey) -> Sequence[InboxEvent]:
        with self._read() as connection:
            return _events(connection, sa.select(t.inbox).where(_own(run)))

    def settle_events(self: Transactions, run: RunKey, *, at: datetime, give_back: Collection[str] = ()) -> int:
        own = _own(run)
        with self._write() as connection:
            for some in chunks(give_back):
                connection.execute(sa.update(t.inbox).where(own, t.inbox.c.event_id.in_(some)).values(**_NOBODY))
            return connection.execute(sa.update(t.inbox).where(own).values(settled_at=at)).rowcount

    def forget_events(self: Transactions, *, before: datetime) -> int:
        with self._write() as connection:
            day = _day(before)
            connection.execute(sa.delete(t.inbox_refusals).where(t.inbox_refusals.c.day < day))
            return connection.execute(sa.delete(t.inbox).where(t.inbox.c.settled_at < before)).rowcount

    def inbox_levels(self: Transactions) -> Mapping[str, InboxLevel]:
        is_claimed = sa.case((t.inbox.c.run_id != "", 1), else_=0)
        query = (
            sa.select(t.inbox.c.system, sa.func.count(), sa.func.sum(is_claimed), sa.func.min(t.inbox.c.received_at))
            .where(t.inbox.c.settled_at.is_(None))
            .group_by(t.inbox.c.system)
        )
        with self._read() as connection:
            return {
                system: InboxLevel(int(every - claimed), int(claimed), oldest)
                for system, every, claimed, oldest in connection.execute(query)
            }

    def count_refusals(self: Transactions, endpoint: str, counts: Mapping[str, int], *, at: datetime) -> None:
        with self._write() as connection:
            for reason, count in sorted(counts.items()):
                row = {"day": _day(at), "endpoint": endpoint, "reason": reason, "refused": count, "last_at": at}
                insert_or_update(connection, t.inbox_refusals, row, added=("refused",))

    def refusals(self: Transactions, *, since: datetime) -> Sequence[RefusalCount]:
        kept = t.inbox_refusals.c
        query = sa.select(t.inbox_refusals).where(kept.day >= _day(since))
        with self._read() as connection:
            found = connection.execute(query.order_by(kept.day.desc(), kept.endpoint, kept.reason))
            return [RefusalCount(row.day, row.endpoint, row.reason, row.refused, row.last_at) for row in found]


def claim(connection: Connection, run: RunKey, system: str, at: datetime, limits: InboxLimits) -> Sequence[InboxEvent]:
    kept = t.inbox.c
    mine = _events(connection, sa.select(t.inbox).where(_own(run), kept.system == system))
    if not mine:
        free = sa.select(t.inbox).where(_free(system, at, limits)).order_by(kept.received_at, kept.event_id)
        mine = _events(connection, free.limit(limits.claimed).with_for_update(skip_locked=True))
    for some in chunks(event.event_id for event in mine):
        claimed = sa.update(t.inbox).where(kept.event_id.in_(some))
        connection.execute(claimed.values(**asdict(run), claimed_at=at))
    if len(mine) >= limits.claimed:
        _update(connection, _free(system, at, limits), {"announced_at": None, "announcements": 0})
    return mine


def _update(connection: Connection, which: sa.ColumnElement[bool], values: Mapping[str, Any]) -> int:
    """How many were updated. Rows that another transaction is busy with are left to it: waiting could be for ever."""
    found = sa.select(t.inbox.c.event_id).where(which).with_for_update(skip_locked=True)
    updated = sa.update(t.inbox).where(t.inbox.c.event_id.in_(found.scalar_subquery())).values(**values)
    return connection.execute(updated).rowcount


def _events(connection: Connection, query: sa.Select[tuple[str, ...]]) -> list[InboxEvent]:
    rows = connection.execute(query).all()
    events = [InboxEvent(**{name: row._mapping[name] for name in _EVENT}) for row in rows]
    return sorted(events, key=lambda event: (event.received_at, event.event_id))


def _own(run: RunKey) -> sa.ColumnElement[bool]:
    kept = t.inbox.c
    return sa.and_(kept.dag_id == run.dag_id, kept.run_id == run.run_id, kept.settled_at.is_(None))


def _free(system: str, at: datetime, limits: InboxLimits) -> sa.ColumnElement[bool]:
    kept = t.inbox.c
    nobody_has_it = sa.or_(kept.run_id == "", kept.claimed_at < at - limits.lease)
    return sa.and_(kept.system == system, kept.settled_at.is_(None), nobody_has_it)


def _due(system: str, at: datetime, limits: InboxLimits) -> sa.ColumnElement[bool]:
    kept = t.inbox.c
    is_time = sa.or_(kept.announced_at.is_(None), kept.announced_at < at - limits.again_after)
    return sa.and_(_free(system, at, limits), is_time, kept.announcements < limits.announcements)


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"
