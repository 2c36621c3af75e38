"""What a source still grants, noted once per run and kept up to date by the replies to its steps."""

from __future__ import annotations

from dataclasses import asdict, replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crm_patterns.core.ports import Allowance, Grant, RunKey
from crm_patterns.state import tables as t
from crm_patterns.state.upserts import insert_or_update

_GRANTS = ("calls", "jobs", "job_mb")


def note_allowance(connection: Connection, run: RunKey, source: str, allowance: Allowance) -> None:
    grants = {name: getattr(allowance, name) for name in _GRANTS}
    row = {
        **asdict(run),
        "source": source,
        **{f"{name}_left": grant.left for name, grant in grants.items()},
        **{f"{name}_allowed": grant.allowed for name, grant in grants.items()},
        "read_at": allowance.read_at,
    }
    insert_or_update(connection, t.allowances, row)


def allowance(connection: Connection, run: RunKey, source: str) -> Allowance | None:
    row = connection.execute(sa.select(t.allowances).filter_by(**asdict(run), source=source)).first()
    if row is None:
        return None
    values = row._mapping
    grants = {name: Grant(values[f"{name}_left"], values[f"{name}_allowed"]) for name in _GRANTS}
    noted = Allowance(**grants, read_at=values["read_at"])
    told = t.calls.c
    newest = (
        sa.select(told.used, told.allowed)
        .filter_by(**asdict(run), source=source)
        .where(told.reported_at > noted.read_at, told.used.is_not(None), told.allowed.is_not(None))
        .order_by(told.reported_at.desc(), told.used.desc())
        .limit(1)
    )
    reply = connection.execute(newest).first()
    return noted if reply is None else replace(noted, calls=Grant(max(0, reply.allowed - reply.used), reply.allowed))
