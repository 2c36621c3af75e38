"""The review queue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from crm_patterns.core.changes import Side
from crm_patterns.core.ports import RunKey
from crm_patterns.core.reviews import OpenReview, Review
from crm_patterns.core.values import text_of
from crm_patterns.state import tables as t
from crm_patterns.state.database import Transactions
from crm_patterns.state.links import chunks
from crm_patterns.state.upserts import insert_or_update


class ReviewMethods:
    """The port `ReviewStore`, for whoever has `_read` and `_write`; one transaction per method."""

    def record_reviews(
        self: Transactions, run: RunKey, compared: Iterable[str], reviews: Sequence[Review], *, at: datetime
    ) -> None:
        with self._write() as connection:
            record_reviews(connection, run, compared, reviews, at)

    def open_reviews(self: Transactions, pairing: str) -> Sequence[OpenReview]:
        asked = t.reviews.c
        query = sa.select(t.reviews).where(asked.pairing == pairing, asked.closed_at.is_(None))
        with self._read() as connection:
            rows = connection.execute(query.order_by(asked.asked_at, asked.review_id)).all()
        return [
            OpenReview(
                row.review_id, row.pairing, row.link_id, row.field_name, row.left_value, row.right_value, row.reason,
                row.asked_at, Side(row.choice) if row.choice else None, row.chosen_by,
            )
            for row in rows
        ]  # fmt: skip

    def choose_review(self: Transactions, review_id: str, side: Side, *, by: str, at: datetime) -> bool:
        asked = t.reviews.c
        statement = (
            sa.update(t.reviews)
            .where(asked.review_id == review_id, asked.closed_at.is_(None))
            .values(choice=side.value, chosen_by=by, chosen_at=at)
        )
        with self._write() as connection:
            return connection.execute(statement.returning(asked.review_id)).first() is not None

    def review_choices(self: Transactions, pairing: str) -> Mapping[str, Side]:
        asked = t.reviews.c
        query = sa.select(asked.review_id, asked.choice).where(
            asked.pairing == pairing, asked.closed_at.is_(None), asked.choice != ""
        )
        with self._read() as connection:
            return {row.review_id: Side(row.choice) for row in connection.execute(query)}

    def decided_records(self: Transactions, pairing: str) -> Sequence[str]:
        asked, linked = t.reviews.c, t.links.c
        query = (
            sa.select(linked.left_id, linked.right_id)
            .join(t.reviews, asked.link_id == linked.link_id)
            .where(asked.pairing == pairing, asked.closed_at.is_(None), asked.choice != "")
            .distinct()
        )
        with self._read() as connection:
            return sorted({record_id for row in connection.execute(query) for record_id in row})


def record_reviews(
    connection: Connection, run: RunKey, compared: Iterable[str], reviews: Sequence[Review], at: datetime
) -> None:
    asked, open_ids = t.reviews.c, {review.review_id for review in reviews}
    for some in chunks(compared):
        open_now = sa.select(asked.review_id).where(asked.link_id.in_(some), asked.closed_at.is_(None))
        over = set(connection.execute(open_now).scalars()) - open_ids
        for gone in chunks(over):
            connection.execute(sa.update(t.reviews).where(asked.review_id.in_(gone)).values(closed_at=at))
    for review in reviews:
        row = {
            "review_id": review.review_id,
            "pairing": review.link.pairing,
            "link_id": review.link.link_id,
            "field_name": review.field_name,
            "left_value": text_of(review.left),
            "right_value": text_of(review.right),
            "reason": review.reason,
            **asdict(run),
            "asked_at": at,
            "choice": "",
            "chosen_by": "",
            "chosen_at": None,
            "closed_at": None,
        }
        insert_or_update(connection, t.reviews, row, where=asked.closed_at.is_not(None))
