"""Is so much going at once that a person should look first?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Asked(Protocol):
    """What a person is asked: in a line, whole (Markdown), and about how many rows or records."""

    @property
    def object_name(self) -> str: ...

    @property
    def reason(self) -> str: ...

    @property
    def subject(self) -> str: ...

    @property
    def body(self) -> str: ...

    @property
    def rows(self) -> int: ...

    @property
    def page(self) -> str:
        """Where all of it can be looked at; empty where that is nowhere."""


@dataclass(frozen=True, slots=True)
class GuardRules:
    """
    Shares are 0..1 of the living rows; fewer than `deletes_at_least` rows never ask for anybody.

    `approved`: a person has approved already that so many rows go.
    """

    full_shrinks_by: float = 0.2
    deletes_share: float = 0.1
    deletes_at_least: int = 50
    approved: int = 0


@dataclass(frozen=True, slots=True)
class Volume:
    """
    What a publication would do to an object's living rows.

    `after` is how many a complete read brought, None for a read of a window; `deletes` how many would go.
    """

    before: int
    deletes: int
    after: int | None = None

    @property
    def lost(self) -> int:
        """How many fewer living rows a complete read brought."""
        return max(0, self.before - self.after) if self.after is not None else 0

    @property
    def going(self) -> int:
        return max(self.lost, self.deletes)


WHEN_PUBLISHED = (
    "**Approve** publishes it. **Reject** publishes nothing: the object fails, its watermark stays, and the next run "
    "reads again. Nothing of it is visible to anyone yet."
)


@dataclass(frozen=True, slots=True)
class Alarm:
    """
    Why a person has to approve first, in a sentence, with the keys of some of the rows that would go.

    `rows` is how many would; `answers` says, as Markdown, what each answer leads to.
    """

    object_name: str
    reason: str
    samples: Sequence[str] = ()
    rows: int = 0
    answers: str = WHEN_PUBLISHED
    page: str = ""

    @property
    def subject(self) -> str:
        return f"{self.object_name}: {self.reason}"

    @property
    def body(self) -> str:
        """Markdown, for the page in Airflow on which it is answered."""
        rows = "".join(f"- `{key}`\n" for key in self.samples)
        return (
            f"**{self.object_name}**: {self.reason}.\n\n"
            + (f"Some of the rows that would be marked as deleted:\n\n{rows}\n" if rows else "")
            + self.answers
        )


def alarm(volume: Volume, rules: GuardRules) -> str:
    """Why this is abnormal; empty where it is not, or where as many rows were approved already."""
    lost = volume.lost
    if volume.going <= rules.approved:
        return ""
    if lost > 0 and volume.after == 0:
        return f"the full read brought no living row, the table holds {volume.before:,}"
    if lost >= rules.deletes_at_least and lost > volume.before * rules.full_shrinks_by:
        share = lost / volume.before
        return (
            f"the full read brought {volume.after:,} living rows, the table holds {volume.before:,} ({share:.0%} fewer)"
        )
    if volume.deletes >= rules.deletes_at_least and volume.deletes > volume.before * rules.deletes_share:
        share = volume.deletes / volume.before if volume.before else 1.0
        return f"{volume.deletes:,} of {volume.before:,} living rows ({share:.0%}) would be marked as deleted"
    return ""
