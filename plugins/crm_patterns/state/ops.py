"""The published datasets of one run, read with the columns of `core.ops` in their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select
from sqlalchemy.engine import Connection

from crm_patterns.core.changes import Action
from crm_patterns.core.errors import StopRun
from crm_patterns.core.ops import OPS_DATASETS
from crm_patterns.core.outcomes import RunState
from crm_patterns.core.ports import RunKey
from crm_patterns.state import tables as t

Query = Select[Any]
_COUNTED = (RunState.SUCCESS, RunState.PARTIAL, RunState.FAILED, RunState.SKIPPED, RunState.DEFERRED)
_TALLY = {name: f"records_{name}" for name in t.TALLY_COLUMNS}


def ops_rows(connection: Connection, dataset: str, run: RunKey) -> tuple[Sequence[str], Sequence[tuple[Any, ...]]]:
    if dataset not in OPS_DATASETS:
        raise StopRun(f"There is no published dataset {dataset!r}; there are {', '.join(OPS_DATASETS)}.")
    columns = tuple(column.name for column in OPS_DATASETS[dataset])
    selected = _QUERIES[dataset](run).subquery()
    keys = [selected.c[column.name] for column in OPS_DATASETS[dataset] if column.is_key]
    query = sa.select(*(selected.c[name] for name in columns)).order_by(*keys)
    return columns, [tuple(row) for row in connection.execute(query)]


def _runs(run: RunKey) -> Query:
    found = t.outcomes.c

    def total(value: ColumnElement[Any]) -> ColumnElement[int]:
        """An integer on both: PostgreSQL's sum of bigints is a numeric."""
        summed = sa.select(sa.func.coalesce(sa.func.sum(value), 0)).where(_same_run(t.outcomes, t.runs))
        return sa.cast(summed.scalar_subquery(), sa.BigInteger)

    def in_state(state: RunState) -> ColumnElement[int]:
        return total(sa.case((found.state == state.value, 1), else_=0)).label(f"objects_{state.value}")

    named = found.object_name + ": " + found.problem
    problem = (
        sa.select(named)
        .where(_same_run(t.outcomes, t.runs), found.state == RunState.FAILED.value)
        .order_by(found.object_name)
        .limit(1)
    )
    made = sa.select(sa.func.coalesce(sa.func.sum(t.calls.c.calls_made), 0)).where(_same_run(t.calls, t.runs))
    return sa.select(
        t.runs,
        total(sa.literal(1)).label("objects"),
        *(in_state(state) for state in _COUNTED),
        *(total(found[name]).label(published) for name, published in _TALLY.items()),
        sa.cast(made.scalar_subquery(), sa.BigInteger).label("calls"),
        sa.func.coalesce(problem.scalar_subquery(), "").label("problem"),
    ).filter_by(**asdict(run))


def _outcomes(run: RunKey) -> Query:
    plain = [column for column in t.outcomes.columns if column.name not in _TALLY]
    source = sa.select(t.runs.c.source).where(_same_run(t.runs, t.outcomes)).scalar_subquery()
    return sa.select(
        *plain,
        *(t.outcomes.c[name].label(published) for name, published in _TALLY.items()),
        sa.func.coalesce(source, "").label("source"),
    ).where(_is_run(t.outcomes, run))


def _quarantine(run: RunKey) -> Query:
    """What the run set aside and what it released: a release changes a row that an earlier run published."""
    held, earlier = t.quarantine.c, t.quarantine.alias("earlier")
    same_fault = [
        earlier.c[name] == held[name] for name in ("source", "object_name", "record_key", "rule", "field_name")
    ]
    tries = sa.select(sa.func.count()).where(*same_fault, earlier.c.quarantined_at <= held.quarantined_at)
    released = (held.released_by_dag_id == run.dag_id) & (held.released_by_run_id == run.run_id)
    return sa.select(t.quarantine, tries.scalar_subquery().label("tries")).where(_is_run(t.quarantine, run) | released)


def _calls(run: RunKey) -> Query:
    return sa.select(t.calls).where(_is_run(t.calls, run))


def _steps(run: RunKey) -> Query:
    plain = [column for column in t.step_outcomes.columns if column.name not in _TALLY]
    tally = (t.step_outcomes.c[name].label(published) for name, published in _TALLY.items())
    return sa.select(*plain, *tally).where(_is_run(t.step_outcomes, run))


def _schema_changes(run: RunKey) -> Query:
    return sa.select(t.schema_changes).where(_is_run(t.schema_changes, run))


def _mart_builds(run: RunKey) -> Query:
    return sa.select(t.mart_builds).where(_is_run(t.mart_builds, run))


def _drift_findings(run: RunKey) -> Query:
    return sa.select(t.drift_findings).where(_is_run(t.drift_findings, run))


def _silent_changes(run: RunKey) -> Query:
    return sa.select(t.silent_changes).where(_is_run(t.silent_changes, run))


def _writes(run: RunKey) -> Query:
    """What the run was the last to note: a change that a later run redid is that run's. A link writes nothing."""
    return sa.select(t.intents).where(_is_run(t.intents, run), t.intents.c.action != Action.LINK.value)


def _reviews(run: RunKey) -> Query:
    """What the run asked, and what was closed since it began: that changes a row that an earlier run published."""
    asked, linked = t.reviews.c, t.links.c
    began = sa.select(t.runs.c.started_at).where(_is_run(t.runs, run)).scalar_subquery()
    state = sa.case((asked.closed_at.is_not(None), "closed"), (asked.choice != "", "decided"), else_="open")
    ends = (sa.func.coalesce(linked[name], "").label(name) for name in ("left_id", "right_id"))
    return (
        sa.select(t.reviews, state.label("state"), *ends)
        .outerjoin(t.links, asked.link_id == linked.link_id)
        .where(_is_run(t.reviews, run) | (asked.closed_at >= began))
    )


def _is_run(table: sa.Table, run: RunKey) -> ColumnElement[bool]:
    return (table.c.dag_id == run.dag_id) & (table.c.run_id == run.run_id)


def _same_run(one: sa.Table, other: sa.Table) -> ColumnElement[bool]:
    return (one.c.dag_id == other.c.dag_id) & (one.c.run_id == other.c.run_id)


_QUERIES: Mapping[str, Callable[[RunKey], Query]] = MappingProxyType(
    {
        "runs": _runs,
        "outcomes": _outcomes,
        "quarantine": _quarantine,
        "calls": _calls,
        "steps": _steps,
        "schema_changes": _schema_changes,
        "mart_builds": _mart_builds,
        "drift_findings": _drift_findings,
        "silent_changes": _silent_changes,
        "writes": _writes,
        "reviews": _reviews,
    }
)
