"""What became of the marts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from crm_patterns.core.marts import MartBuild, MartState
from crm_patterns.core.ports import RunKey
from crm_patterns.state import tables as t
from crm_patterns.state.upserts import insert_or_update


def record(connection: Connection, run: RunKey, build: MartBuild) -> None:
    row = {
        **asdict(run),
        "mart": build.mart,
        "state": build.state.value,
        "reason": build.reason,
        "row_count": build.rows,
        "versions": json.dumps(dict(build.versions), sort_keys=True),
        "docs_url": build.docs_url,
        "started_at": build.started_at,
        "finished_at": build.finished_at,
    }
    insert_or_update(connection, t.mart_builds, row)


def of_run(connection: Connection, run: RunKey) -> Sequence[MartBuild]:
    query = sa.select(t.mart_builds).filter_by(**asdict(run)).order_by(t.mart_builds.c.mart)
    return [_build(row) for row in connection.execute(query)]


def last_built(connection: Connection, mart: str) -> MartBuild | None:
    known = t.mart_builds.c
    query = sa.select(t.mart_builds).where(known.mart == mart, known.state == MartState.BUILT.value)
    row = connection.execute(query.order_by(known.finished_at.desc()).limit(1)).first()
    return _build(row) if row is not None else None


def _build(row: Row[Any]) -> MartBuild:
    return MartBuild(
        mart=row.mart,
        state=MartState(row.state),
        reason=row.reason,
        rows=row.row_count,
        versions=json.loads(row.versions),
        docs_url=row.docs_url,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
