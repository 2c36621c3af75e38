"""Who must not be contacted, as any system has said it: what a plan for two of them has to know of the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from crm_patterns.core.ports.runs import RunKey


@dataclass(frozen=True, slots=True)
class Restriction:
    """
    A record restricts: `email` in its normal form (`identity.email_key`), `restriction` by its name in Salesforce.

    `field_name` is where the record says it; a bounce is said elsewhere than an opt-out.
    """

    email: str
    restriction: str
    system: str
    object_name: str
    record_id: str
    field_name: str


@dataclass(frozen=True, slots=True)
class Lifted:
    """A record says, in so many words, that it does not restrict (any more). A blank says nothing."""

    system: str
    record_id: str
    field_name: str


class ConsentStore(Protocol):
    """The ledger of restrictions. What became of a record that was deleted stays: nobody has said yes."""

    def note_consent(
        self, run: RunKey, restrictions: Iterable[Restriction], lifted: Iterable[Lifted], *, at: datetime
    ) -> int:
        """Add what is new, remove what is lifted; returns how many restrictions are new."""

    def restrictions_of(self, emails: Iterable[str]) -> Sequence[Restriction]: ...

    def restricted_since(self, moment: datetime | None) -> tuple[Sequence[str], datetime | None]:
        """The mail addresses restricted after `moment` (None: ever), and when the newest of these was noted."""
