"""Which records of two systems belong together, and what both sides last agreed on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from crm_patterns.core.changes import Agreement, LinkEnds, Side
from crm_patterns.core.ports.runs import RunKey


class LinkStore(Protocol):
    """Within a pairing a record has one counterpart at most; the database holds it, whoever writes at once."""

    def link(self, ends: Sequence[LinkEnds], *, run: RunKey, at: datetime) -> Sequence[LinkEnds]:
        """Those that could not be linked, because an end belongs to another record. Linking again is a no-op."""

    def links(self, pairing: str, side: Side, record_ids: Iterable[str]) -> Mapping[str, LinkEnds]:
        """The links of those records of that side, by the record's id."""

    def move_link(self, pairing: str, side: Side, *, old_id: str, new_id: str, run: RunKey, at: datetime) -> bool:
        """
        The record has another id now: converted, merged. What was agreed stays. True where a link was moved.

        Where `new_id` is linked already, the link of `old_id` ends instead: its record is no more.
        """

    def end_link(self, link_id: str, *, reason: str, run: RunKey, at: datetime) -> None:
        """Both may be linked anew. What was agreed is forgotten; that there was a link is not."""

    def agreements(self, link_ids: Iterable[str]) -> Mapping[str, Mapping[str, Agreement]]:
        """By link and name of the field. `written` and `before` of them are empty."""

    def count_links(self, pairing: str) -> int: ...
