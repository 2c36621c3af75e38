"""Intents: noted before something is written outside, settled together with what it means for links and agreements."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crm_patterns.core.changes import Agreement, Change, Fate, LinkEnds, RecordOutcome, Side
from crm_patterns.core.ports import RunKey
from crm_patterns.core.ports.intents import Intent, Settlement
from crm_patterns.core.staging import StageRef
from crm_patterns.state import tables as t
from crm_patterns.state.database import Transactions
from crm_patterns.state.links import agree, chunks, end_link, links_of, make_links
from crm_patterns.state.upserts import Row, insert_new, insert_or_replace, insert_or_update


class IntentMethods:
    """The port `IntentStore`, for whoever has `_read` and `_write`; one transaction per method."""

    def begin_writes(
        self: Transactions, run: RunKey, changes: Sequence[Change], *, at: datetime, anew: bool = False
    ) -> Mapping[str, Intent]:
        with self._write() as connection:
            return begin(connection, run, changes, at, anew=anew)

    def take_over_writes(
        self: Transactions, run: RunKey, change_ids: Sequence[str], *, before: datetime
    ) -> Sequence[str]:
        with self._write() as connection:
            return take_over(connection, run, change_ids, before)

    def settle_writes(
        self: Transactions, run: RunKey, settled: Sequence[Settlement], *, at: datetime
    ) -> Sequence[LinkEnds]:
        with self._write() as connection:
            return settle(connection, run, settled, at)

    def outcomes_of(self: Transactions, run: RunKey) -> Mapping[str, RecordOutcome]:
        query = sa.select(t.intents).filter_by(**asdict(run)).where(t.intents.c.settled_at.is_not(None))
        with self._read() as connection:
            return {row.change_id: _outcome_of(row) for row in connection.execute(query)}

    def intents(self: Transactions, change_ids: Sequence[str]) -> Mapping[str, Intent]:
        with self._read() as connection:
            return _known(connection, change_ids)

    def remember_plan(self: Transactions, run: RunKey, name: str, plan: StageRef) -> None:
        with self._write() as connection:
            insert_or_update(connection, t.plans, {**asdict(run), "name": name, "plan": json.dumps(plan.to_xcom())})

    def plans(self: Transactions, run: RunKey) -> Mapping[str, StageRef]:
        query = sa.select(t.plans).filter_by(**asdict(run)).order_by(t.plans.c.name)
        with self._read() as connection:
            return {row.name: StageRef.from_xcom(json.loads(row.plan)) for row in connection.execute(query)}


def begin(
    connection: Connection, run: RunKey, changes: Sequence[Change], at: datetime, *, anew: bool
) -> Mapping[str, Intent]:
    ids = [change.change_id for change in changes]
    known = _locked(connection, ids)
    rows = [_row(run, change, at, known.get(change.change_id)) for change in changes]
    insert_new(connection, t.intents, [row for row in rows if row["change_id"] not in known])
    again = [
        row for row in rows if row["change_id"] in known and _starts_again(known[row["change_id"]], run, anew=anew)
    ]
    insert_or_replace(connection, t.intents, again)
    noted = _locked(connection, [change_id for change_id in ids if change_id not in known])
    return known | {change_id: intent for change_id, intent in noted.items() if intent.run != run}


def _row(run: RunKey, change: Change, at: datetime, earlier: Intent | None) -> Row:
    return {
        "change_id": change.change_id,
        "system": change.system,
        "object_name": change.object_name,
        "record_key": change.key,
        "action": change.action.value,
        **asdict(run),
        "written_at": at,
        "tries": earlier.tries if earlier is not None else 0,
        **_BLANK,
    }


def take_over(connection: Connection, run: RunKey, change_ids: Sequence[str], before: datetime) -> Sequence[str]:
    noted = t.intents.c
    taken: list[str] = []
    for some in chunks(change_ids):
        is_free = (noted.settled_at.is_(None)) & (noted.written_at < before)
        claimed = sa.update(t.intents).where(noted.change_id.in_(some), is_free).values(**asdict(run))
        taken += connection.execute(claimed.returning(noted.change_id)).scalars()
    return sorted(taken)


def settle(connection: Connection, run: RunKey, settled: Sequence[Settlement], at: datetime) -> Sequence[LinkEnds]:
    for each in settled:
        if each.stays_open:
            own = t.intents.c.change_id == each.outcome.change_id
            connection.execute(sa.update(t.intents).where(own).values(tries=t.intents.c.tries + 1))
        else:
            _write_outcome(connection, run, each.outcome, at)
        if each.outcome.fate is Fate.DELETED and each.change.link is not None:
            end_link(connection, each.change.link.link_id, "its record was deleted by us", run, at)
    accepted = [
        (each.change, each.change.link.filled(each.outcome.record_id))
        for each in settled
        if each.outcome.is_accepted and each.change.link is not None and each.outcome.fate is not Fate.DELETED
    ]
    refused = make_links(connection, list(dict.fromkeys(link for _, link in accepted)), run, at)
    agree(connection, _agreed(connection, [(c, link) for c, link in accepted if link not in refused]), run, at)
    return refused


def _agreed(
    connection: Connection, accepted: Sequence[tuple[Change, LinkEnds]]
) -> Iterator[tuple[str, str, Agreement]]:
    """Under the id that the link of the two records has, which an earlier one may have given it."""
    for pairing in {link.pairing for _, link in accepted}:
        of_pairing = [(change, link) for change, link in accepted if link.pairing == pairing]
        there = links_of(connection, pairing, Side.LEFT, [link.left_id for _, link in of_pairing])
        for change, link in of_pairing:
            for each in change.fields:
                if each.agreement is not None:
                    yield there[link.left_id].link_id, each.agreed_name, each.agreement


_BLANK = {"settled_at": None, "fate": "", "record_id": "", "reason": "", "rule": "", "field_name": "", "allowed": ""}


def _starts_again(earlier: Intent, run: RunKey, *, anew: bool) -> bool:
    if earlier.outcome is None:
        return False
    if earlier.outcome.fate is Fate.REJECTED:
        return anew
    return earlier.run != run or earlier.outcome.fate is Fate.DEFERRED


def _locked(connection: Connection, change_ids: Sequence[str]) -> dict[str, Intent]:
    """What is known of them; where the database knows row locks, nobody else changes it until we are done."""
    return _known(connection, change_ids, locks=True)


def _known(connection: Connection, change_ids: Sequence[str], *, locks: bool = False) -> dict[str, Intent]:
    found: dict[str, Intent] = {}
    for some in chunks(change_ids):
        query = sa.select(t.intents).where(t.intents.c.change_id.in_(some)).order_by(t.intents.c.change_id)
        for row in connection.execute(query.with_for_update() if locks else query):
            outcome = _outcome_of(row) if row.settled_at is not None else None
            found[row.change_id] = Intent(
                row.change_id, RunKey(row.dag_id, row.run_id), row.written_at, row.tries, outcome
            )
    return found


def _write_outcome(connection: Connection, run: RunKey, outcome: RecordOutcome, at: datetime) -> None:
    values = {**asdict(outcome), "fate": outcome.fate.value, "allowed": json.dumps(outcome.allowed), "settled_at": at}
    noted = t.intents.c
    tries = noted.tries + 1 if outcome.fate is Fate.DEFERRED else 0
    statement = sa.update(t.intents).where(noted.change_id == values.pop("change_id"))
    connection.execute(statement.values(**values, **asdict(run), tries=tries))


def _outcome_of(row: sa.Row[tuple[str, ...]]) -> RecordOutcome:
    values = row._mapping
    plain = {name: values[name] for name in ("change_id", "record_id", "reason", "rule", "field_name")}
    outcome = RecordOutcome(fate=Fate(values["fate"]), **plain)
    return replace(outcome, allowed=tuple(json.loads(values["allowed"] or "[]")))
