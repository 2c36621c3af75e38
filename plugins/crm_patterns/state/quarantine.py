"""Records set aside, and their release."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crm_patterns.core.ports import RunKey
from crm_patterns.core.records import RejectedRow, RejectionClass
from crm_patterns.state import tables as t
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
    for start in range(0, len(keys), _KEYS_PER_STATEMENT):
        some = keys[start : start + _KEYS_PER_STATEMENT]
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
