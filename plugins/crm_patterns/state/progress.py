"""How far work has come: watermarks, claimed windows, jobs at sources, attempt tables, publish plans."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.outcomes import Tally
from crm_patterns.core.ports import KeyRange, PlannedPublish, ReadRequest, RememberedJob, RunKey, Slice, Table
from crm_patterns.core.staging import StageRef
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.state import tables as t
from crm_patterns.state.database import Transactions
from crm_patterns.state.upserts import insert_new, insert_or_update


class ProgressMethods:
    """How far work has come, for whoever has transactions; one of them per method."""

    def watermark(self: Transactions, source: str, object_name: str) -> datetime | None:
        with self._read() as connection:
            return watermark(connection, source, object_name)

    def advance_watermark(self: Transactions, source: str, object_name: str, *, to: datetime, run: RunKey) -> None:
        with self._write() as connection:
            advance_watermark(connection, source, object_name, to, run)

    def claim_window(self: Transactions, run: RunKey, source: str, object_name: str, proposed: Window) -> Window:
        with self._write() as connection:
            return claim_window(connection, run, source, object_name, proposed)

    def remember_job(self: Transactions, run: RunKey, source: str, job: RememberedJob) -> None:
        with self._write() as connection:
            remember_job(connection, run, source, job)

    def remembered_job(self: Transactions, run: RunKey, source: str, object_name: str) -> RememberedJob | None:
        with self._read() as connection:
            return remembered_job(connection, run, source, object_name)

    def forget_job(self: Transactions, run: RunKey, source: str, object_name: str) -> None:
        with self._write() as connection:
            forget_job(connection, run, source, object_name)

    def remember_attempt_table(self: Transactions, run: RunKey, object_name: str, table: Table) -> None:
        with self._write() as connection:
            remember_attempt_table(connection, run, object_name, table, self._clock())

    def attempt_tables(
        self: Transactions, *, older_than: datetime | None = None, run: RunKey | None = None
    ) -> Sequence[tuple[str, Table]]:
        with self._read() as connection:
            return attempt_tables(connection, older_than, run)

    def forget_attempt_table(self: Transactions, table: Table) -> None:
        with self._write() as connection:
            forget_attempt_table(connection, table)

    def plan_publish(
        self: Transactions, run: RunKey, object_name: str, attempt_id: str, planned: Tally, *,
        stage: StageRef | None = None,
    ) -> Tally:  # fmt: skip
        with self._write() as connection:
            return plan_publish(connection, run, object_name, attempt_id, planned, stage)

    def planned_publish(self: Transactions, run: RunKey, object_name: str, attempt_id: str) -> Tally | None:
        with self._read() as connection:
            return planned_publish(connection, run, object_name, attempt_id)

    def planned_publishes(self: Transactions, run: RunKey, object_name: str) -> Sequence[PlannedPublish]:
        with self._read() as connection:
            return planned_publishes(connection, run, object_name)


def watermark(connection: Connection, source: str, object_name: str) -> datetime | None:
    query = sa.select(t.watermarks.c.watermark).where(
        t.watermarks.c.source == source, t.watermarks.c.object_name == object_name
    )
    return connection.execute(query).scalar()


def advance_watermark(connection: Connection, source: str, object_name: str, to: datetime, run: RunKey) -> None:
    row = {
        "source": source,
        "object_name": object_name,
        "watermark": to,
        "moved_by_dag_id": run.dag_id,
        "moved_by_run_id": run.run_id,
    }
    insert_or_update(connection, t.watermarks, row, where=t.watermarks.c.watermark < to)


def claim_window(connection: Connection, run: RunKey, source: str, object_name: str, proposed: Window) -> Window:
    key = {**asdict(run), "source": source, "object_name": object_name}
    insert_new(connection, t.window_claims, [{**key, **window_columns(proposed)}])
    row = connection.execute(sa.select(t.window_claims).filter_by(**key)).one()
    window = window_of(row._mapping)
    assert window is not None  # noqa: S101 - a claim's end is not null
    return window


def window_columns(window: Window | None) -> dict[str, Any]:
    if window is None:
        return {"window_start": None, "window_end": None, "window_kind": None}
    return {"window_start": window.start, "window_end": window.end, "window_kind": window.kind.value}


def window_of(row: Mapping[Any, Any]) -> Window | None:
    if row["window_end"] is None:
        return None
    return Window(row["window_start"], row["window_end"], WindowKind(row["window_kind"]))


def remember_job(connection: Connection, run: RunKey, source: str, job: RememberedJob) -> None:
    window = job.request.window.to_json()
    request = {
        **asdict(job.request),
        "window": window,
        "method_reason": job.method_reason,
        "slices": [_slice_json(piece) for piece in job.slices],
    }
    row = {
        **asdict(run),
        "source": source,
        "object_name": job.request.object_name,
        "job_id": job.job_id,
        "request": json.dumps(request),
        "contract": json.dumps(job.contract.to_json()),
        "source_count": job.source_count,
        "submitted_at": job.submitted_at,
    }
    insert_or_update(connection, t.source_jobs, row)


def remembered_job(connection: Connection, run: RunKey, source: str, object_name: str) -> RememberedJob | None:
    query = sa.select(t.source_jobs).filter_by(**asdict(run), source=source, object_name=object_name)
    row = connection.execute(query).first()
    if row is None:
        return None
    request = json.loads(row.request)
    method_reason = request.pop("method_reason", "")
    slices = tuple(_slice_of(piece) for piece in request.pop("slices", ()))
    keys = request.get("keys")
    request |= {
        "window": Window.from_json(request["window"]),
        "fields": tuple(request["fields"]),
        "keys": KeyRange(**keys) if keys else None,
    }
    return RememberedJob(
        job_id=row.job_id,
        request=ReadRequest(**request),
        contract=ObjectContract.from_json(json.loads(row.contract)),
        source_count=row.source_count,
        submitted_at=row.submitted_at,
        method_reason=method_reason,
        slices=slices,
    )


def _slice_json(piece: Slice) -> dict[str, Any]:
    at = piece.submitted_at
    return {**asdict(piece), "window": piece.window.to_json(), "submitted_at": at and at.isoformat()}


def _slice_of(data: Mapping[str, Any]) -> Slice:
    at = data["submitted_at"]
    moment = datetime.fromisoformat(at) if at else None
    return Slice(**{**data, "window": Window.from_json(data["window"]), "submitted_at": moment})


def forget_job(connection: Connection, run: RunKey, source: str, object_name: str) -> None:
    key = {**asdict(run), "source": source, "object_name": object_name}
    connection.execute(sa.delete(t.source_jobs).filter_by(**key))


def remember_attempt_table(connection: Connection, run: RunKey, object_name: str, table: Table, at: datetime) -> None:
    row = {
        **asdict(run),
        "object_name": object_name,
        "table_schema": table.schema,
        "table_name": table.name,
        "remembered_at": at,
    }
    insert_new(connection, t.attempt_tables, [row])


def attempt_tables(
    connection: Connection, older_than: datetime | None, run: RunKey | None
) -> Sequence[tuple[str, Table]]:
    known = t.attempt_tables.c
    query = sa.select(known.object_name, known.table_schema, known.table_name)
    if older_than is not None:
        query = query.where(known.remembered_at < older_than)
    if run is not None:
        query = query.filter_by(**asdict(run))
    query = query.order_by(known.remembered_at, known.table_schema, known.table_name)
    return [(row.object_name, Table(row.table_schema, row.table_name)) for row in connection.execute(query)]


def forget_attempt_table(connection: Connection, table: Table) -> None:
    key = {"table_schema": table.schema, "table_name": table.name}
    connection.execute(sa.delete(t.attempt_tables).filter_by(**key))


def plan_publish(
    connection: Connection, run: RunKey, object_name: str, attempt_id: str, planned: Tally, stage: StageRef | None
) -> Tally:
    key = {**asdict(run), "object_name": object_name, "attempt_id": attempt_id}
    where = json.dumps(stage.to_xcom()) if stage else ""
    insert_new(connection, t.publish_plans, [{**key, **planned.to_json(), "stage_ref": where}])
    row = connection.execute(sa.select(t.publish_plans).filter_by(**key)).one()
    return tally_of(row._mapping)


def planned_publish(connection: Connection, run: RunKey, object_name: str, attempt_id: str) -> Tally | None:
    key = {**asdict(run), "object_name": object_name, "attempt_id": attempt_id}
    row = connection.execute(sa.select(t.publish_plans).filter_by(**key)).first()
    return tally_of(row._mapping) if row is not None else None


def planned_publishes(connection: Connection, run: RunKey, object_name: str) -> Sequence[PlannedPublish]:
    plans = t.publish_plans
    query = sa.select(plans).filter_by(**asdict(run), object_name=object_name).where(plans.c.stage_ref != "")
    return [
        PlannedPublish(row.attempt_id, StageRef.from_xcom(json.loads(row.stage_ref)), tally_of(row._mapping))
        for row in connection.execute(query.order_by(plans.c.attempt_id))
    ]


def tally_of(row: Mapping[Any, Any]) -> Tally:
    return Tally(**{name: row[name] for name in t.TALLY_COLUMNS})
