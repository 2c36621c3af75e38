"""How far the drift audit is, and what it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from crm_patterns.core.drift import AuditCycle, AuditShare, DriftFinding, SilentChange
from crm_patterns.core.ports.runs import RunKey


class DriftStore(Protocol):
    """Cycles of the audit, shares of runs, findings, and values that changed without a stamp."""

    def audit_cycle(self, source: str, object_name: str) -> AuditCycle | None: ...

    def begin_audit_cycle(self, source: str, object_name: str, cycle: AuditCycle) -> None:
        """In place of the one before."""

    def claim_audit(self, run: RunKey, source: str, object_name: str, proposed: AuditShare) -> AuditShare:
        """The share this run audits: the first proposal wins, a retry gets the same one back."""

    def audit_share(self, run: RunKey, source: str, object_name: str) -> AuditShare | None: ...

    def prove_audit(self, run: RunKey, source: str, object_name: str) -> None:
        """The run's share is done: its cycle, if it is still the same, stands at the share's end or beyond."""

    def record_findings(self, run: RunKey, object_name: str, findings: Sequence[DriftFinding], *, at: datetime) -> None:
        """Once per (run, object, key, column); again: only what became of it changes."""

    def findings(self, run: RunKey, object_name: str | None = None) -> Sequence[tuple[str, DriftFinding]]:
        """(object name, finding), by object, key and column."""

    def record_silent_changes(
        self, run: RunKey, object_name: str, rows_by_field: Mapping[tuple[str, str], int], *, at: datetime
    ) -> None:
        """Rows by (column, field name); the larger number stays where the run records a column again."""

    def silent_changes(self, run: RunKey) -> Sequence[SilentChange]:
        """What this run recorded; `is_new` where no run recorded the column before."""
