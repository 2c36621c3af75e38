"""Records set aside, and their release."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crm_patterns.core.pieces import pieces
from crm_patterns.core.ports import RunKey
from crm_patterns.core.records import RejectedRow, RejectionClass
from crm_patterns.state import tables as t
from crm_patterns.state.database import Transactions
from crm_patterns.state.upserts import Row, insert_new

CHUNK = 5_000
_KEYS_PER_STATEMENT = 500


@dataclass(frozen=True, slots=True)
class RejectionGroup:
    """Records of one object that broke one rule in one run; `reason` is one of theirs: it may quote a value."""

    object_name: str
    rule: str
    field_name: str
    rejection: RejectionClass
    reason: str
    records: int


class QuarantineMethods:
    """Records set aside and their release, for whoever has transactions."""

    def quarantine(
        self: Transactions,
        run: RunKey,
        source: str,
        object_name: str,
        rows: Iterable[RejectedRow],
        *,
        stage_uri: str,
        at: datetime,
    ) -> int:
        """
        One transaction per `CHUNK` rows, so that a slow or endless `rows` neither fills the memory nor holds
        the database: a kill half-way leaves the first chunks, and the retry adds what is missing.
        """
        entries = (entry(run, source, object_name, row, stage_uri=stage_uri, at=at) for row in rows)
        while chunk := list(itertools.islice(entries, CHUNK)):
            with self._write() as connection:
                set_aside(connection, chunk)
        with self._read() as connection:
            return count_keys(connection, run, source, object_name)

    def release(
        self: Transactions, source: str, object_name: str, keys: Iterable[str], *, run: RunKey, at: datetime
    ) -> int:
        """Returns how many distinct keys were released. `keys` may be all those of a run: it is read once, lazily."""
        with self._read() as connection:
            held = set(open_keys(connection, source, object_name))
        accepted = {key for key in keys if key in held} if held else set()
        if not accepted:
            return 0
        with self._write() as connection:
            return release(connection, source, object_name, accepted, run, at)

    def open_quarantine_keys(self: Transactions, source: str, object_name: str) -> Sequence[str]:
        with self._read() as connection:
            return open_keys(connection, source, object_name)

    def rejections(self: Transactions, run: RunKey, *, limit: int) -> Sequence[RejectionGroup]:
        """What the run set aside, by object and broken rule, the most frequent first."""
        with self._read() as connection:
            return rejections(connection, run, limit)


def entry(run: RunKey, source: str, object_name: str, row: RejectedRow, *, stage_uri: str, at: datetime) -> Row:
    return {
        **asdict(run),
        "source": source,
        "object_name": object_name,
        "record_key": row.record_key,
        "rule": row.rule,
        "field_name": row.field_name,
        "rejection": row.rejection.value,
        "reason": row.reason,
        "payload": json.dumps(dict(row.payload), ensure_ascii=False, sort_keys=True),
        "stage_uri": stage_uri,
        "quarantined_at": at,
        "released_at": None,
        "released_by_dag_id": None,
        "released_by_run_id": None,
    }


def set_aside(connection: Connection, entries: Sequence[Row]) -> None:
    insert_new(connection, t.quarantine, entries)


def count_keys(connection: Connection, run: RunKey, source: str, object_name: str) -> int:
    counted = sa.func.count(sa.distinct(t.quarantine.c.record_key))
    query = sa.select(counted).filter_by(**asdict(run), source=source, object_name=object_name)
    return int(connection.execute(query).scalar_one())


def open_keys(connection: Connection, source: str, object_name: str) -> Sequence[str]:
    held = t.quarantine.c
    query = (
        sa.select(held.record_key)
        .distinct()
        .where(held.source == source, held.object_name == object_name, held.released_at.is_(None))
        .order_by(held.record_key)
    )
    return list(connection.execute(query).scalars())


def release(
    connection: Connection, source: str, object_name: str, accepted: Iterable[str], run: RunKey, at: datetime
) -> int:
    """Close what is open of these keys; returns the number of distinct keys closed."""
    keys = sorted(set(accepted))
    held = t.quarantine.c
    for some in pieces(keys, _KEYS_PER_STATEMENT):
        connection.execute(
            sa.update(t.quarantine)
            .where(held.source == source, held.object_name == object_name, held.released_at.is_(None))
            .where(held.record_key.in_(some))
            .values(released_at=at, released_by_dag_id=run.dag_id, released_by_run_id=run.run_id)
        )
    return len(keys)


def rejections(connection: Connection, run: RunKey, limit: int) -> Sequence[RejectionGroup]:
    held = t.quarantine.c
    records = sa.func.count(sa.distinct(held.record_key))
    group = (held.object_name, held.rule, held.field_name, held.rejection)
    query = (
        sa.select(*group, sa.func.min(held.reason).label("reason"), records.label("records"))
        .filter_by(**asdict(run))
        .group_by(*group)
        .order_by(records.desc(), *group)
        .limit(limit)
    )
    return [
        RejectionGroup(
            **{**found._mapping, "rejection": RejectionClass(found.rejection)},
        )
        for found in connection.execute(query)
    ]
