"""Links and agreements. That a record has one counterpart at most is held by unique indexes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crm_patterns.core.changes import Agreement, LinkEnds, Side
from crm_patterns.core.pieces import pieces
from crm_patterns.core.ports import RunKey
from crm_patterns.state import tables as t
from crm_patterns.state.database import Transactions
from crm_patterns.state.upserts import insert_new, insert_or_replace

_AT_ONCE = 500


class LinkMethods:
    """The port `LinkStore`, for whoever has `_read` and `_write`; one transaction per method."""

    def link(self: Transactions, ends: Sequence[LinkEnds], *, run: RunKey, at: datetime) -> Sequence[LinkEnds]:
        with self._write() as connection:
            return make_links(connection, ends, run, at)

    def links(self: Transactions, pairing: str, side: Side, record_ids: Iterable[str]) -> Mapping[str, LinkEnds]:
        with self._read() as connection:
            return links_of(connection, pairing, side, record_ids)

    def move_link(
        self: Transactions, pairing: str, side: Side, *, old_id: str, new_id: str, run: RunKey, at: datetime
    ) -> bool:
        with self._write() as connection:
            return move_link(connection, pairing, side, old_id, new_id, run, at)

    def end_link(self: Transactions, link_id: str, *, reason: str, run: RunKey, at: datetime) -> None:
        with self._write() as connection:
            end_link(connection, link_id, reason, run, at)

    def count_links(self: Transactions, pairing: str) -> int:
        query = sa.select(sa.func.count()).select_from(t.links).where(t.links.c.pairing == pairing)
        with self._read() as connection:
            return int(connection.execute(query).scalar_one())

    def agreements(self: Transactions, link_ids: Iterable[str]) -> Mapping[str, Mapping[str, Agreement]]:
        with self._read() as connection:
            return agreements(connection, link_ids)


def make_links(connection: Connection, ends: Sequence[LinkEnds], run: RunKey, at: datetime) -> Sequence[LinkEnds]:
    insert_new(connection, t.links, [{**asdict(end), **asdict(run), "linked_at": at} for end in ends])
    refused = []
    for pairing in {end.pairing for end in ends}:
        asked = [end for end in ends if end.pairing == pairing]
        there = links_of(connection, pairing, Side.LEFT, [end.left_id for end in asked])
        refused += [e for e in asked if e.left_id not in there or there[e.left_id].right_id != e.right_id]
    return refused


def links_of(connection: Connection, pairing: str, side: Side, record_ids: Iterable[str]) -> Mapping[str, LinkEnds]:
    own = _id_column(side)
    found: dict[str, LinkEnds] = {}
    for some in chunks(record_ids):
        query = sa.select(t.links).where(t.links.c.pairing == pairing, own.in_(some))
        found |= {row._mapping[own.name]: _ends_of(row) for row in connection.execute(query)}
    return found


def move_link(
    connection: Connection, pairing: str, side: Side, old_id: str, new_id: str, run: RunKey, at: datetime
) -> bool:
    link = links_of(connection, pairing, side, [old_id]).get(old_id)
    if link is None or old_id == new_id:
        return False
    if links_of(connection, pairing, side, [new_id]):
        end_link(connection, link.link_id, f"{side} became {new_id}, which is linked", run, at)
        return False
    moved = {_id_column(side).name: new_id}
    connection.execute(sa.update(t.links).where(t.links.c.link_id == link.link_id).values(**moved))
    _note(connection, link, f"{side} became {new_id}", run, at)
    return True


def end_link(connection: Connection, link_id: str, reason: str, run: RunKey, at: datetime) -> None:
    row = connection.execute(sa.select(t.links).where(t.links.c.link_id == link_id)).first()
    if row is None:
        return
    _note(connection, _ends_of(row), reason, run, at)
    for table in (t.agreements, t.links):
        connection.execute(sa.delete(table).where(table.c.link_id == link_id))


def agree(connection: Connection, agreed: Iterable[tuple[str, str, Agreement]], run: RunKey, at: datetime) -> None:
    """(link, name, agreement), each in place of the one before."""
    rows = {
        (link_id, name): {
            "link_id": link_id,
            "name": name,
            "left_print": agreement.left,
            "right_print": agreement.right,
            **asdict(run),
            "agreed_at": at,
        }
        for link_id, name, agreement in agreed
    }
    insert_or_replace(connection, t.agreements, list(rows.values()))


def agreements(connection: Connection, link_ids: Iterable[str]) -> Mapping[str, Mapping[str, Agreement]]:
    found: dict[str, dict[str, Agreement]] = {}
    for some in chunks(link_ids):
        for row in connection.execute(sa.select(t.agreements).where(t.agreements.c.link_id.in_(some))):
            found.setdefault(row.link_id, {})[row.name] = Agreement(row.left_print, row.right_print)
    return found


def _note(connection: Connection, link: LinkEnds, reason: str, run: RunKey, at: datetime) -> None:
    insert_new(connection, t.link_moves, [{**asdict(link), **asdict(run), "reason": reason, "moved_at": at}])


def _id_column(side: Side) -> sa.Column[str]:
    column: sa.Column[str] = t.links.c.left_id if side is Side.LEFT else t.links.c.right_id
    return column


def _ends_of(row: sa.Row[tuple[str, ...]]) -> LinkEnds:
    return LinkEnds(**{name: row._mapping[name] for name in t.LINK_COLUMNS})


def chunks(ids: Iterable[str]) -> Iterator[Sequence[str]]:
    """Distinct ids, in pieces that fit one statement."""
    return pieces(sorted(set(ids)), _AT_ONCE)
