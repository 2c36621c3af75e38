"""What people have approved."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from crm_patterns.core.ports.runs import RunKey


class ApprovalStore(Protocol):
    """Answers of people, kept until what they approved is done, so that a killed task does not ask again."""

    def approve(self, run: RunKey, object_name: str, step: str, *, rows: int, by: str, at: datetime) -> None:
        """That `rows` rows may go in this step; a later answer replaces an earlier one."""

    def approved_rows(self, run: RunKey, object_name: str, step: str) -> int:
        """How many; 0 where nothing was approved, or where it is done."""

    def withdraw_approval(self, run: RunKey, object_name: str, step: str) -> None:
        """It is done."""
