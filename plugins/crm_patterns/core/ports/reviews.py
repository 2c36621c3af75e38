"""The queue of questions that a person has to decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from crm_patterns.core.changes import Side
from crm_patterns.core.ports.runs import RunKey
from crm_patterns.core.reviews import OpenReview, Review


class ReviewStore(Protocol):
    """Each question once, however often it is found."""

    def record_reviews(self, run: RunKey, compared: Iterable[str], reviews: Sequence[Review], *, at: datetime) -> None:
        """Ask these, keeping their answers; whatever else was open about the links compared is none any more."""

    def open_reviews(self, pairing: str) -> Sequence[OpenReview]:
        """The oldest first; those that were answered and not yet applied are among them."""

    def choose_review(self, review_id: str, side: Side, *, by: str, at: datetime) -> bool:
        """A person's answer. False where the question is not open (any more)."""

    def review_choices(self, pairing: str) -> Mapping[str, Side]:
        """Answers to open questions, by review."""

    def decided_records(self, pairing: str) -> Sequence[str]:
        """Ids, of both sides, of the linked records that open questions with an answer are about."""
