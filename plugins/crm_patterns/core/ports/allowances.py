"""What a source still grants, kept for the tasks of a run."""

from __future__ import annotations

from typing import Protocol

from crm_patterns.core.ports.grants import Allowance
from crm_patterns.core.ports.runs import RunKey


class AllowanceStore(Protocol):
    """One question to the source serves all tasks of a run."""

    def note_allowance(self, run: RunKey, source: str, allowance: Allowance) -> None:
        """Replaces what was noted in this run before."""

    def allowance(self, run: RunKey, source: str) -> Allowance | None:
        """What this run has noted, its calls as the newest reply to any of its steps told them."""
