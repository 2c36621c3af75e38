"""Questions that no rule answers, and what a person said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from crm_patterns.core.changes import LinkEnds, Side
from crm_patterns.core.fingerprints import short_fingerprint
from crm_patterns.core.values import Value, print_of


@dataclass(frozen=True, slots=True)
class Review:
    """A field that a person has to decide. It is the same question as long as both sides hold the same."""

    link: LinkEnds
    field_name: str
    left: Value
    right: Value
    reason: str

    @property
    def review_id(self) -> str:
        return short_fingerprint(
            [self.link.link_id, self.field_name, print_of(self.left), print_of(self.right)], digits=24
        )


@dataclass(frozen=True, slots=True)
class OpenReview:
    """A question as it waits: the values as texts. `choice` is None until a person chose a side."""

    review_id: str
    pairing: str
    link_id: str
    field_name: str
    left: str | None
    right: str | None
    reason: str
    asked_at: datetime
    choice: Side | None = None
    chosen_by: str = ""
