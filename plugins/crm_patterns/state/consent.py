"""The ledger of restrictions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa

from crm_patterns.core.ports import Lifted, Restriction, RunKey
from crm_patterns.state import tables as t
from crm_patterns.state.database import Transactions
from crm_patterns.state.links import chunks
from crm_patterns.state.upserts import insert_new_returning


class ConsentMethods:
    """The port `ConsentStore`, for whoever has `_read` and `_write`; one transaction per method."""

    def note_consent(
        self: Transactions, run: RunKey, restrictions: Iterable[Restriction], lifted: Iterable[Lifted], *, at: datetime
    ) -> int:
        noted, new = t.consent.c, 0
        with self._write() as connection:
            for each in sorted(set(lifted), key=lambda one: (one.system, one.record_id, one.field_name)):
                connection.execute(sa.delete(t.consent).filter_by(**asdict(each)))
            rows = [{**asdict(each), **asdict(run), noted.noted_at.name: at} for each in dict.fromkeys(restrictions)]
            for row in rows:
                new += len(insert_new_returning(connection, t.consent, [row]))
        return new

    def restrictions_of(self: Transactions, emails: Iterable[str]) -> Sequence[Restriction]:
        found: list[Restriction] = []
        with self._read() as connection:
            for some in chunks(sorted({email for email in emails if email})):
                query = sa.select(t.consent).where(t.consent.c.email.in_(some))
                found += [
                    Restriction(r.email, r.restriction, r.system, r.object_name, r.record_id, r.field_name)
                    for r in connection.execute(query)
                ]
        return sorted(found, key=lambda r: (r.email, r.restriction, r.system, r.record_id, r.field_name))

    def restricted_since(self: Transactions, moment: datetime | None) -> tuple[Sequence[str], datetime | None]:
        noted = t.consent.c
        query = sa.select(noted.email, sa.func.max(noted.noted_at).label("last")).group_by(noted.email)
        if moment is not None:
            query = query.where(noted.noted_at > moment)
        with self._read() as connection:
            rows = connection.execute(query).all()
        return sorted(row.email for row in rows), max((row.last for row in rows), default=None)
